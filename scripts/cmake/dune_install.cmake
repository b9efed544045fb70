# Installation: bin/dunetrace, lib/dunetrace/plugins, share/dunetrace and the plugin SDK's headers.
include(GNUInstallDirs)
install(TARGETS dunetrace RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(DIRECTORY ${DUNE_PLUGIN_DIR}/ DESTINATION lib/dunetrace/plugins FILES_MATCHING PATTERN "*.so")
install(DIRECTORY ${PROJECT_SOURCE_DIR}/migrations ${PROJECT_SOURCE_DIR}/dashboard DESTINATION share/dunetrace)
install(FILES ${PROJECT_SOURCE_DIR}/detectors.yml DESTINATION share/dunetrace)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/sdk/plugin/include/dunetrace DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
