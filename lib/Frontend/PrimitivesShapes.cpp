//===- PrimitivesShapes.cpp - What the language has built in to change shapes ----------------===//
#include "Elaborator.h"

#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace dlc {

std::optional<Shape> Elaborator::shapeArguments(CallSite &site, size_t first, int64_t least) {
  Shape shape;
  std::vector<Object> sizes = site.values[first].elements;
  if (sizes.size() == 1 && sizes[0].is(Object::Kind::Tuple))
    sizes = std::vector<Object>(sizes[0].elements);
  for (const Object &size : sizes) {
    bool whole = size.is(Object::Kind::Number) && size.integer;
    if (!whole || size.number < double(least)) {
      fail(site.ranges[first], (whole && least == 1 ? "a size is at least 1, found "
                                                    : "a size is a whole number, found ") +
                                   describe(size));
      return std::nullopt;
    }
    shape.push_back(int64_t(size.number));
  }
  return shape;
}

static int64_t product(ArrayRef<int64_t> shape) {
  int64_t count = 1;
  for (int64_t size : shape)
    count *= size;
  return count;
}

Object Elaborator::primReshape(CallSite &site) {
  Object x = toTensor(site.values[0], realType(), site.ranges[0]);
  std::optional<Shape> shape = shapeArguments(site, 1, /*least=*/-1);
  if (x.isPoison() || !shape)
    return poison();
  int64_t count = product(shapeOf(x));
  Shape given = *shape;
  llvm::erase(given, -1);
  if (!checkSize(given, site.range))
    return poison();
  int64_t open = llvm::count(*shape, -1), known = product(given);
  if (open == 1 && known > 0 && count % known == 0)
    *llvm::find(*shape, -1) = count / known;
  if (llvm::is_contained(*shape, -1) || !checkSize(*shape, site.range) || product(*shape) != count)
    return fail(
        site.range,
        "cannot reshape " + describe(x) + ", which has " + llvm::Twine(count) + " elements, to [" +
            llvm::join(llvm::map_range(*shape, [](int64_t d) { return std::to_string(d); }), ", ") +
            "]");
  return reshapeTo(x, *shape);
}

Object Elaborator::primFlatten(CallSite &site) {
  Object x = toTensor(site.values[0], realType(), site.ranges[0]);
  return x.isPoison() ? x : reshapeTo(x, {product(shapeOf(x))});
}

Object Elaborator::primScalar(CallSite &site) {
  Object x = toTensor(site.values[0], realType(), site.ranges[0]);
  if (x.isPoison())
    return x;
  if (product(shapeOf(x)) != 1)
    return fail(site.ranges[0], "only one element can become a scalar, found " + describe(x));
  return reshapeTo(x, {});
}

std::optional<int64_t> Elaborator::axisOf(const Object &x, const Object &axis, int64_t fallback,
                                          SourceRange range, int64_t extra) {
  int64_t rank = int64_t(shapeOf(x).size()) + extra, d = fallback;
  if (!axis.is(Object::Kind::None)) {
    if (!axis.is(Object::Kind::Number) || !axis.integer) {
      fail(range, "an axis is a whole number, found " + describe(axis));
      return std::nullopt;
    }
    d = int64_t(axis.number);
  }
  if (d < -rank || d >= rank) {
    fail(range, "there is no axis " + llvm::Twine(d) + " in " + describe(x));
    return std::nullopt;
  }
  return d < 0 ? d + rank : d;
}

Object Elaborator::primExpand(CallSite &site) {
  Object x = toTensor(site.values[0], realType(), site.ranges[0]);
  if (x.isPoison())
    return x;
  std::optional<int64_t> axis = axisOf(x, site.values[1], -1, site.ranges[1], 1);
  if (!axis)
    return poison();
  Shape shape = shapeOf(x);
  shape.insert(shape.begin() + *axis, 1);
  return checkSize(shape, site.range) ? reshapeTo(x, shape) : poison();
}

Object Elaborator::primTranspose(CallSite &site) {
  Object x = toTensor(site.values[0], realType(), site.ranges[0]);
  int64_t rank = shapeOf(x).size();
  std::optional<Shape> order = shapeArguments(site, 1, /*least=*/-rank);
  if (x.isPoison() || !order)
    return poison();
  for (int64_t &d : *order)
    d += d < 0 ? rank : 0;
  if (order->empty())
    for (int64_t d = rank; d > 0; --d)
      order->push_back(d - 1);
  Shape sorted(*order);
  llvm::sort(sorted);
  if (!llvm::equal(sorted, llvm::seq<int64_t>(0, rank)))
    return fail(site.range, "the order of " + describe(x) +
                                "'s dimensions must name each of 0 to " + llvm::Twine(rank - 1) +
                                " once");
  Shape permutation(x.batched, 0);
  for (int64_t d : *order)
    permutation.push_back(d + x.batched);
  return ofTensor(transpose(b, x.tensor, permutation), x.batched);
}

