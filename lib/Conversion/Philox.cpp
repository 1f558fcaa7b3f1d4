//===- Philox.cpp ----------------------------------------------------------------------------===//
#include "Philox.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;

namespace dlc {

/// `element` in the shape (scalar or vector) of `like`.
static Type shapedLike(Value like, Type element) {
  if (auto vector = dyn_cast<VectorType>(like.getType()))
    return vector.clone(element);
  return element;
}

static Value constant(ImplicitLocOpBuilder &b, Type type, uint64_t value) {
  TypedAttr attribute = b.getIntegerAttr(getElementTypeOrSelf(type), static_cast<int64_t>(value));
  if (auto vector = dyn_cast<VectorType>(type))
    attribute = SplatElementsAttr::get(vector, attribute);
  return arith::ConstantOp::create(b, attribute);
}

static Value constant(ImplicitLocOpBuilder &b, Type type, double value) {
  TypedAttr attribute = b.getFloatAttr(getElementTypeOrSelf(type), value);
  if (auto vector = dyn_cast<VectorType>(type))
    attribute = SplatElementsAttr::get(vector, attribute);
  return arith::ConstantOp::create(b, attribute);
}

PhiloxWords emitPhilox(ImplicitLocOpBuilder &b, Value element, Value step, int64_t stream,
                       Value seed) {
  Type wide = element.getType(), word = shapedLike(element, b.getI32Type());
  auto low = [&](Value x) {
    return Value(arith::TruncIOp::create(b, shapedLike(x, b.getI32Type()), x));
  };
  auto high = [&](Value x) {
    Value shifted = arith::ShRUIOp::create(b, x, constant(b, x.getType(), uint64_t(32)));
    return low(shifted);
  };
  auto spread = [&](Value scalar) {
    return isa<VectorType>(word) ? Value(vector::BroadcastOp::create(b, word, scalar)) : scalar;
  };
  PhiloxWords counter = {low(element), high(element), spread(low(step)),
                         constant(b, word, uint64_t(uint32_t(stream)))};
  Value keyLow = low(seed), keyHigh = high(seed);

  auto multiply = [&](Value x, uint64_t factor) {
    Value product =
        arith::MulIOp::create(b, arith::ExtUIOp::create(b, wide, x), constant(b, wide, factor));
    return std::pair(high(product), low(product));
  };
  auto exclusive = [&](Value x, Value y) { return Value(arith::XOrIOp::create(b, x, y)); };
  auto raise = [&](Value key, uint64_t by) {
    return Value(arith::AddIOp::create(b, key, constant(b, key.getType(), by)));
  };
  // A loop: unrolled, the ten rounds would be the longest part of many programs to compile.
  auto number = [&](int64_t n) { return arith::ConstantOp::create(b, b.getI64IntegerAttr(n)); };
  SmallVector<Value> start(counter.begin(), counter.end());
  start.append({keyLow, keyHigh});
  auto rounds = scf::ForOp::create(b, number(0), number(10), number(1), start);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(rounds.getBody());
  ValueRange at = rounds.getRegionIterArgs();
  auto [high0, low0] = multiply(at[0], 0xD2511F53u);
  auto [high1, low1] = multiply(at[2], 0xCD9E8D57u);
  SmallVector<Value> next{exclusive(exclusive(high1, at[1]), spread(at[4])),
                          low1,
                          exclusive(exclusive(high0, at[3]), spread(at[5])),
                          low0,
                          raise(at[4], 0x9E3779B9u),
                          raise(at[5], 0xBB67AE85u)};
  scf::YieldOp::create(b, next);
  auto words = rounds.getResults();
  return {words[0], words[1], words[2], words[3]};
}

/// A word's upper 24 bits over 2^24; in f64 53 bits of two words.
static Value unit(ImplicitLocOpBuilder &b, Value word, Value more, Type type, bool aboveZero) {
  Type result = shapedLike(word, type);
  if (type.isF32()) {
    Value bits = arith::ShRUIOp::create(b, word, constant(b, word.getType(), uint64_t(8)));
    if (aboveZero)
      bits = arith::AddIOp::create(b, bits, constant(b, bits.getType(), uint64_t(1)));
    return arith::MulFOp::create(b, arith::UIToFPOp::create(b, result, bits),
                                 constant(b, result, 0x1p-24));
  }
  Type wide = shapedLike(word, b.getI64Type());
  Value bits = arith::ExtUIOp::create(b, wide, word);
  bits = arith::ShLIOp::create(b, bits, constant(b, wide, uint64_t(32)));
  bits = arith::OrIOp::create(b, bits, arith::ExtUIOp::create(b, wide, more));
  bits = arith::ShRUIOp::create(b, bits, constant(b, wide, uint64_t(11)));
  if (aboveZero)
    bits = arith::AddIOp::create(b, bits, constant(b, wide, uint64_t(1)));
  return arith::MulFOp::create(b, arith::UIToFPOp::create(b, result, bits),
                               constant(b, result, 0x1p-53));
}

Value uniformFromWords(ImplicitLocOpBuilder &b, const PhiloxWords &words, Type type) {
  return unit(b, words[0], words[1], type, /*aboveZero=*/false);
}

Value normalFromWords(ImplicitLocOpBuilder &b, const PhiloxWords &words, Type type) {
  Value radius = unit(b, words[0], words[1], type, /*aboveZero=*/true);
  Value angle = unit(b, words[2], words[3], type, /*aboveZero=*/false);
  Type result = radius.getType();
  Value length = math::SqrtOp::create(
      b, arith::MulFOp::create(b, math::LogOp::create(b, radius), constant(b, result, -2.0)));
  Value turn = arith::MulFOp::create(b, angle, constant(b, result, 6.283185307179586));
  return arith::MulFOp::create(b, length, math::CosOp::create(b, turn));
}

} // namespace dlc
