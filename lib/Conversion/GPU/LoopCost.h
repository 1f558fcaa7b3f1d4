//===- LoopCost.h - How long a training step takes by either loop -------------------*- C++ -*-===//
#ifndef DLC_LIB_CONVERSION_GPU_LOOPCOST_H
#define DLC_LIB_CONVERSION_GPU_LOOPCOST_H

#include "dlc/IR/DL.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <optional>

namespace dlc {

/// Estimates, in microseconds: good for choosing, and no measurements.
struct LoopCost {
  double graph = 0;
  std::optional<double> persistent; // none where one kernel cannot do the step

  bool prefersPersistent() const { return persistent && *persistent < graph; }
};

/// Of `train`, whose kernels' launches are planned. With `earlyLaunches` a kernel is set up while
/// the one before it still runs.
LoopCost costOfLoops(mlir::func::FuncOp train, bool earlyLaunches);

} // namespace dlc

#endif
