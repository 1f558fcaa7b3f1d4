//===- Builders.h - Shorthands that make dl ops -------------------------------------*- C++ -*-===//
//
// Used by gradients, the frontend and passes. Each returns the op's result; elementwise ones take
// operands of one type.
//
//===------------------------------------------------------------------------------------------===//
#ifndef DLC_IR_BUILDERS_H
#define DLC_IR_BUILDERS_H

#include "dlc/IR/DL.h"

namespace dlc {

using Builder = mlir::ImplicitLocOpBuilder;

mlir::Value neg(Builder &b, mlir::Value x);
mlir::Value exp(Builder &b, mlir::Value x);
mlir::Value log(Builder &b, mlir::Value x);
mlir::Value sin(Builder &b, mlir::Value x);
mlir::Value cos(Builder &b, mlir::Value x);
mlir::Value sign(Builder &b, mlir::Value x);
mlir::Value add(Builder &b, mlir::Value lhs, mlir::Value rhs);
mlir::Value sub(Builder &b, mlir::Value lhs, mlir::Value rhs);
mlir::Value mul(Builder &b, mlir::Value lhs, mlir::Value rhs);
mlir::Value div(Builder &b, mlir::Value lhs, mlir::Value rhs);
mlir::Value pow(Builder &b, mlir::Value lhs, mlir::Value rhs);
mlir::Value eq(Builder &b, mlir::Value lhs, mlir::Value rhs);
mlir::Value gt(Builder &b, mlir::Value lhs, mlir::Value rhs);
mlir::Value lt(Builder &b, mlir::Value lhs, mlir::Value rhs);
mlir::Value select(Builder &b, mlir::Value condition, mlir::Value lhs, mlir::Value rhs);

/// The same shape with another element type; `x` itself where that is its type.
mlir::Value cast(Builder &b, mlir::Value x, mlir::Type element);

/// A tensor of shape [] holding `value`.
mlir::Value scalarConstant(Builder &b, mlir::Type element, double value);

/// A tensor of the given type (the batch included) with all elements `value`.
mlir::Value splat(Builder &b, mlir::Type type, double value);

/// A tensor of the type of `x` with all elements `value`.
mlir::Value like(Builder &b, mlir::Value x, double value);

/// Dimension i of `x` becomes dimension dims[i] of `type`; `x` itself where that changes nothing.
mlir::Value broadcast(Builder &b, mlir::Value x, llvm::ArrayRef<int64_t> dims, mlir::Type type);

/// Spreads a reduced value over the dimensions that a reduction of a tensor of `type` along `dims`
/// removed.
mlir::Value unreduce(Builder &b, mlir::Value reduced, llvm::ArrayRef<int64_t> dims,
                     mlir::Type type);

/// Sum along `dims`; `x` itself for none.
mlir::Value sum(Builder &b, mlir::Value x, llvm::ArrayRef<int64_t> dims);

mlir::Value transpose(Builder &b, mlir::Value x, llvm::ArrayRef<int64_t> permutation);
mlir::Value reshape(Builder &b, mlir::Value x, mlir::Type type);

/// One of the runtime's numbers as a scalar, see dl.runtime.
mlir::Value runtimeNumber(Builder &b, llvm::StringRef name, mlir::Type element);

/// Adjoint of a maximum or minimum `y` of `x` along `dims`; ties share it evenly.
mlir::Value extremumGradient(Builder &b, mlir::Value x, mlir::Value y, mlir::Value dy,
                             llvm::ArrayRef<int64_t> dims);

/// Adjoints of y = base ^ exponent, finite where the power is: at a base of 0 too.
mlir::Value powerBaseGradient(Builder &b, mlir::Value base, mlir::Value exponent, mlir::Value dy);
mlir::Value powerExponentGradient(Builder &b, mlir::Value base, mlir::Value exponent, mlir::Value y,
                                  mlir::Value dy);

} // namespace dlc

#endif
