# dune_add_plugin(NAME SOURCES …): a plugin library NAME.so with the flags the contract asks for. Works in this tree and
# in an author's own project after find_package(dunetrace-sdk). The file goes to ${DUNE_PLUGIN_DIR} when that is set,
# else to the usual output folder.

function(dune_add_plugin name)
  cmake_parse_arguments(A "" "" "SOURCES" ${ARGN})
  if(NOT A_SOURCES OR A_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "dune_add_plugin(${name}): expected SOURCES file…, got '${ARGN}'")
  endif()
  # Not the plain name: a plugin may well be called like a library of the host.
  set(target plugin_${name})
  set(exports ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/plugin_exports.map)
  add_library(${target} MODULE ${A_SOURCES})
  target_link_libraries(${target} PRIVATE dunetrace::sdk)
  get_property(languages GLOBAL PROPERTY ENABLED_LANGUAGES)
  if("CXX" IN_LIST languages)  # a project may be in C alone
    target_compile_features(${target} PRIVATE cxx_std_17)
  endif()
  set_target_properties(${target} PROPERTIES
    PREFIX "" OUTPUT_NAME ${name}
    C_VISIBILITY_PRESET hidden CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON
    POSITION_INDEPENDENT_CODE ON
    LINK_DEPENDS ${exports})
  if(DUNE_PLUGIN_DIR)
    set_target_properties(${target} PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${DUNE_PLUGIN_DIR})
  endif()
  # A unique symbol would keep the library mapped for ever and be shared between plugins; only GCC makes them.
  target_compile_options(${target} PRIVATE $<$<AND:$<CXX_COMPILER_ID:GNU>,$<COMPILE_LANGUAGE:CXX>>:-fno-gnu-unique>)
  target_link_options(${target} PRIVATE -Wl,-z,defs -Wl,-z,now -Wl,-z,relro
                      -Wl,--version-script=${exports})
  if(TARGET dune_flags)  # warnings, hardening and sanitizers of this tree
    target_link_libraries(${target} PRIVATE dune_flags)
  endif()
  set_property(GLOBAL APPEND PROPERTY DUNE_PLUGINS ${target})
endfunction()
