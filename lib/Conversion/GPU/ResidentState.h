//===- ResidentState.h - Variables that stay in shared memory -----------------------*- C++ -*-===//
//
// In the training loop block n of a kernel falls to the same block of the grid in every step. What
// it updates element by element, weights and an optimizer's moments, can stay in that block's
// shared memory: read from memory in the first step, written there after the last one or, where
// other kernels read it, in each.
//
//===------------------------------------------------------------------------------------------===//
#ifndef DLC_LIB_CONVERSION_GPU_RESIDENTSTATE_H
#define DLC_LIB_CONVERSION_GPU_RESIDENTSTATE_H

#include "Launch.h"

namespace dlc {

/// A variable that a kernel of `@train` updates in place, each element from its old value.
struct ResidentVariable {
  int64_t argument, result; // its numbers among the kernel's
  bool isShared;            // other kernels read it: memory gets it in every step
};

/// What a block of a kernel keeps of its variables. A variable that is several arguments is listed
/// for each of them.
struct ResidentState {
  llvm::SmallVector<ResidentVariable> variables;
  int64_t elements = 0; // of each variable, that a block has room for
  int64_t bytes = 0;    // of a block

  /// Where the elements of the variable of a result begin within those bytes.
  int64_t offsetOf(KernelOp kernel, int64_t result) const;
};

/// The bytes that the kernel need not read or write in a step where all of that stays there.
int64_t residentTraffic(KernelOp kernel);

/// Finds what a kernel with its launch planned can keep, and states it as the attribute `resident`;
/// none where there is nothing.
void planResidentState(KernelOp kernel);

ResidentState residentStateOf(KernelOp kernel);

} // namespace dlc

#endif
