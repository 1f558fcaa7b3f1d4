//===- ExpandDoubleMath.cpp - Functions of f64 and powers in plain arithmetic -----------------===//
//
// On the CPU these are calls of libm; a device has none. A power of f32 is taken in f64, so that it
// is as exact as libm's.
//
//===------------------------------------------------------------------------------------------===//
#include "dlc/Conversion/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
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

  /// The series near 0, where e^x - 1 would lose places.
  Value expm1(Value x) {
    SmallVector<double> series{1};
    for (int i = 2; i <= 16; ++i)
      series.push_back(series.back() / i);
    Value near = mul(x, polynomial(x, series));
    return select(is(arith::CmpFPredicate::OLT, abs(x), 0.5), near, sub(exp(x), number(1)));
  }

  /// With u = 1 + x as it is rounded, log(u) x / (u - 1) (Kahan).
  Value log1p(Value x) {
    Value u = add(x, number(1));
    Value result = mul(log(u), div(x, sub(u, number(1))));
    result = select(is(arith::CmpFPredicate::OEQ, u, 1), x, result);
    return select(is(arith::CmpFPredicate::OEQ, x, kInfinity), x, result);
  }

  Value tanh(Value x) {
    // Beyond 20 it is 1.
    Value twice = mul(arith::MinimumFOp::create(b, abs(x), number(30)), number(2));
    Value t = expm1(twice);
    return withSign(div(t, add(t, number(2))), x);
  }

  /// erfc(x) = t e^(-x^2 + P(t)), t = 2 / (2 + x), with P by its Chebyshev series; 1 - erfc(x) from
  /// 1 on, the series of erf before.
  Value erf(Value x) {
    static constexpr double chebyshev[] = {
        -0.6513268598908547171,     0.6419697923564902603,      0.019476473204185836312,
        -0.0095615147868086316419,  -0.0009465953444820368663,  0.00036683949785276145187,
        4.2523324806907771645e-5,   -2.0278578112534243154e-5,  -1.6242900046470255135e-6,
        1.3036558355805232018e-6,   1.5626441722066143178e-8,   -8.5238095914926542525e-8,
        6.5290544390488514964e-9,   5.0593434955514689418e-9,   -9.9136415649303308674e-10,
        -2.2736512229318358557e-10, 9.646791102015526802e-11,   2.3940380830391147447e-12,
        -6.8860275264975533984e-12, 8.9448792730907257168e-13,  3.1309213993429580783e-13,
        -1.1270822361367252366e-13, 3.8109052551892320492e-16,  7.1060976136092369884e-15,
        -1.5230282014571043049e-15, -9.4574945712912339405e-17, 1.2102371892242789863e-16,
        -2.8166630877471769121e-17};
    Value size = abs(x);
    Value t = div(number(2), add(size, number(2)));
    Value y = sub(mul(t, number(2)), number(1)), twice = mul(y, number(2));
    Value sum = number(0), before = number(0);
    for (double coefficient : llvm::reverse(ArrayRef(chebyshev).drop_front())) {
      Value next = add(sub(mul(twice, sum), before), number(coefficient));
      before = sum;
      sum = next;
    }
    sum = add(sub(mul(y, sum), before), number(chebyshev[0]));
    Value far = sub(number(1), mul(t, exp(sub(sum, mul(size, size)))));
    SmallVector<double> series;
    double factorial = 1;
    for (int n = 0; n <= 20; ++n) {
      series.push_back((n % 2 ? -1 : 1) * M_2_SQRTPI / (factorial * (2 * n + 1)));
      factorial *= n + 1;
    }
    Value near = mul(size, polynomial(mul(x, x), series));
    Value result = select(is(arith::CmpFPredicate::OLT, size, 1), near, far);
    result = select(is(arith::CmpFPredicate::OGT, size, 6), number(1), result);
    return withSign(result, x);
  }

  Value sin(Value x) { return sineOf(x, 0); }
  Value cos(Value x) { return sineOf(x, 1); }

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
  /// sin(x + quarters * pi / 2): x = n pi / 2 + r, |r| <= pi / 4, with pi / 2 in three parts. Exact
  /// to the last places while n is.
  Value sineOf(Value x, int64_t quarters) {
    constexpr double kParts[] = {1.57079632679489655800e+00, 6.12323399573676603587e-17,
                                 -1.4973849048591833e-33};
    Value n = math::RoundEvenOp::create(b, mul(x, number(M_2_PI)));
    Value minus = arith::NegFOp::create(b, n), r = x;
    for (double part : kParts)
      r = fma(minus, number(part), r);
    SmallVector<double> ofSine, ofCosine;
    double factorial = 1; // of 2i
    for (int i = 0; i <= 9; ++i) {
      double sign = i % 2 ? -1 : 1;
      ofCosine.push_back(sign / factorial);
      ofSine.push_back(sign / (factorial * (2 * i + 1)));
      factorial *= (2 * i + 1) * (2 * i + 2);
    }
    Value square = mul(r, r);
    Value sine = mul(r, polynomial(square, ofSine)), cosine = polynomial(square, ofCosine);
    Value quarter =
        arith::AddIOp::create(b, arith::FPToSIOp::create(b, b.getI64Type(), n), bits(quarters));
    auto bit = [&](int64_t which) -> Value {
      return arith::CmpIOp::create(b, arith::CmpIPredicate::ne,
                                   arith::AndIOp::create(b, quarter, bits(which)), bits(0));
    };
    Value result = select(bit(1), cosine, sine);
    return select(bit(2), arith::NegFOp::create(b, result), result);
  }

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

/// A vector's functions are those of its elements.
template <typename Op> struct UnrollVector : OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;
  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const override {
    auto type = dyn_cast<VectorType>(op.getType());
    if (!type || !(type.getElementType().isF64() || std::is_same_v<Op, math::PowFOp>))
      return failure();
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    SmallVector<Value> elements;
    for (int64_t i = 0; i < type.getNumElements(); ++i) {
      SmallVector<Value> operands;
      for (Value operand : op->getOperands())
        operands.push_back(vector::ExtractOp::create(b, operand, i));
      elements.push_back(Op::create(b, type.getElementType(), operands));
    }
    rewriter.replaceOpWithNewOp<vector::FromElementsOp>(op, type, elements);
    return success();
  }
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
    patterns.add<ExpandUnary<math::ExpM1Op>>(&getContext(), &Arithmetic::expm1);
    patterns.add<ExpandUnary<math::Log1pOp>>(&getContext(), &Arithmetic::log1p);
    patterns.add<ExpandUnary<math::TanhOp>>(&getContext(), &Arithmetic::tanh);
    patterns.add<ExpandUnary<math::ErfOp>>(&getContext(), &Arithmetic::erf);
    patterns.add<ExpandUnary<math::SinOp>>(&getContext(), &Arithmetic::sin);
    patterns.add<ExpandUnary<math::CosOp>>(&getContext(), &Arithmetic::cos);
    patterns.add<ExpandPower>(&getContext());
    patterns.add<UnrollVector<math::ExpOp>, UnrollVector<math::LogOp>, UnrollVector<math::ExpM1Op>,
                 UnrollVector<math::Log1pOp>, UnrollVector<math::TanhOp>, UnrollVector<math::ErfOp>,
                 UnrollVector<math::SinOp>, UnrollVector<math::CosOp>, UnrollVector<math::PowFOp>>(
        &getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};
} // namespace
