//===- Emulation.h - Device code for the emulator -----------------------------------*- C++ -*-===//
#ifndef DLC_LIB_TARGET_EMULATION_H
#define DLC_LIB_TARGET_EMULATION_H

#include "llvm/IR/Module.h"
#include "llvm/Support/Error.h"
#include "llvm/Target/TargetMachine.h"

namespace dlc {

/// Makes a module of kernels for a GPU one for `machine`, the processor of this computer: what the
/// device has and it has not becomes calls of the emulator's functions (test/Emulator). Each kernel
/// is told how many arguments it takes by a number of its name with `.arguments` behind it. Fails
/// on an intrinsic that has no emulation.
llvm::Error retargetToEmulator(llvm::Module &code, llvm::TargetMachine &machine);

} // namespace dlc

#endif
