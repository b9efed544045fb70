# Installation: bin/dunetrace, lib/dunetrace/plugins, share/dunetrace. The plugin SDK installs itself (sdk/plugin).
include(GNUInstallDirs)
install(TARGETS dunetrace RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(DIRECTORY ${DUNE_PLUGIN_DIR}/ DESTINATION lib/dunetrace/plugins FILES_MATCHING PATTERN "*.so" PATTERN "plugins.lock")
install(DIRECTORY ${PROJECT_SOURCE_DIR}/migrations ${PROJECT_SOURCE_DIR}/dashboard DESTINATION share/dunetrace)
install(FILES ${PROJECT_SOURCE_DIR}/detectors.yml DESTINATION share/dunetrace)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/docs/ DESTINATION share/doc/dunetrace)
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION share/doc/dunetrace)
# Those for plugin authors come with the SDK alone, too.
foreach(page writing-a-plugin templates plugin-check destinations)
  install(FILES ${PROJECT_SOURCE_DIR}/docs/${page}.md DESTINATION share/doc/dunetrace COMPONENT sdk)
endforeach()
