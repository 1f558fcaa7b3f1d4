//===- LoopPlan.h - When the training loop runs which kernel of which step ----------*- C++ -*-===//
#ifndef DLC_LIB_CONVERSION_GPU_LOOPPLAN_H
#define DLC_LIB_CONVERSION_GPU_LOOPPLAN_H

#include "dlc/IR/DL.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace dlc {

/// A turn of the training loop has phases, between which all blocks wait for each other. Within a
/// phase kernels run side by side.
struct LoopPlace {
  int64_t phase;
  int64_t behind; // in turn t the kernel works on step t - behind
  /// Two offsets in the arena for each result: of even and of odd steps. The same where one does.
  llvm::ArrayRef<int64_t> places;
};

/// Chooses as few phases as the kernels' use of memory allows, and gives each kernel its place as
/// the attribute `loop`. Results of two steps that overlap get a second place at the arena's end.
void planLoop(mlir::func::FuncOp train);

LoopPlace loopPlaceOf(KernelOp kernel);
int64_t loopPhases(mlir::func::FuncOp train);
/// The shared memory that the kernels of a step use in turn; resident state lies behind it.
int64_t loopSharedBytes(mlir::func::FuncOp train);

} // namespace dlc

#endif
