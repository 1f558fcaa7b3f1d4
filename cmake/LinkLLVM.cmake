# How a target gets LLVM and MLIR: development builds link their shared libraries, which is quick; release builds link the archives,
# so that the binary starts in a few milliseconds and needs no LLVM on the machine. The imported CMake targets of the archives
# drag in libLLVM.so, so the archives are named by path, in one group that the linker searches until nothing is missing.
include_directories(SYSTEM ${LLVM_INCLUDE_DIRS} ${MLIR_INCLUDE_DIRS})
add_definitions(${LLVM_DEFINITIONS_LIST})

function(dlc_link_llvm target)
  set(lld ${LLVM_LIBRARY_DIR}/liblldELF.a ${LLVM_LIBRARY_DIR}/liblldCommon.a)
  if(NOT DLC_STATIC)
    target_link_libraries(${target} PRIVATE ${lld} ${LLVM_LIBRARY_DIR}/libMLIR.so ${LLVM_LIBRARY_DIR}/libLLVM.so z zstd)
    set_target_properties(${target} PROPERTIES BUILD_RPATH ${LLVM_LIBRARY_DIR} INSTALL_RPATH ${LLVM_LIBRARY_DIR})
    return()
  endif()
  file(GLOB mlir ${LLVM_LIBRARY_DIR}/libMLIR*.a)
  file(GLOB llvm ${LLVM_LIBRARY_DIR}/libLLVM*.a)
  list(FILTER mlir EXCLUDE REGEX "CAPI|Python|Tblgen|TestLib|Test|LspServer|Query|Reduce|MlirOptMain|OptLib")
  list(FILTER llvm EXCLUDE REGEX "Exegesis|LTO\\.a|Fuzz|TableGen|Telemetry")
  # Before the archives, so that what it defines is not taken from them.
  target_sources(${target} PRIVATE ${PROJECT_SOURCE_DIR}/lib/Target/LinkerStubs.cpp)
  target_compile_definitions(${target} PRIVATE DLC_STATIC)
  target_link_libraries(${target} PRIVATE -Wl,--start-group ${lld} ${mlir} ${llvm} -Wl,--end-group z zstd tinfo dl m)
  target_link_options(${target} PRIVATE -fuse-ld=lld -static-libstdc++ -static-libgcc -Wl,--gc-sections -Wl,-s)
endfunction()
