//===- ElaborateGradient.cpp - grad(f)(x) ----------------------------------------------------===//
#include "Elaborator.h"

using namespace mlir;

namespace dlc {

Object Elaborator::applyGradient(const Object &f, CallSite &site) {
  std::vector<Object> points;
  for (CallSite::Argument &argument : site.arguments) {
    Object point = toTensor(argument.value, realType(), argument.range);
    if (point.isPoison())
      return poison();
    if (!isa<FloatType>(elementOf(point)))
      point = castTo(point, realType());
    points.push_back(point);
  }
  if (points.empty())
    return fail(site.range, "a gradient needs the point to take it at");
  // Where f varies over the batch but a point does not, each example has a derivative of its own:
  // f is made again, at points that are repeated for the examples.
  auto outerFrames = frames;
  auto outerUpdates = updates;
  int64_t outerStreams = randomStreams;
  bool shared = llvm::any_of(points, [](const Object &point) { return !point.batched; });
  GradOp grad = buildGradient(f, site, points);
  if (grad && shared && isBatched(grad.getResult(0).getType())) {
    grad.erase();
    frames = std::move(outerFrames);
    updates = std::move(outerUpdates);
    randomStreams = outerStreams;
    for (Object &point : points)
      point = ofTensor(broadcastTo(point, shapeOf(point), true), true);
    grad = buildGradient(f, site, points);
  }
  if (!grad)
    return poison();
  Object tuple = Object::ofKind(Object::Kind::Tuple);
  for (size_t i = 0; i < points.size(); ++i)
    tuple.elements.push_back(ofTensor(grad->getResult(i + 1), points[i].batched));
  return tuple.elements.size() == 1 ? tuple.elements.front() : tuple;
}

GradOp Elaborator::buildGradient(const Object &f, const CallSite &site,
                                 const std::vector<Object> &points) {
  SmallVector<Value> operands;
  for (const Object &point : points)
    operands.push_back(point.tensor);
  // The region is built aside: its results' types are known only at its end.
  Location loc = b.getLoc();
  auto holder = std::make_unique<Region>();
  Block *body = &holder->emplaceBlock();
  OperationState state(loc, GradOp::getOperationName());
  // An empty grad op that does not verify yet gives the region its place.
  state.addOperands(operands);
  state.addRegion()->takeBody(*holder);
  for (Value operand : operands)
    body->addArgument(operand.getType(), loc);
  Operation *anchor = b.create(state);
  Object result;
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(body);
    CallSite inner = site;
    for (size_t i = 0; i < points.size(); ++i)
      inner.arguments[i].value = ofTensor(body->getArgument(i), points[i].batched);
    result = apply(f, inner);
    if (!result.isPoison())
      result = toTensor(result, realType(), site.range);
    if (!result.isPoison() && (!shapeOf(result).empty() || !isa<FloatType>(elementOf(result))))
      result = fail(site.range, "only a scalar can be differentiated, and this function gives " +
                                    describe(result));
    if (!result.isPoison())
      YieldOp::create(b, result.tensor);
  }
  if (result.isPoison()) {
    anchor->erase();
    return {};
  }
  SmallVector<Type> types{result.tensor.getType()};
  llvm::append_range(types, ValueRange(operands).getTypes());
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(anchor);
  OperationState final(loc, GradOp::getOperationName());
  final.addOperands(operands);
  final.addTypes(types);
  final.addRegion()->takeBody(anchor->getRegion(0));
  Operation *grad = b.create(final);
  anchor->erase();
  return llvm::cast<GradOp>(grad);
}

} // namespace dlc
