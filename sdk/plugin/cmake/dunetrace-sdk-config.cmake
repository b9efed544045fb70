# find_package(dunetrace-sdk) of an installed SDK: the headers as dunetrace::sdk, dune_add_plugin(), and in
# DUNETRACE_PROGRAM the host of the same installation (or of PATH), for `dunetrace plugin test` and `check`.
get_filename_component(_dunetrace_prefix "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)
if(NOT TARGET dunetrace::sdk)
  add_library(dunetrace::sdk INTERFACE IMPORTED)
  target_include_directories(dunetrace::sdk INTERFACE ${_dunetrace_prefix}/include)
endif()
find_program(DUNETRACE_PROGRAM dunetrace HINTS ${_dunetrace_prefix}/bin)
include(${CMAKE_CURRENT_LIST_DIR}/dune_plugin.cmake)
