//===- Arithmetic.cpp - Elementwise ops, powers and products of tensors ----------------------===//
#include "Elaborator.h"

#include "llvm/ADT/StringSwitch.h"

using namespace mlir;

namespace dlc {

/// Ops whose operands keep their integer types.
static bool takesIntegers(StringRef op) {
  return llvm::StringSwitch<bool>(op)
      .Cases({"add", "sub", "mul", "max", "min", "mod", "neg", "abs"}, true)
      .Cases({"eq", "ne", "lt", "le", "gt", "ge", "select", "copy", "stop_gradient"}, true)
      .Default(false);
}

Object Elaborator::elementwise(StringRef op, std::vector<Object> operands, SourceRange range,
                               StringRef shown, ArrayRef<SourceRange> ranges) {
  bool logical = op == "and" || op == "or" || op == "not";
  size_t first = op == "select" ? 1 : 0; // select's condition is a bool of its own
  Type element = commonElement(ArrayRef<Object>(operands).drop_front(first));
  bool fraction = llvm::any_of(ArrayRef<Object>(operands).drop_front(first), [](const Object &o) {
    return o.is(Object::Kind::Number) && !o.integer;
  });
  bool computes = element && (element.isInteger(8) || element.isInteger(1)) && !logical &&
                  op != "eq" && op != "ne" && op != "copy" && op != "select";
  if (!element || computes ||
      (isa<IntegerType>(element) && (fraction || !takesIntegers(op)) && !logical))
    element = realType();
  if (logical)
    element = IntegerType::get(&context, 1);
  bool compares = op == "eq" || op == "ne" || op == "lt" || op == "le" || op == "gt" || op == "ge";
  bool takesLabels = compares || op == "select" || op == "copy" || op == "stop_gradient";
  for (auto [i, operand] : llvm::enumerate(operands)) {
    if (!takesLabels && refuseLabel(operand, i < ranges.size() ? ranges[i] : range))
      return poison();
    SourceRange at = i < ranges.size() ? ranges[i] : range;
    Type wanted = i < first ? Type(IntegerType::get(&context, 1)) : element;
    operand = toTensor(operand, wanted, at);
    if (operand.isPoison())
      return poison();
    if ((logical || i < first) && !elementOf(operand).isInteger(1))
      return fail(at, "'" + shown + "' needs a condition here, found " + describe(operand));
    operand = castTo(operand, wanted);
  }
  std::optional<Shape> shape = commonShape(operands);
  if (!shape) {
    std::string list;
    for (auto [i, operand] : llvm::enumerate(operands))
      list += (i == 0 ? "" : i + 1 < operands.size() ? ", " : " with ") + describe(operand);
    Diagnostic &d = diagnostics.error(range, "'" + shown + "' cannot combine " + list);
    for (SourceRange each : ranges)
      d.underline(each);
    d.note("sizes are matched from the last dimension on; they must be equal, or one of them 1");
    return poison();
  }
  bool batched = llvm::any_of(operands, [](const Object &o) { return o.batched; });
  if (!checkSize(*shape, range))
    return poison();
  OperationState state(b.getLoc(), ("dl." + op).str());
  for (const Object &operand : operands)
    state.addOperands(broadcastTo(operand, *shape, batched));
  state.addTypes(
      typeFor(*shape, batched, compares ? Type(IntegerType::get(&context, 1)) : element));
  return ofTensor(b.create(state)->getResult(0), batched);
}

Object Elaborator::power(const Object &base, const Object &exponent, SourceRange range,
                         ArrayRef<SourceRange> ranges) {
  // Small whole powers are products; 1/2 is a root.
  if (exponent.is(Object::Kind::Number) && base.isTensor()) {
    double n = exponent.number;
    auto times = [&](const Object &x, const Object &y) {
      return elementwise("mul", {x, y}, range, "^", ranges);
    };
    if (n == 0.5)
      return elementwise("sqrt", {base}, range, "^", ranges);
    if (n == 1)
      return base;
    if (n == 2)
      return times(base, base);
    if (n == 3)
      return times(times(base, base), base);
    if (n == 4) {
      Object square = times(base, base);
      return times(square, square);
    }
    if (n == -1)
      return elementwise("div", {Object::ofNumber(1), base}, range, "^", ranges);
  }
  return elementwise("pow", {base, exponent}, range, "^", ranges);
}

Object Elaborator::matmul(Object lhs, Object rhs, SourceRange range, SourceRange lhsRange,
                          SourceRange rhsRange) {
  lhs = toTensor(lhs, realType(), lhsRange);
  rhs = toTensor(rhs, realType(), rhsRange);
  if (lhs.isPoison() || rhs.isPoison())
    return poison();
  Type element = commonElement({lhs, rhs});
  if (!isa<FloatType>(element))
    element = realType();
  lhs = castTo(lhs, element);
  rhs = castTo(rhs, element);
  Shape left = shapeOf(lhs), right = shapeOf(rhs);
  auto mismatch = [&]() -> Object {
    Diagnostic &d =
        diagnostics.error(range, "'@' cannot multiply " + describe(lhs) + " by " + describe(rhs));
    d.underline(lhsRange).underline(rhsRange);
    if (!left.empty() && !right.empty())
      d.note("the last size of the left side, " + llvm::Twine(left.back()) +
             ", must be the first of the right side's matrix, " +
             llvm::Twine(right[right.size() > 1 ? right.size() - 2 : 0]));
    return poison();
  };
  if (left.empty() || right.empty())
    return mismatch();
  if (left.back() != right[right.size() > 1 ? right.size() - 2 : 0])
    return mismatch();
  // Leading dimensions of the right side pair with the left side's.
  int64_t shared = std::max<int64_t>(0, int64_t(right.size()) - 2);
  if (rhs.batched && !lhs.batched)
    lhs = ofTensor(broadcastTo(lhs, left, true), true);
  if (shared > 0) {
    Shape leading(right.begin(), right.begin() + shared), wanted(leading);
    if (int64_t(left.size()) - 2 > shared ||
        (left.size() > 2 &&
         !std::equal(left.begin(), left.end() - 2, leading.end() - (left.size() - 2))))
      return mismatch();
    if (left.size() < 2)
      return mismatch();
    llvm::append_range(wanted, ArrayRef<int64_t>(left).take_back(2));
    lhs = ofTensor(broadcastTo(lhs, wanted, lhs.batched), lhs.batched);
    if (lhs.batched && !rhs.batched)
      rhs = ofTensor(broadcastTo(rhs, right, true), true);
    left = wanted;
  }
  int64_t lhsOffset = lhs.batched, rhsOffset = rhs.batched;
  Shape lhsBatch, rhsBatch;
  if (lhs.batched && rhs.batched) {
    lhsBatch.push_back(0);
    rhsBatch.push_back(0);
  }
  for (int64_t i = 0; i < shared; ++i) {
    lhsBatch.push_back(lhsOffset + i);
    rhsBatch.push_back(rhsOffset + i);
  }
  int64_t lhsContract = lhsOffset + left.size() - 1;
  int64_t rhsContract = rhsOffset + (right.size() > 1 ? right.size() - 2 : 0);
  bool batched = lhs.batched || rhs.batched;
  Value y =
      DotOp::create(b, lhs.tensor, rhs.tensor, lhsBatch, rhsBatch, {lhsContract}, {rhsContract});
  return ofTensor(y, batched);
}

} // namespace dlc
