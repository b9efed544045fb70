# Installation: bin/dunetrace, lib/dunetrace/plugins, share/dunetrace. The plugin SDK installs itself (sdk/plugin).
include(GNUInstallDirs)
install(TARGETS dunetrace RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(DIRECTORY ${DUNE_PLUGIN_DIR}/ DESTINATION lib/dunetrace/plugins FILES_MATCHING PATTERN "*.so" PATTERN "plugins.lock")
install(DIRECTORY ${PROJECT_SOURCE_DIR}/migrations ${PROJECT_SOURCE_DIR}/dashboard DESTINATION share/dunetrace)
install(FILES ${PROJECT_SOURCE_DIR}/detectors.yml DESTINATION share/dunetrace)