Object Elaborator::primConcat(CallSite &site) {
  std::vector<Object> parts = site.values[0].elements;
  if (parts.empty())
    return fail(site.range, "'concat' needs something to join");
  for (Object &part : parts)
    if ((part = toTensor(part, realType(), site.range)).isPoison())
      return poison();
  Type element = commonElement(parts);
  bool batched = llvm::any_of(parts, [](const Object &p) { return p.batched; });
  std::optional<int64_t> axis = axisOf(parts[0], site.values[1], -1, site.ranges[1]);
  if (!axis)
    return poison();
  Shape shape = shapeOf(parts[0]);
  shape[*axis] = 0;
  SmallVector<Value> values;
  for (Object &part : parts) {
    Shape own = shapeOf(part);
    bool fits = own.size() == shape.size();
    for (size_t d = 0; fits && d < own.size(); ++d)
      fits = int64_t(d) == *axis || own[d] == shape[d];
    if (!fits)
      return fail(site.range, "cannot join " + describe(parts[0]) + " and " + describe(part) +
                                  " along axis " + llvm::Twine(*axis));
    shape[*axis] += own[*axis];
    values.push_back(broadcastTo(castTo(part, element), own, batched));
  }
  return ofTensor(ConcatOp::create(b, typeFor(shape, batched, element), values, *axis + batched),
                  batched);
}

Object Elaborator::primSplit(CallSite &site) {
  Object x = toTensor(site.values[0], realType(), site.ranges[0]);
  if (x.isPoison())
    return x;
  std::optional<int64_t> axis = axisOf(x, site.values[2], -1, site.ranges[2]);
  const Object &parts = site.values[1];
  if (!axis)
    return poison();
  Shape shape = shapeOf(x);
  if (!parts.is(Object::Kind::Number) || !parts.integer || parts.number < 1 ||
      shape[*axis] % int64_t(parts.number))
    return fail(site.ranges[1], "cannot split a dimension of size " + llvm::Twine(shape[*axis]) +
                                    " into " +
                                    (parts.is(Object::Kind::Number) && parts.integer
                                         ? std::to_string(int64_t(parts.number))
                                         : describe(parts)) +
                                    " equal parts");
  shape[*axis] /= int64_t(parts.number);
  Object tuple = Object::ofKind(Object::Kind::Tuple);
  Shape starts(shape.size() + x.batched, 0), strides(starts.size(), 1);
  for (int64_t i = 0; i < int64_t(parts.number); ++i) {
    starts[*axis + x.batched] = i * shape[*axis];
    tuple.elements.push_back(
        ofTensor(SliceOp::create(b, typeFor(shape, x.batched, elementOf(x)), x.tensor,
                                 b.getDenseI64ArrayAttr(starts), b.getDenseI64ArrayAttr(strides)),
                 x.batched));
  }
  return tuple;
}

Object Elaborator::primPad(CallSite &site) {
  Object x = toTensor(site.values[0], realType(), site.ranges[0]);
  if (x.isPoison())
    return x;
  std::optional<int64_t> axis = axisOf(x, site.values[3], -1, site.ranges[3]);
  const Object &before = site.values[1], &after = site.values[2];
  auto count = [](const Object &o) {
    return o.is(Object::Kind::Number) && o.integer && o.number >= 0 && o.number < 1e9;
  };
  if (!axis)
    return poison();
  if (!count(before) || !count(after))
    return fail(site.range, "'pad' takes how many zeros go before and after");
  Shape shape = shapeOf(x), low(shape.size() + x.batched, 0), interior(low);
  low[*axis + x.batched] = int64_t(before.number);
  shape[*axis] += int64_t(before.number) + int64_t(after.number);
  if (!checkSize(shape, site.range))
    return poison();
  return ofTensor(PadOp::create(b, typeFor(shape, x.batched, elementOf(x)), x.tensor,
                                b.getDenseI64ArrayAttr(low), b.getDenseI64ArrayAttr(interior)),
                  x.batched);
}

Object Elaborator::primTake(CallSite &site) {
  Object table = toTensor(site.values[0], realType(), site.ranges[0]);
  Object indices = toTensor(site.values[1], b.getI32Type(), site.ranges[1]);
  if (table.isPoison() || indices.isPoison())
    return poison();
  if (table.batched || shapeOf(table).empty())
    return fail(site.ranges[0],
                "'take' needs a table that is the same for all examples, found " + describe(table));
  if (isa<FloatType>(elementOf(indices)))
    return fail(site.ranges[1], "rows are numbered by whole numbers, found " + describe(indices));
  indices = castTo(indices, b.getI32Type());
  Shape shape = shapeOf(indices);
  llvm::append_range(shape, ArrayRef(shapeOf(table)).drop_front());
  if (!checkSize(shape, site.range))
    return poison();
  return ofTensor(GatherOp::create(b, typeFor(shape, indices.batched, elementOf(table)),
                                   table.tensor, indices.tensor),
                  indices.batched);
}

Object Elaborator::primShape(CallSite &site) {
  Object tuple = Object::ofKind(Object::Kind::Tuple);
  for (int64_t size : shapeOf(site.values[0]))
    tuple.elements.push_back(Object::ofNumber(double(size), true));
  return tuple;
}

Object Elaborator::primSize(CallSite &site) {
  return Object::ofNumber(double(product(shapeOf(site.values[0]))), true);
}

} // namespace dlc
