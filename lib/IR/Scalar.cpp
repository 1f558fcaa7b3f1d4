//===- Scalar.cpp ----------------------------------------------------------------------------===//
#include "Scalar.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;

namespace dlc::scalar {

static Type elementOf(Value x) { return getElementTypeOrSelf(x.getType()); }
static bool isFloat(Value x) { return isa<FloatType>(elementOf(x)); }
static bool isUnsigned(Value x) { return elementOf(x).getIntOrFloatBitWidth() <= 8; }

/// `element` in the shape of `x`.
static Type withElement(Value x, Type element) {
  if (auto vector = dyn_cast<VectorType>(x.getType()))
    return vector.clone(element);
  return element;
}

Value constant(ImplicitLocOpBuilder &b, Type type, double value) {
  Type element = getElementTypeOrSelf(type);
  TypedAttr attribute;
  if (isa<FloatType>(element))
    attribute = FloatAttr::get(element, value);
  else
    attribute = IntegerAttr::get(element, static_cast<int64_t>(value));
  if (auto vector = dyn_cast<VectorType>(type))
    attribute = SplatElementsAttr::get(vector, attribute);
  return arith::ConstantOp::create(b, attribute);
}

Value neg(ImplicitLocOpBuilder &b, Value x) {
  if (isFloat(x))
    return arith::NegFOp::create(b, x);
  return arith::SubIOp::create(b, constant(b, x.getType(), 0), x);
}

Value abs(ImplicitLocOpBuilder &b, Value x) {
  if (isFloat(x))
    return math::AbsFOp::create(b, x);
  return isUnsigned(x) ? x : Value(math::AbsIOp::create(b, x));
}

Value sign(ImplicitLocOpBuilder &b, Value x) {
  Value zero = constant(b, x.getType(), 0), one = constant(b, x.getType(), 1);
  Value positive = arith::CmpFOp::create(b, arith::CmpFPredicate::OGT, x, zero);
  Value negative = arith::CmpFOp::create(b, arith::CmpFPredicate::OLT, x, zero);
  Value below = arith::SelectOp::create(b, negative, constant(b, x.getType(), -1), zero);
  return arith::SelectOp::create(b, positive, one, below);
}

Value rsqrt(ImplicitLocOpBuilder &b, Value x) {
  return arith::DivFOp::create(b, constant(b, x.getType(), 1), math::SqrtOp::create(b, x));
}

Value sigmoid(ImplicitLocOpBuilder &b, Value x) {
  Value one = constant(b, x.getType(), 1);
  Value decay = math::ExpOp::create(b, neg(b, x));
  return arith::DivFOp::create(b, one, arith::AddFOp::create(b, one, decay));
}

Value logicalNot(ImplicitLocOpBuilder &b, Value x) {
  return arith::XOrIOp::create(b, x, constant(b, x.getType(), 1));
}

Value add(ImplicitLocOpBuilder &b, Value lhs, Value rhs) {
  if (isFloat(lhs))
    return arith::AddFOp::create(b, lhs, rhs);
  return arith::AddIOp::create(b, lhs, rhs);
}

Value sub(ImplicitLocOpBuilder &b, Value lhs, Value rhs) {
  if (isFloat(lhs))
    return arith::SubFOp::create(b, lhs, rhs);
  return arith::SubIOp::create(b, lhs, rhs);
}

Value mul(ImplicitLocOpBuilder &b, Value lhs, Value rhs) {
  if (isFloat(lhs))
    return arith::MulFOp::create(b, lhs, rhs);
  return arith::MulIOp::create(b, lhs, rhs);
}

/// Integers: `operation(lhs, rhs)` where rhs is not 0, else 0, so that no input can trap.
template <typename Signed, typename Unsigned>
static Value divideIntegers(ImplicitLocOpBuilder &b, Value lhs, Value rhs) {
  Value zero = constant(b, rhs.getType(), 0), one = constant(b, rhs.getType(), 1);
  Value byZero = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, rhs, zero);
  Value divisor = arith::SelectOp::create(b, byZero, one, rhs);
  Value result;
  if (isUnsigned(lhs)) {
    result = Unsigned::create(b, lhs, divisor);
  } else {
    // The smallest i32 over -1 traps: take it over 1.
    Value smallest = constant(b, lhs.getType(), -2147483648.0);
    Value isSmallest = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, lhs, smallest);
    Value minusOne = constant(b, rhs.getType(), -1);
    Value isMinusOne = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, divisor, minusOne);
    Value overflow = arith::AndIOp::create(b, isSmallest, isMinusOne);
    divisor = arith::SelectOp::create(b, overflow, one, divisor);
    result = Signed::create(b, lhs, divisor);
  }
  return arith::SelectOp::create(b, byZero, zero, result);
}

Value div(ImplicitLocOpBuilder &b, Value lhs, Value rhs) {
  if (isFloat(lhs))
    return arith::DivFOp::create(b, lhs, rhs);
  return divideIntegers<arith::DivSIOp, arith::DivUIOp>(b, lhs, rhs);
}

