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

/// When kernels run, counted in phases from their step's begin, and how many phases a step takes.
/// Results in `doubled` need a place for even and one for odd steps.
struct LoopSchedule {
  int64_t phases = 1;
  llvm::SmallVector<int64_t> times; // of each kernel in order
  llvm::DenseSet<mlir::Value> doubled;
};

/// Chooses as few phases as the kernels' use of memory allows.
LoopSchedule scheduleLoop(mlir::func::FuncOp train);

/// Gives each kernel its place as the attribute `loop`; second places are at the arena's end.
void planLoop(mlir::func::FuncOp train, const LoopSchedule &schedule);

LoopPlace loopPlaceOf(KernelOp kernel);
int64_t loopPhases(mlir::func::FuncOp train);
/// The shared memory that the kernels of a step use in turn; resident state lies behind it.
int64_t loopSharedBytes(mlir::func::FuncOp train);

} // namespace dlc

#endif
