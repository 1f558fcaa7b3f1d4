//===- Passes.h - From kernels to loops and to LLVM's dialect -----------------------*- C++ -*-===//
#ifndef DLC_CONVERSION_PASSES_H
#define DLC_CONVERSION_PASSES_H

#include "dlc/IR/DL.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Pass/Pass.h"

namespace mlir {
class OpPassManager;
}

namespace dlc {

#define GEN_PASS_DECL
#include "dlc/Conversion/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "dlc/Conversion/Passes.h.inc"

/// Loops, vectors and arithmetic to LLVM's dialect; exp, tanh and their like become polynomials or,
/// in f64 where the target has a libm, calls of it.
void addLoopsToLLVMPasses(mlir::OpPassManager &manager, bool hasLibm);

} // namespace dlc

#endif
