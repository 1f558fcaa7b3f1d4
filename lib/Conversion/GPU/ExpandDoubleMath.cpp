//===- ExpandDoubleMath.cpp - Functions of f64 and powers in plain arithmetic -----------------===//
//
// On the CPU these are calls of libm; a device has none. A power of f32 is taken in f64, so that it
// is as exact as libm's.
//
//===------------------------------------------------------------------------------------------===//
#include "dlc/Conversion/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

#include <cmath>
#include <limits>

namespace dlc {
#define GEN_PASS_DEF_EXPANDDOUBLEMATHPASS
#include "dlc/Conversion/Passes.h.inc"
} // namespace dlc

using namespace mlir;

namespace {
constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
/// log(2) in two parts, the first with zeros at its end: n times it is exact.
constexpr double kLog2High = 6.93147180369123816490e-01, kLog2Low = 1.90821492927058770002e-10;

/// Scalar f64 arithmetic, written as it is read.
class Arithmetic {
public:
  explicit Arithmetic(ImplicitLocOpBuilder &b) : b(b) {}

  Value number(double value) { return arith::ConstantOp::create(b, b.getF64FloatAttr(value)); }
  Value bits(int64_t value) { return arith::ConstantOp::create(b, b.getI64IntegerAttr(value)); }
  Value add(Value x, Value y) { return arith::AddFOp::create(b, x, y); }
  Value sub(Value x, Value y) { return arith::SubFOp::create(b, x, y); }
  Value mul(Value x, Value y) { return arith::MulFOp::create(b, x, y); }
  Value div(Value x, Value y) { return arith::DivFOp::create(b, x, y); }
  Value fma(Value x, Value y, Value z) { return math::FmaOp::create(b, x, y, z); }
  Value select(Value condition, Value x, Value y) {
    return arith::SelectOp::create(b, condition, x, y);
  }
  Value is(arith::CmpFPredicate how, Value x, double y) {
    return arith::CmpFOp::create(b, how, x, number(y));
  }
  Value abs(Value x) { return math::AbsFOp::create(b, x); }
  Value withSign(Value size, Value sign) { return math::CopySignOp::create(b, size, sign); }
  Value asBits(Value x) { return arith::BitcastOp::create(b, b.getI64Type(), x); }
  Value asNumber(Value x) { return arith::BitcastOp::create(b, b.getF64Type(), x); }

  /// c[0] + x * (c[1] + x * (...)).
  Value polynomial(Value x, ArrayRef<double> c) {
    Value sum = number(c.back());
    for (double coefficient : llvm::reverse(c.drop_back()))
      sum = fma(sum, x, number(coefficient));
    return sum;
  }

  /// 2^n for a whole n within [-1022, 1023], an i64.
  Value powerOfTwo(Value n) {
    return asNumber(arith::ShLIOp::create(b, arith::AddIOp::create(b, n, bits(1023)), bits(52)));
  }

  /// x = n log 2 + r, |r| <= log(2) / 2; e^r by its series.
  Value exp(Value x) {
    Value clamped =
        arith::MaximumFOp::create(b, arith::MinimumFOp::create(b, x, number(1000)), number(-1000));
    Value n = math::RoundEvenOp::create(b, mul(clamped, number(M_LOG2E)));
    Value minus = arith::NegFOp::create(b, n);
    Value r = fma(minus, number(kLog2Low), fma(minus, number(kLog2High), clamped));
    SmallVector<double> series{1};
    for (int i = 1; i <= 14; ++i)
      series.push_back(series.back() / i);
    // In two steps: 2^n alone may lie beyond the numbers where e^x does not.
    Value whole = arith::FPToSIOp::create(b, b.getI64Type(), n);
    Value half = arith::ShRSIOp::create(b, whole, bits(1));
    Value rest = arith::SubIOp::create(b, whole, half);
    Value result = mul(mul(polynomial(r, series), powerOfTwo(half)), powerOfTwo(rest));
    return select(is(arith::CmpFPredicate::UNO, x, 0), x, result);
  }

