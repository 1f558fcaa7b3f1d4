//===- Primitives.cpp - What the language has built in beside elementwise ops -----------------===//
#include "Elaborator.h"

using namespace mlir;

namespace dlc {

const llvm::StringMap<Primitive> &primitives() {
  using E = Elaborator;
  static const llvm::StringMap<Primitive> table = [] {
    llvm::StringMap<Primitive> map;
    for (Primitive p :
         std::initializer_list<Primitive>{{"sum", {"x", "over?", "keep?"}, &E::primSum},
                                          {"mean", {"x", "over?", "keep?"}, &E::primMean},
                                          {"max", {"x", "y?", "over?", "keep?"}, &E::primMax},
                                          {"min", {"x", "y?", "over?", "keep?"}, &E::primMin},
                                          {"where", {"condition", "a", "b"}, &E::primWhere},
                                          {"reshape", {"x", "sizes*"}, &E::primReshape},
                                          {"flatten", {"x"}, &E::primFlatten},
                                          {"scalar", {"x"}, &E::primScalar},
                                          {"expand", {"x", "axis?"}, &E::primExpand},
                                          {"transpose", {"x", "order*"}, &E::primTranspose},
                                          {"concat", {"parts*", "axis?"}, &E::primConcat},
                                          {"split_parts", {"x", "parts", "axis?"}, &E::primSplit},
                                          {"pad", {"x", "before", "after", "axis?"}, &E::primPad},
                                          {"take", {"table", "indices"}, &E::primTake},
                                          {"iota", {"n"}, &E::primIota},
                                          {"full", {"value", "sizes*"}, &E::primFull},
                                          {"zeros", {"sizes*"}, &E::primZeros},
                                          {"ones", {"sizes*"}, &E::primOnes},
                                          {"cast", {"x", "type"}, &E::primCast},
                                          {"shape", {"x"}, &E::primShape},
                                          {"size", {"x"}, &E::primSize},
                                          {"linspace", {"first", "last", "n"}, &E::primLinspace},
                                          {"random_uniform", {"sizes*"}, &E::primRandomUniform},
                                          {"random_normal", {"sizes*"}, &E::primRandomNormal},
                                          {"grad", {"f"}, &E::primGrad},
                                          {"matmul", {"x", "y"}, &E::primMatmul},
                                          {"count_pairs", {"x", "y"}, &E::primCrossCount}})
      map[p.name] = p;
    return map;
  }();
  return table;
}

//===------------------------------------------------------------------------------------------===//
// Reductions
//===------------------------------------------------------------------------------------------===//

/// Gives reduced dimensions back as 1, for `keep = true`.
static Shape keptShape(ArrayRef<int64_t> shape, ArrayRef<int64_t> dims, bool batched) {
  Shape result(shape);
  for (int64_t d : dims)
    if (d - batched >= 0)
      result[d - batched] = 1;
  return result;
}

template <typename Op> Object Elaborator::reduce(CallSite &site) {
  size_t over = site.values.size() - 2;
  bool mean = std::is_same_v<Op, void>;
  Object x = toTensor(site.values[0], realType(), site.ranges[0]);
  if (x.isPoison() || refuseLabel(x, site.ranges[0]))
    return poison();
  Type element = elementOf(x);
  if (element.isInteger(1) || element.isInteger(8) || (mean && !isa<FloatType>(element)))
    x = castTo(x, realType());
  std::optional<Shape> dims = reducedDims(x, site.values[over], site.ranges[over]);
  if (!dims)
    return poison();
  bool batched = x.batched && !llvm::is_contained(*dims, 0);
  Value y;
  if constexpr (std::is_same_v<Op, void>)
    y = meanOf(x.tensor, *dims);
  else
    y = dims->empty() ? x.tensor : Value(Op::create(b, x.tensor, *dims));
  Object result = ofTensor(y, batched);
  const Object &keep = site.values[over + 1];
  if (keep.is(Object::Kind::Bool) && keep.boolean)
    return reshapeTo(result, keptShape(shapeOf(x), *dims, x.batched));
  if (!keep.is(Object::Kind::None) && !keep.is(Object::Kind::Bool))
    return fail(site.ranges[over + 1], "'keep' is true or false");
  return result;
}

Object Elaborator::primSum(CallSite &site) { return reduce<ReduceSumOp>(site); }
Object Elaborator::primMean(CallSite &site) { return reduce<void>(site); }

Object Elaborator::primMax(CallSite &site) {
  if (site.values[1].is(Object::Kind::None))
    return reduce<ReduceMaxOp>(site);
  const Object &x = site.values[0], &y = site.values[1];
  if (!site.values[2].is(Object::Kind::None) || !site.values[3].is(Object::Kind::None))
    return fail(site.range, "'max' takes two values to compare, or one and 'over'");
  if (x.is(Object::Kind::Number) && y.is(Object::Kind::Number))
    return x.number > y.number ? x : y;
  return elementwise("max", {x, y}, site.range, "max", {site.ranges[0], site.ranges[1]});
}

Object Elaborator::primMin(CallSite &site) {
  if (site.values[1].is(Object::Kind::None))
    return reduce<ReduceMinOp>(site);
  const Object &x = site.values[0], &y = site.values[1];
  if (!site.values[2].is(Object::Kind::None) || !site.values[3].is(Object::Kind::None))
    return fail(site.range, "'min' takes two values to compare, or one and 'over'");
  if (x.is(Object::Kind::Number) && y.is(Object::Kind::Number))
    return x.number < y.number ? x : y;
  return elementwise("min", {x, y}, site.range, "min", {site.ranges[0], site.ranges[1]});
}

Object Elaborator::primWhere(CallSite &site) {
  if (site.values[0].is(Object::Kind::Bool))
    return site.values[0].boolean ? site.values[1] : site.values[2];
  return elementwise("select", site.values, site.range, "where", site.ranges);
}

//===------------------------------------------------------------------------------------------===//
// Sources
//===------------------------------------------------------------------------------------------===//

Object Elaborator::primIota(CallSite &site) {
  const Object &n = site.values[0];
  if (!n.is(Object::Kind::Number) || !n.integer || n.number < 1 || n.number > 2e9)
    return fail(site.ranges[0], "'iota' counts from 1 to 2^31 numbers, found " + describe(n));
  return ofTensor(IotaOp::create(b, RankedTensorType::get({int64_t(n.number)}, b.getI32Type()), 0),
                  false);
}

Object Elaborator::primFull(CallSite &site) {
  std::optional<Shape> shape = shapeArguments(site, 1);
  Object value = toTensor(site.values[0], realType(), site.ranges[0]);
  if (!shape || value.isPoison() || !checkSize(*shape, site.range))
    return poison();
  if (!shapeOf(value).empty())
    return fail(site.ranges[0], "'full' repeats a scalar, found " + describe(value));
  return ofTensor(broadcastTo(value, *shape, value.batched), value.batched);
}

Object Elaborator::primZeros(CallSite &site) {
  std::optional<Shape> shape = shapeArguments(site, 0);
  if (!shape || !checkSize(*shape, site.range))
    return poison();
  return ofTensor(splat(b, RankedTensorType::get(*shape, realType()), 0), false);
}

Object Elaborator::primOnes(CallSite &site) {
  std::optional<Shape> shape = shapeArguments(site, 0);
  if (!shape || !checkSize(*shape, site.range))
    return poison();
  return ofTensor(splat(b, RankedTensorType::get(*shape, realType()), 1), false);
}

Object Elaborator::primCast(CallSite &site) {
  Object x = toTensor(site.values[0], realType(), site.ranges[0]);
  const Object &type = site.values[1];
  if (x.isPoison())
    return x;
  Type element = type.is(Object::Kind::String) ? elementType(type.string) : Type();
  if (!element)
    return fail(site.ranges[1],
                "'cast' takes the name of a type: \"f32\", \"f64\", \"i32\", \"u8\" or \"bool\"");
  return castTo(x, element);
}

Object Elaborator::primLinspace(CallSite &site) {
  const Object &first = site.values[0], &last = site.values[1], &n = site.values[2];
  if (!first.is(Object::Kind::Number) || !last.is(Object::Kind::Number))
    return fail(site.range, "'linspace' takes two numbers and how many steps to go between them");
  if (!n.is(Object::Kind::Number) || !n.integer || n.number < 2 || n.number > 1e9)
    return fail(site.ranges[2], "'linspace' makes 2 to 10^9 points, found " + describe(n));
  Object index =
      ofTensor(IotaOp::create(b, RankedTensorType::get({int64_t(n.number)}, realType()), 0), false);
  Object step = Object::ofNumber((last.number - first.number) / (n.number - 1));
  Object scaled = elementwise("mul", {index, step}, site.range, "linspace", {});
  return elementwise("add", {scaled, first}, site.range, "linspace", {});
}

Object Elaborator::randomTensor(CallSite &site, StringRef distribution) {
  // random_uniform(batch, n): others for each example.
  std::vector<Object> &sizes = site.values[0].elements;
  bool batched = !sizes.empty() && sizes.front().is(Object::Kind::Batch);
  if (batched)
    sizes.erase(sizes.begin());
  if (batched && (phase == Phase::Generate || phase == Phase::Init))
    return fail(site.range, "there is no batch here");
  std::optional<Shape> shape = shapeArguments(site, 0);
  if (!shape)
    return poison();
  if (sizes.empty() && !batched) {
    if (!initialShape)
      return fail(site.range, "'" + site.callee + "' needs the sizes of its result here");
    shape = initialShape;
  }
  if (!checkSize(*shape, site.range))
    return poison();
  RankedTensorType type = typeFor(*shape, batched, realType());
  return ofTensor(RandomOp::create(b, type, b.getStringAttr(distribution),
                                   b.getI64IntegerAttr(randomStreams++)),
                  batched);
}

Object Elaborator::primRandomUniform(CallSite &site) { return randomTensor(site, "uniform"); }
Object Elaborator::primRandomNormal(CallSite &site) { return randomTensor(site, "normal"); }

//===------------------------------------------------------------------------------------------===//
// Others
//===------------------------------------------------------------------------------------------===//

Object Elaborator::primGrad(CallSite &site) {
  if (!site.values[0].is(Object::Kind::Function))
    return fail(site.ranges[0], "'grad' takes a function, found " + describe(site.values[0]));
  Object derivative = Object::ofKind(Object::Kind::Function);
  derivative.differentiated = std::make_shared<Object>(site.values[0]);
  return derivative;
}

Object Elaborator::primMatmul(CallSite &site) {
  return matmul(site.values[0], site.values[1], site.range, site.ranges[0], site.ranges[1]);
}

// Over the whole batch: how often each i of x meets each j of y, for one-hot x and y.
Object Elaborator::primCrossCount(CallSite &site) {
  Object x = toTensor(site.values[0], realType(), site.ranges[0]);
  Object y = toTensor(site.values[1], realType(), site.ranges[1]);
  if (x.isPoison() || y.isPoison())
    return poison();
  if (!x.batched || !y.batched || shapeOf(x).size() != 1 || shapeOf(y).size() != 1)
    return fail(site.range, "'count_pairs' takes two vectors per example, found " + describe(x) +
                                " and " + describe(y));
  x = castTo(x, realType());
  y = castTo(y, realType());
  Object counts =
      ofTensor(DotOp::create(b, x.tensor, y.tensor, ArrayRef<int64_t>{}, ArrayRef<int64_t>{},
                             ArrayRef<int64_t>{0}, ArrayRef<int64_t>{0}),
               false);
  counts.counts = true;
  return counts;
}

} // namespace dlc
