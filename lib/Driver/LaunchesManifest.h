//===- LaunchesManifest.h - What a device is given to do, as JSON -------------------*- C++ -*-===//
#ifndef DLC_LIB_DRIVER_LAUNCHESMANIFEST_H
#define DLC_LIB_DRIVER_LAUNCHESMANIFEST_H

#include "dlc/Driver/Compiler.h"

#include "llvm/Support/JSON.h"

namespace dlc {

/// Writes the launches of each function and of each kernel that can be measured alone: the entries
/// of the manifest's `routines`.
void writeRoutines(mlir::ModuleOp module, const ProgramInfo &program, llvm::json::OStream &json);

} // namespace dlc

#endif