  /// x = 2^n m, m within [sqrt(1/2), sqrt(2)); log m = 2 artanh((m - 1) / (m + 1)).
  Value log(Value x) {
    // Subnormal numbers are brought into range first.
    constexpr double kScale = 18014398509481984.0; // 2^54
    Value small = is(arith::CmpFPredicate::OLT, x, std::numeric_limits<double>::min());
    Value scaled = select(small, mul(x, number(kScale)), x);
    constexpr int64_t kRootHalf = 0x3fe6a09e667f3bcd, kMantissa = 0x000fffffffffffff;
    Value offset = arith::SubIOp::create(b, asBits(scaled), bits(kRootHalf));
    Value n = arith::ShRSIOp::create(b, offset, bits(52));
    Value m = asNumber(arith::AddIOp::create(b, arith::AndIOp::create(b, offset, bits(kMantissa)),
                                             bits(kRootHalf)));
    Value exponent = arith::SIToFPOp::create(b, b.getF64Type(), n);
    exponent = select(small, sub(exponent, number(54)), exponent);
    Value s = div(sub(m, number(1)), add(m, number(1)));
    SmallVector<double> series;
    for (int i = 0; i <= 11; ++i)
      series.push_back(2.0 / (2 * i + 1));
    Value square = mul(s, s);
    Value result = fma(exponent, number(kLog2High),
                       fma(s, polynomial(square, series), mul(exponent, number(kLog2Low))));
    result = select(is(arith::CmpFPredicate::OEQ, x, kInfinity), x, result);
    result = select(is(arith::CmpFPredicate::OEQ, x, 0), number(-kInfinity), result);
    return select(is(arith::CmpFPredicate::ULT, x, 0), number(kNaN), result);
  }

  Value pow(Value x, Value y) {
    Value size = exp(mul(y, log(abs(x))));
    Value whole =
        arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, math::TruncOp::create(b, y), y);
    Value half = mul(y, number(0.5));
    Value odd = arith::AndIOp::create(
        b, whole,
        arith::CmpFOp::create(b, arith::CmpFPredicate::UNE, math::TruncOp::create(b, half), half));
    Value negative = is(arith::CmpFPredicate::OLT, x, 0);
    Value ofNegative =
        select(whole, select(odd, arith::NegFOp::create(b, size), size), number(kNaN));
    Value result = select(negative, ofNegative, size);
    Value one = arith::OrIOp::create(b, is(arith::CmpFPredicate::OEQ, y, 0),
                                     is(arith::CmpFPredicate::OEQ, x, 1));
    return select(one, number(1), result);
  }

private:
  ImplicitLocOpBuilder &b;
};

template <typename Op> struct ExpandUnary : OpRewritePattern<Op> {
  using Expand = Value (Arithmetic::*)(Value);
  ExpandUnary(MLIRContext *context, Expand expand)
      : OpRewritePattern<Op>(context), expand(expand) {}
  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const override {
    if (!op.getType().isF64())
      return failure();
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    rewriter.replaceOp(op, (Arithmetic(b).*expand)(op.getOperand()));
    return success();
  }
  Expand expand;
};

struct ExpandPower : OpRewritePattern<math::PowFOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(math::PowFOp op, PatternRewriter &rewriter) const override {
    if (!isa<FloatType>(op.getType()))
      return failure();
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    bool isDouble = op.getType().isF64();
    auto wide = [&](Value x) {
      return isDouble ? x : Value(arith::ExtFOp::create(b, b.getF64Type(), x));
    };
    Value power = Arithmetic(b).pow(wide(op.getLhs()), wide(op.getRhs()));
    if (!isDouble)
      power = arith::TruncFOp::create(b, op.getType(), power);
    rewriter.replaceOp(op, power);
    return success();
  }
};

struct ExpandDoubleMathPass : dlc::impl::ExpandDoubleMathPassBase<ExpandDoubleMathPass> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<ExpandUnary<math::ExpOp>>(&getContext(), &Arithmetic::exp);
    patterns.add<ExpandUnary<math::LogOp>>(&getContext(), &Arithmetic::log);
    patterns.add<ExpandPower>(&getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};
} // namespace
