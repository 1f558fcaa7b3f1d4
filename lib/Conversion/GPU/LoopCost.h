//===- LoopCost.h - How long a training step takes by either loop -------------------*- C++ -*-===//
#ifndef DLC_LIB_CONVERSION_GPU_LOOPCOST_H
#define DLC_LIB_CONVERSION_GPU_LOOPCOST_H

#include "LoopPlan.h"

namespace dlc {

// Estimates, in microseconds: good for choosing, and no measurements. Of `train`, whose kernels'
// launches are planned.

/// Of a step by launches. With `early` ones a kernel is set up while the one before it still runs.
double costOfGraph(mlir::func::FuncOp train, bool early);

/// Whether one kernel can do all steps.
bool canStay(mlir::func::FuncOp train);
/// Of a step by that kernel, in the phases of the schedule.
double costOfStaying(mlir::func::FuncOp train, const LoopSchedule &schedule);

} // namespace dlc

#endif
