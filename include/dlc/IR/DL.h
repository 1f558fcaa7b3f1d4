//===- DL.h - The dl dialect: ops, interfaces ---------------------------------------*- C++ -*-===//
#ifndef DLC_IR_DL_H
#define DLC_IR_DL_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "DLDialect.h.inc"
#include "DLInterfaces.h.inc"

namespace dlc {

/// True if no dimension is unknown but the first, which may be the batch.
bool hasBatchInFront(mlir::Type type);

} // namespace dlc

#define GET_OP_CLASSES
#include "DLOps.h.inc"

namespace dlc {

/// How many columns of a matrix lie together where it is stored in panels (LayOutWeights.cpp): a
/// multiple of every vector's width.
constexpr int64_t kPanelColumns = 32;

/// The type without the given dimensions.
mlir::RankedTensorType reducedType(mlir::Type type, llvm::ArrayRef<int64_t> dims);

/// True for f32 and f64 elements.
bool isFloat(mlir::Value value);

/// True for bf16 and f16, in which operands of products are stored on GPUs.
inline bool isHalf(mlir::Type element) { return element.isBF16() || element.isF16(); }

/// True if the first dimension is the batch.
bool isBatched(mlir::Type type);

/// `value` as a number of the type `element`. Where there are no infinities, these are its smallest
/// and largest number; i8 and i1 are unsigned.
mlir::TypedAttr numberAttr(mlir::Type element, double value);

/// The value of a constant of equal elements, also seen through broadcasts and casts; none
/// otherwise.
std::optional<double> splatValue(mlir::Value value);

} // namespace dlc

#endif
