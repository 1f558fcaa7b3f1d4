//===- Alike.h - Kernels that one function can serve --------------------------------*- C++ -*-===//
#ifndef DLC_LIB_CONVERSION_ALIKE_H
#define DLC_LIB_CONVERSION_ALIKE_H

#include "dlc/IR/DL.h"

namespace dlc {

/// True if the same code serves both kernels: they differ only in where their tensors lie.
bool areAlike(KernelOp a, KernelOp b);

} // namespace dlc

#endif
