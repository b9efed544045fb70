# The few functions that declare every target of this repository, so that a folder's CMakeLists.txt only lists
# what it is made of. A library sees the headers of the folders named in its DEPS and of no others: an include
# that the architecture forbids does not compile.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_C_STANDARD 11)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
include(CheckPIESupported)
check_pie_supported()

# The build tree has the shape of an installation, so the binary finds everything relative to itself in both.
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
set(DUNE_PLUGIN_DIR ${PROJECT_BINARY_DIR}/lib/dunetrace/plugins)
set(DUNE_SHARE_DIR ${PROJECT_BINARY_DIR}/share/dunetrace)
file(MAKE_DIRECTORY ${DUNE_PLUGIN_DIR} ${DUNE_SHARE_DIR})
foreach(part migrations dashboard detectors.yml)
  file(CREATE_LINK ${PROJECT_SOURCE_DIR}/${part} ${DUNE_SHARE_DIR}/${part} SYMBOLIC)
endforeach()

find_program(DUNE_CCACHE ccache)
if(DUNE_CCACHE)
  set(_launcher ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
      CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${DUNE_CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${_launcher})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${_launcher})
endif()

find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(simdjson REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(CURL REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(ZLIB REQUIRED)
find_package(tl-expected REQUIRED)
pkg_check_modules(PISTACHE REQUIRED IMPORTED_TARGET libpistache)
pkg_check_modules(PQXX REQUIRED IMPORTED_TARGET libpqxx)

add_library(dune_flags INTERFACE)
target_compile_options(dune_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow $<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor>
                       -Wconversion -fno-omit-frame-pointer -fstack-protector-strong)
if(DUNETRACE_WERROR)
  target_compile_options(dune_flags INTERFACE -Werror)
endif()
if(CMAKE_BUILD_TYPE STREQUAL "RelWithDebInfo" OR CMAKE_BUILD_TYPE STREQUAL "Release")
  target_compile_options(dune_flags INTERFACE -O2 -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
  # g++ 12 with -O2 sees overlaps and overflows inside of std::string's own operator+ that are not there.
  target_compile_options(dune_flags INTERFACE
    $<$<CXX_COMPILER_ID:GNU>:-Wno-array-bounds;-Wno-restrict;-Wno-stringop-overflow;-Wno-stringop-overread>)
endif()
target_compile_definitions(dune_flags INTERFACE _GLIBCXX_ASSERTIONS)
target_link_options(dune_flags INTERFACE -Wl,-z,relro -Wl,-z,now)
if(DUNETRACE_SANITIZE)
  target_compile_options(dune_flags INTERFACE -fsanitize=${DUNETRACE_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(dune_flags INTERFACE -fsanitize=${DUNETRACE_SANITIZE})
endif()

# What tests/fuzz/ needs of a folder, where that is little: DUNE_FUZZ_PARTS_<folder>.
if(DUNETRACE_FUZZ)
  include(dune_fuzz_parts)
endif()

# One precompiled header of the standard library for all of host/ and the tests.
file(WRITE ${PROJECT_BINARY_DIR}/pch/anchor.cpp "// anchor of the precompiled header\n")
add_library(dune_pch STATIC ${PROJECT_BINARY_DIR}/pch/anchor.cpp)
target_link_libraries(dune_pch PRIVATE dune_flags)
target_precompile_headers(dune_pch PRIVATE <algorithm> <chrono> <functional> <memory> <mutex> <optional> <span> <string>
                          <string_view> <thread> <unordered_map> <utility> <variant> <vector>)
target_compile_options(dune_pch PRIVATE $<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess>
                       $<$<CXX_COMPILER_ID:Clang>:SHELL:-Xclang -fno-pch-timestamp>)  # for ccache

function(_dune_common target)
  target_link_libraries(${target} PRIVATE dune_flags)
  # The precompiled header is built with -fPIC; a program's own -fPIE would not take it.
  target_compile_options(${target} PRIVATE -fPIC $<$<AND:$<CXX_COMPILER_ID:GNU>,$<COMPILE_LANGUAGE:CXX>>:-fpch-preprocess>)
  target_precompile_headers(${target} REUSE_FROM dune_pch)
endfunction()

# dune_library(NAME SOURCES … [DEPS dunetrace::x …] [PRIVATE_DEPS …]): the folder host/NAME as a static library.
function(dune_library name)
  cmake_parse_arguments(A "" "" "SOURCES;DEPS;PRIVATE_DEPS" ${ARGN})
  set(target dunetrace_${name})
  if(DEFINED DUNE_FUZZ_PARTS_${name})
    set(A_SOURCES ${DUNE_FUZZ_PARTS_${name}})
  endif()
  add_library(${target} STATIC ${A_SOURCES})
  add_library(dunetrace::${name} ALIAS ${target})
  set(view ${PROJECT_BINARY_DIR}/include/${name})
  file(MAKE_DIRECTORY ${view})
  file(CREATE_LINK ${CMAKE_CURRENT_SOURCE_DIR} ${view}/${name} SYMBOLIC)
  target_include_directories(${target} PUBLIC ${view})
  target_link_libraries(${target} PUBLIC ${A_DEPS} tl::expected Threads::Threads PRIVATE ${A_PRIVATE_DEPS})
  _dune_common(${target})
endfunction()

# dune_test(NAME SOURCES … DEPS … [LABELS …] [TIMEOUT s] [ARGS …]): a GoogleTest program, one ctest entry for the program.
function(dune_test name)
  cmake_parse_arguments(A "" "TIMEOUT" "SOURCES;DEPS;LABELS;ARGS" ${ARGN})
  find_package(GTest REQUIRED)
  add_executable(${name} ${A_SOURCES})
  target_link_libraries(${name} PRIVATE ${A_DEPS} GTest::gtest GTest::gmock GTest::gtest_main)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
  target_compile_definitions(${name} PRIVATE DUNE_SOURCE_DIR="${PROJECT_SOURCE_DIR}" DUNE_BINARY_DIR="${PROJECT_BINARY_DIR}")
  _dune_common(${name})
  add_test(NAME ${name} COMMAND ${name} ${A_ARGS})
  if(NOT A_TIMEOUT)
    set(A_TIMEOUT 120)
  endif()
  set_tests_properties(${name} PROPERTIES LABELS "${A_LABELS}" TIMEOUT ${A_TIMEOUT})
endfunction()