Value mod(ImplicitLocOpBuilder &b, Value lhs, Value rhs) {
  if (!isFloat(lhs))
    return divideIntegers<arith::RemSIOp, arith::RemUIOp>(b, lhs, rhs);
  Value quotient = math::TruncOp::create(b, arith::DivFOp::create(b, lhs, rhs));
  return arith::SubFOp::create(b, lhs, arith::MulFOp::create(b, quotient, rhs));
}

// A comparison and a select: NaN in lhs gives rhs; one instruction on x86.
Value max(ImplicitLocOpBuilder &b, Value lhs, Value rhs) {
  return arith::SelectOp::create(b, compare(b, Relation::Gt, lhs, rhs), lhs, rhs);
}

Value min(ImplicitLocOpBuilder &b, Value lhs, Value rhs) {
  return arith::SelectOp::create(b, compare(b, Relation::Lt, lhs, rhs), lhs, rhs);
}

Value compare(ImplicitLocOpBuilder &b, Relation relation, Value lhs, Value rhs) {
  using F = arith::CmpFPredicate;
  using I = arith::CmpIPredicate;
  int index = static_cast<int>(relation);
  if (isFloat(lhs)) {
    const F table[] = {F::OEQ, F::UNE, F::OLT, F::OLE, F::OGT, F::OGE};
    return arith::CmpFOp::create(b, table[index], lhs, rhs);
  }
  const I unsignedTable[] = {I::eq, I::ne, I::ult, I::ule, I::ugt, I::uge};
  const I signedTable[] = {I::eq, I::ne, I::slt, I::sle, I::sgt, I::sge};
  return arith::CmpIOp::create(b, (isUnsigned(lhs) ? unsignedTable : signedTable)[index], lhs, rhs);
}

static Value castInteger(ImplicitLocOpBuilder &b, Value x, Type to, Type target) {
  unsigned from = elementOf(x).getIntOrFloatBitWidth(), width = to.getIntOrFloatBitWidth();
  if (width == 1)
    return compare(b, Relation::Ne, x, constant(b, x.getType(), 0));
  if (from == width)
    return x;
  if (from > width)
    return arith::TruncIOp::create(b, target, x);
  return arith::ExtUIOp::create(b, target, x);
}

/// The upper half of an f32. Done in integers: not every processor and GPU has instructions for it.
static Value castToBF16(ImplicitLocOpBuilder &b, Value x) {
  Type word = withElement(x, b.getI32Type());
  Value isNaN = arith::CmpFOp::create(b, arith::CmpFPredicate::UNO, x, x);
  Value bits = arith::BitcastOp::create(b, word, x), sixteen = constant(b, word, 16);
  Value odd =
      arith::AndIOp::create(b, arith::ShRUIOp::create(b, bits, sixteen), constant(b, word, 1));
  Value nearest =
      arith::AddIOp::create(b, arith::AddIOp::create(b, bits, constant(b, word, 0x7fff)), odd);
  Value chosen = arith::SelectOp::create(b, isNaN, constant(b, word, 0x7fc00000), nearest);
  Value half = arith::TruncIOp::create(b, withElement(x, b.getI16Type()),
                                       arith::ShRUIOp::create(b, chosen, sixteen));
  return arith::BitcastOp::create(b, withElement(x, b.getBF16Type()), half);
}

static Value castFromBF16(ImplicitLocOpBuilder &b, Value x) {
  Type word = withElement(x, b.getI32Type());
  Value half = arith::BitcastOp::create(b, withElement(x, b.getI16Type()), x);
  Value bits =
      arith::ShLIOp::create(b, arith::ExtUIOp::create(b, word, half), constant(b, word, 16));
  return arith::BitcastOp::create(b, withElement(x, b.getF32Type()), bits);
}

Value cast(ImplicitLocOpBuilder &b, Value x, Type element) {
  Type from = elementOf(x), target = withElement(x, element);
  if (from == element)
    return x;
  if (from.isBF16())
    return cast(b, castFromBF16(b, x), element);
  if (element.isBF16())
    return castToBF16(b, cast(b, x, b.getF32Type()));
  if (isa<FloatType>(from) && isa<FloatType>(element)) {
    if (from.getIntOrFloatBitWidth() < element.getIntOrFloatBitWidth())
      return arith::ExtFOp::create(b, target, x);
    return arith::TruncFOp::create(b, target, x);
  }
  Type wide = withElement(x, b.getI32Type());
  if (isa<FloatType>(from)) {
    if (element.isInteger(1))
      return compare(b, Relation::Ne, x, constant(b, x.getType(), 0));
    return castInteger(b, arith::FPToSIOp::create(b, wide, x), element, target);
  }
  if (isa<FloatType>(element)) {
    Value number = isUnsigned(x) ? Value(arith::ExtUIOp::create(b, wide, x)) : x;
    return arith::SIToFPOp::create(b, target, number);
  }
  return castInteger(b, x, element, target);
}

} // namespace dlc::scalar
