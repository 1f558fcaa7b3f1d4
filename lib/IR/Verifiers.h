//===- Verifiers.h - Shared by the generated op classes -----------------------------*- C++ -*-===//
#ifndef DLC_LIB_IR_VERIFIERS_H
#define DLC_LIB_IR_VERIFIERS_H

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/OpDefinition.h"

namespace dlc {

/// Distinct, in range [0, rank).
bool validDims(llvm::ArrayRef<int64_t> dims, int64_t rank);

/// `dims` ascending and inside `x`; `y` is `x` without them.
llvm::LogicalResult verifyReduction(mlir::Operation *op, mlir::Value x,
                                    llvm::ArrayRef<int64_t> dims, mlir::Value y);

/// How many elements a tensor has; for a batched one, each row of it.
int64_t elementsOf(mlir::RankedTensorType type);

/// Identities such as x + 0, and the whole op on constants.
mlir::OpFoldResult foldElementwise(mlir::Operation *op, llvm::ArrayRef<mlir::Attribute> operands);

} // namespace dlc

#endif
