//===- Scalar.h - Element bodies over arith and math --------------------------------*- C++ -*-===//
//
// What the op records say in their bodies, for any element type and for scalars and vectors alike.
// i8 and i1 are unsigned, i32 is signed.
//
//===------------------------------------------------------------------------------------------===//
#ifndef DLC_LIB_IR_SCALAR_H
#define DLC_LIB_IR_SCALAR_H

#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace dlc::scalar {

enum class Relation { Eq, Ne, Lt, Le, Gt, Ge };

mlir::Value neg(mlir::ImplicitLocOpBuilder &b, mlir::Value x);
mlir::Value abs(mlir::ImplicitLocOpBuilder &b, mlir::Value x);
mlir::Value sign(mlir::ImplicitLocOpBuilder &b, mlir::Value x);
mlir::Value rsqrt(mlir::ImplicitLocOpBuilder &b, mlir::Value x);
mlir::Value sigmoid(mlir::ImplicitLocOpBuilder &b, mlir::Value x);
mlir::Value logicalNot(mlir::ImplicitLocOpBuilder &b, mlir::Value x);
mlir::Value add(mlir::ImplicitLocOpBuilder &b, mlir::Value lhs, mlir::Value rhs);
mlir::Value sub(mlir::ImplicitLocOpBuilder &b, mlir::Value lhs, mlir::Value rhs);
mlir::Value mul(mlir::ImplicitLocOpBuilder &b, mlir::Value lhs, mlir::Value rhs);
mlir::Value div(mlir::ImplicitLocOpBuilder &b, mlir::Value lhs, mlir::Value rhs);
mlir::Value mod(mlir::ImplicitLocOpBuilder &b, mlir::Value lhs, mlir::Value rhs);
mlir::Value max(mlir::ImplicitLocOpBuilder &b, mlir::Value lhs, mlir::Value rhs);
mlir::Value min(mlir::ImplicitLocOpBuilder &b, mlir::Value lhs, mlir::Value rhs);
mlir::Value compare(mlir::ImplicitLocOpBuilder &b, Relation relation, mlir::Value lhs,
                    mlir::Value rhs);

/// Converts to the element type `element`; to an integer rounds towards zero.
mlir::Value cast(mlir::ImplicitLocOpBuilder &b, mlir::Value x, mlir::Type element);

/// A constant of the given scalar or vector type.
mlir::Value constant(mlir::ImplicitLocOpBuilder &b, mlir::Type type, double value);

} // namespace dlc::scalar

#endif
