//===- DeviceCode.h - From LLVM's dialect to code for a GPU -------------------------*- C++ -*-===//
#ifndef DLC_LIB_TARGET_DEVICECODE_H
#define DLC_LIB_TARGET_DEVICECODE_H

#include "dlc/Target/CodeGenerator.h"

#include "llvm/Target/TargetMachine.h"

namespace dlc {

/// The GPU of that name (`sm_75` to `sm_121`, or `emulator`), or nothing.
std::optional<TargetDescription> describeDevice(llvm::StringRef name);

/// What generates code for a processor.
llvm::Expected<std::unique_ptr<llvm::TargetMachine>>
createHostMachine(const TargetDescription &target);

/// Translates a module whose functions are kernels: LLVM IR, assembly (PTX), or the image that a
/// driver loads (PTX; a shared library for the emulator).
llvm::Expected<llvm::SmallVector<char, 0>>
generateDeviceCode(mlir::ModuleOp module, const TargetDescription &target, CodeForm form);

} // namespace dlc

#endif
