//===- Builders.cpp --------------------------------------------------------------------------===//
#include "dlc/IR/Builders.h"

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"

using namespace mlir;

namespace dlc {

Value neg(Builder &b, Value x) { return NegOp::create(b, x); }
Value exp(Builder &b, Value x) { return ExpOp::create(b, x); }
Value log(Builder &b, Value x) { return LogOp::create(b, x); }
Value sin(Builder &b, Value x) { return SinOp::create(b, x); }
Value cos(Builder &b, Value x) { return CosOp::create(b, x); }
Value sign(Builder &b, Value x) { return SignOp::create(b, x); }
Value add(Builder &b, Value lhs, Value rhs) { return AddOp::create(b, lhs, rhs); }
Value sub(Builder &b, Value lhs, Value rhs) { return SubOp::create(b, lhs, rhs); }
Value mul(Builder &b, Value lhs, Value rhs) { return MulOp::create(b, lhs, rhs); }
Value div(Builder &b, Value lhs, Value rhs) { return DivOp::create(b, lhs, rhs); }
Value pow(Builder &b, Value lhs, Value rhs) { return PowOp::create(b, lhs, rhs); }
Value eq(Builder &b, Value lhs, Value rhs) { return EqOp::create(b, lhs, rhs); }
Value gt(Builder &b, Value lhs, Value rhs) { return GtOp::create(b, lhs, rhs); }
Value lt(Builder &b, Value lhs, Value rhs) { return LtOp::create(b, lhs, rhs); }

Value select(Builder &b, Value condition, Value lhs, Value rhs) {
  return SelectOp::create(b, lhs.getType(), condition, lhs, rhs);
}

Value cast(Builder &b, Value x, Type element) {
  auto type = llvm::cast<RankedTensorType>(x.getType());
  if (type.getElementType() == element)
    return x;
  return CastOp::create(b, type.clone(element), x);
}

Value scalarConstant(Builder &b, Type element, double value) {
  auto type = RankedTensorType::get({}, element);
  Attribute number = numberAttr(element, value);
  return ConstantOp::create(b, type, DenseElementsAttr::get(type, number));
}

Value splat(Builder &b, Type type, double value) {
  Value scalar = scalarConstant(b, getElementTypeOrSelf(type), value);
  return broadcast(b, scalar, {}, type);
}

Value like(Builder &b, Value x, double value) { return splat(b, x.getType(), value); }

Value broadcast(Builder &b, Value x, ArrayRef<int64_t> dims, Type type) {
  if (x.getType() == type)
    return x;
  return BroadcastOp::create(b, type, x, b.getDenseI64ArrayAttr(dims));
}

Value unreduce(Builder &b, Value reduced, ArrayRef<int64_t> dims, Type type) {
  SmallVector<int64_t> kept;
  for (int64_t d = 0, rank = llvm::cast<RankedTensorType>(type).getRank(); d < rank; ++d)
    if (!llvm::is_contained(dims, d))
      kept.push_back(d);
  return broadcast(b, reduced, kept, type);
}

Value sum(Builder &b, Value x, ArrayRef<int64_t> dims) {
  if (dims.empty())
    return x;
  return ReduceSumOp::create(b, x, dims);
}

Value transpose(Builder &b, Value x, ArrayRef<int64_t> permutation) {
  for (auto [i, d] : llvm::enumerate(permutation))
    if (static_cast<int64_t>(i) != d)
      return TransposeOp::create(b, x, permutation);
  return x;
}

Value reshape(Builder &b, Value x, Type type) {
  if (x.getType() == type)
    return x;
  return ReshapeOp::create(b, type, x);
}

Value runtimeNumber(Builder &b, StringRef name, Type element) {
  return RuntimeOp::create(b, RankedTensorType::get({}, element), b.getStringAttr(name));
}

Value extremumGradient(Builder &b, Value x, Value y, Value dy, ArrayRef<int64_t> dims) {
  Type element = getElementTypeOrSelf(x.getType());
  Value hit = cast(b, eq(b, x, unreduce(b, y, dims, x.getType())), element);
  Value share = div(b, dy, sum(b, hit, dims));
  return mul(b, hit, unreduce(b, share, dims, x.getType()));
}

/// `slope` but 0 where the condition holds.
static Value zeroWhere(Builder &b, Value condition, Value slope) {
  return select(b, condition, like(b, slope, 0.0), slope);
}

static Value isZero(Builder &b, Value x) { return eq(b, x, like(b, x, 0.0)); }

Value powerBaseGradient(Builder &b, Value base, Value exponent, Value dy) {
  if (std::optional<double> known = splatValue(exponent)) {
    if (*known == 0)
      return like(b, dy, 0.0);
    return mul(b, dy, mul(b, exponent, pow(b, base, like(b, exponent, *known - 1))));
  }
  Value less = pow(b, base, sub(b, exponent, like(b, exponent, 1.0)));
  // x^0 is 1 at 0 too, where this is 0 times infinity.
  return zeroWhere(b, AndOp::create(b, isZero(b, base), isZero(b, exponent)),
                   mul(b, dy, mul(b, exponent, less)));
}

Value powerExponentGradient(Builder &b, Value base, Value exponent, Value y, Value dy) {
  Value slope = mul(b, dy, mul(b, y, log(b, base)));
  if (std::optional<double> known = splatValue(base); known && *known != 0)
    return slope;
  // 0^y is the same for all y above 0.
  Value positive = GeOp::create(b, exponent, like(b, exponent, 0.0));
  return zeroWhere(b, AndOp::create(b, isZero(b, base), positive), slope);
}

} // namespace dlc
