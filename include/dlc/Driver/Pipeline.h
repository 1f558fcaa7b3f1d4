//===- Pipeline.h - The one ordered list of passes ----------------------------------*- C++ -*-===//
#ifndef DLC_DRIVER_PIPELINE_H
#define DLC_DRIVER_PIPELINE_H

#include "dlc/Target/CodeGenerator.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"

namespace dlc {

/// The forms that a program takes on its way; each pass brings it nearer to the last.
enum class Phase { Graph, Step, Kernels, Loops, LLVM };

/// A context with every dialect that the compiler uses.
std::unique_ptr<mlir::MLIRContext> createContext();

/// Takes a module that is in the phase `first` to `last`. Failure is a bug of the compiler, already
/// reported.
llvm::LogicalResult lower(mlir::ModuleOp module, const TargetDescription &target, Phase first,
                          Phase last);

} // namespace dlc

#endif
