# find_package(dunetrace-sdk) of an installed SDK: the headers as dunetrace::sdk, and dune_add_plugin().
if(NOT TARGET dunetrace::sdk)
  get_filename_component(_dunetrace_prefix "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)
  add_library(dunetrace::sdk INTERFACE IMPORTED)
  target_include_directories(dunetrace::sdk INTERFACE ${_dunetrace_prefix}/include)
endif()
include(${CMAKE_CURRENT_LIST_DIR}/dune_plugin.cmake)
