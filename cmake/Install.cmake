# bin/dlc, the embedding headers and runtime, the data sets of the examples, the licence, and what find_package(dlc) needs.
include(CMakePackageConfigHelpers)
set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/dlc)
install(TARGETS dlc RUNTIME)
install(TARGETS dlrt_shared EXPORT dlcTargets LIBRARY)
install(DIRECTORY include/dlrt DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(DIRECTORY examples/data/ DESTINATION ${CMAKE_INSTALL_DATADIR}/dlc/data)
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(EXPORT dlcTargets NAMESPACE dlc:: DESTINATION ${package_folder})
configure_package_config_file(cmake/dlcConfig.cmake.in ${PROJECT_BINARY_DIR}/dlcConfig.cmake
                              INSTALL_DESTINATION ${package_folder} PATH_VARS CMAKE_INSTALL_BINDIR)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/dlcConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/dlcConfig.cmake ${PROJECT_BINARY_DIR}/dlcConfigVersion.cmake DESTINATION ${package_folder})
