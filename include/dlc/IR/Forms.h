//===- Forms.h - What a function of a program looks like on its way -----------------*- C++ -*-===//
//
// Passes rely on what the ones before have done. Each of these says whether a function is in such a
// form, and reports the op that is not.
//
//===------------------------------------------------------------------------------------------===//
#ifndef DLC_IR_FORMS_H
#define DLC_IR_FORMS_H

#include "dlc/IR/DL.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace dlc {

/// One block without arguments or results, of dl ops alone, with nothing left to differentiate.
llvm::LogicalResult verifyGraph(mlir::func::FuncOp function);

/// Kernels over what dl.read, dl.input and kernels give; their results assigned or put out, maybe
/// under another shape.
llvm::LogicalResult verifyKernels(mlir::func::FuncOp function);

/// Kernels, each of whose operands and results has a place in the arena.
llvm::LogicalResult verifyPlanned(mlir::func::FuncOp function);

/// Tensors start at cache lines, on GPUs of 128 bytes, where they are also copied in bulk.
constexpr int64_t kArenaAlignment = 128;

/// The bytes that a tensor takes in the arena, if there is room for `rows` rows of a batch.
int64_t bytesInArena(mlir::Type type, int64_t rows);

} // namespace dlc

#endif
