//===- Tensors.cpp - Tensor values: types, shapes, broadcasting ------------------------------===//
#include "Elaborator.h"

#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;

namespace dlc {

Type Elaborator::realType() const {
  return options.doublePrecision ? Type(Float64Type::get(&context))
                                 : Type(Float32Type::get(&context));
}

Type Elaborator::elementType(StringRef name) const {
  return llvm::StringSwitch<Type>(name)
      .Case("f32", realType())
      .Case("f64", Float64Type::get(&context))
      .Case("i32", IntegerType::get(&context, 32))
      .Case("u8", IntegerType::get(&context, 8))
      .Case("bool", IntegerType::get(&context, 1))
      .Default(Type());
}

Shape Elaborator::shapeOf(const Object &value) const {
  if (!value.isTensor())
    return {};
  auto type = mlir::cast<RankedTensorType>(value.tensor.getType());
  return Shape(type.getShape().drop_front(value.batched ? 1 : 0));
}

Type Elaborator::elementOf(const Object &value) const {
  return getElementTypeOrSelf(value.tensor.getType());
}

static std::string numberText(double value) {
  std::string text;
  llvm::raw_string_ostream(text) << llvm::format("%g", value);
  return text;
}

std::string Elaborator::describe(const Object &value) const {
  switch (value.kind) {
  case Object::Kind::Number:
    return value.integer ? "the integer " + std::to_string(int64_t(value.number))
                         : "the number " + numberText(value.number);
  case Object::Kind::Bool:
    return value.boolean ? "true" : "false";
  case Object::Kind::String:
    return "the text \"" + value.string + "\"";
  case Object::Kind::Tuple:
    return "a tuple of " + std::to_string(value.elements.size());
  case Object::Kind::Range:
    return "a range";
  case Object::Kind::Function:
    return "a function";
  case Object::Kind::None:
    return "nothing";
  case Object::Kind::Ellipsis:
    return "'...'";
  case Object::Kind::Batch:
    return "'batch'";
  case Object::Kind::Poison:
    return "an error";
  case Object::Kind::Tensor:
    break;
  }
  Type element = elementOf(value);
  std::string text = element.isF32() || element == realType() ? "f32"
                     : element.isF64()                        ? "f64"
                     : element.isInteger(32)                  ? "i32"
                     : element.isInteger(8)                   ? "u8"
                                                              : "bool";
  Shape shape = shapeOf(value);
  if (shape.empty())
    return text;
  return text + "[" +
         llvm::join(llvm::map_range(shape, [](int64_t d) { return std::to_string(d); }), ", ") +
         "]";
}

RankedTensorType Elaborator::typeFor(ArrayRef<int64_t> shape, bool batched, Type element) const {
  Shape full;
  if (batched)
    full.push_back(ShapedType::kDynamic);
  llvm::append_range(full, shape);
  return RankedTensorType::get(full, element);
}

Object Elaborator::ofTensor(Value value, bool batched) const {
  Object object = Object::ofKind(Object::Kind::Tensor);
  object.tensor = value;
  object.batched = batched;
  return object;
}

Object Elaborator::toTensor(const Object &value, Type element, SourceRange range) {
  if (value.isTensor() || value.isPoison())
    return value;
  if (value.is(Object::Kind::Number)) {
    Type type = element ? element : (value.integer ? realType() : realType());
    if (isa<IntegerType>(type) && (!value.integer || type.isInteger(1)))
      type = realType();
    return ofTensor(scalarConstant(b, type, value.number), false);
  }
  if (value.is(Object::Kind::Bool))
    return ofTensor(scalarConstant(b, IntegerType::get(&context, 1), value.boolean), false);
  if (value.is(Object::Kind::Tuple) && !value.elements.empty() &&
      llvm::all_of(value.elements, [](const Object &e) { return e.is(Object::Kind::Number); })) {
    SmallVector<Attribute> numbers;
    for (const Object &e : value.elements)
      numbers.push_back(b.getFloatAttr(realType(), e.number));
    auto type = RankedTensorType::get({int64_t(numbers.size())}, realType());
    return ofTensor(ConstantOp::create(b, type, DenseElementsAttr::get(type, numbers)), false);
  }
  return fail(range, "expected a tensor or a number, found " + describe(value));
}

bool Elaborator::refuseLabel(const Object &value, SourceRange range) {
  if (!value.label)
    return false;
  diagnostics.error(range, "a class is a name, not a number to compute with")
      .note("one_hot(label, n) makes numbers of it; a field that is a number is declared as i32");
  return true;
}

Object Elaborator::castTo(const Object &value, Type element) {
  return ofTensor(cast(b, value.tensor, element), value.batched);
}

Value Elaborator::broadcastTo(const Object &value, ArrayRef<int64_t> shape, bool batched) {
  auto from = mlir::cast<RankedTensorType>(value.tensor.getType());
  RankedTensorType to = typeFor(shape, batched, from.getElementType());
  Shape dims;
  if (value.batched)
    dims.push_back(0);
  int64_t own = from.getRank() - value.batched;
  for (int64_t i = 0; i < own; ++i)
    dims.push_back(to.getRank() - own + i);
  return dlc::broadcast(b, value.tensor, dims, to);
}

std::optional<Shape> Elaborator::commonShape(ArrayRef<Object> values) const {
  Shape result;
  for (const Object &value : values) {
    Shape shape = shapeOf(value);
    if (shape.size() > result.size())
      result.insert(result.begin(), shape.size() - result.size(), 1);
    for (size_t i = 0; i < shape.size(); ++i) {
      int64_t &size = result[result.size() - shape.size() + i];
      if (size != shape[i] && size != 1 && shape[i] != 1)
        return std::nullopt;
      if (size == 1)
        size = shape[i];
    }
  }
  return result;
}

Type Elaborator::commonElement(ArrayRef<Object> values) {
  // bool < u8 < i32 < f32 < f64; u8 counts as a number to compute with: f32.
  Type best;
  auto rank = [](Type type) {
    return type.isF64() ? 5 : type.isF32() ? 4 : type.isInteger(32) ? 3 : type.isInteger(8) ? 2 : 1;
  };
  for (const Object &value : values)
    if (value.isTensor() && (!best || rank(elementOf(value)) > rank(best)))
      best = elementOf(value);
  return best;
}

std::optional<Shape> Elaborator::reducedDims(const Object &x, const Object &over,
                                             SourceRange range) {
  int64_t rank = shapeOf(x).size();
  llvm::SmallSetVector<int64_t, 4> dims;
  std::vector<Object> items{over};
  if (over.is(Object::Kind::Tuple))
    items = over.elements;
  for (const Object &item : items) {
    switch (item.kind) {
    case Object::Kind::None:
    case Object::Kind::Ellipsis:
      for (int64_t d = 0; d < rank; ++d)
        dims.insert(d + x.batched);
      break;
    case Object::Kind::Batch:
      if (!x.batched) {
        diagnostics.error(range, "this does not depend on the batch: " + describe(x))
            .note("only what is computed from the data's fields varies over the batch");
        return std::nullopt;
      }
      dims.insert(0);
      break;
    case Object::Kind::Number: {
      if (!item.integer) {
        fail(range, "a dimension is a whole number, found " + describe(item));
        return std::nullopt;
      }
      int64_t d = int64_t(item.number);
      if (d < -rank || d >= rank) {
        diagnostics.error(range, "there is no dimension " + llvm::Twine(d) + " in " + describe(x))
            .note("dimensions count from 0, or from -1 backwards; the batch is called 'batch'");
        return std::nullopt;
      }
      dims.insert((d < 0 ? d + rank : d) + x.batched);
      break;
    }
    case Object::Kind::Poison:
      return std::nullopt;
    default:
      diagnostics.error(range,
                        "'over' takes dimensions, '...' or 'batch', found " + describe(item));
      return std::nullopt;
    }
  }
  Shape result(dims.begin(), dims.end());
  llvm::sort(result);
  return result;
}

Value Elaborator::meanOf(Value x, ArrayRef<int64_t> dims) {
  auto type = mlir::cast<RankedTensorType>(x.getType());
  Value total = dlc::sum(b, x, dims);
  Value count = scalarConstant(b, type.getElementType(), 1);
  double known = 1;
  for (int64_t d : dims) {
    if (type.isDynamicDim(d))
      count =
          runtimeNumber(b, phase == Phase::Fit || phase == Phase::Evaluate ? "total_rows" : "rows",
                        type.getElementType());
    else
      known *= double(type.getDimSize(d));
  }
  count = mul(b, count, scalarConstant(b, type.getElementType(), known));
  return div(b, total, dlc::broadcast(b, count, {}, total.getType()));
}

Object Elaborator::reshapeTo(const Object &x, ArrayRef<int64_t> shape) {
  return ofTensor(reshape(b, x.tensor, typeFor(shape, x.batched, elementOf(x))), x.batched);
}

bool Elaborator::checkSize(ArrayRef<int64_t> shape, SourceRange range) {
  constexpr int64_t most = int64_t(1) << 33; // elements of one example
  int64_t count = 1;
  for (int64_t size : shape) {
    if (size < 0 || (size > 0 && count > most / size)) {
      diagnostics.error(range, "this tensor would be too large")
          .note("one example can have at most 2^33 elements");
      return false;
    }
    count *= size;
  }
  constexpr size_t deepest = 8;
  if (shape.size() > deepest) {
    diagnostics.error(range, "a tensor has at most 8 dimensions, this would have " +
                                 llvm::Twine(shape.size()));
    return false;
  }
  return true;
}

} // namespace dlc
