# bin/dlc, the embedding headers and runtime, the data sets of the examples, and what find_package(dlc) needs.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
install(TARGETS dlc RUNTIME)
install(DIRECTORY include/dlrt DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(DIRECTORY examples/data/ DESTINATION ${CMAKE_INSTALL_DATADIR}/dlc/data)
