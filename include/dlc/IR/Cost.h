//===- Cost.h - What a kernel computes and moves ------------------------------------*- C++ -*-===//
#ifndef DLC_IR_COST_H
#define DLC_IR_COST_H

#include "dlc/IR/DL.h"

namespace dlc {

/// Work of a kernel on a full batch.
struct Cost {
  int64_t flop = 0;  // floating-point operations: one for each element of an arithmetic op, two for
                     // each multiply-add of a product
  int64_t bytes = 0; // of all tensors that it reads and writes, each once
};

Cost costOf(KernelOp kernel, int64_t batch);

} // namespace dlc

#endif
