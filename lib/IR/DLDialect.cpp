//===- DLDialect.cpp - The dialect and what its generated op classes need ---------------------===//
#include "Scalar.h"
#include "Verifiers.h"
#include "dlc/IR/Builders.h"
#include "dlc/IR/DL.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/TypeUtilities.h"

#include <cmath>

using namespace mlir;
using namespace dlc;

#include "DLDialect.cpp.inc"
#include "DLInterfaces.cpp.inc"

namespace dlc {

void DLDialect::initialize() {
  addOperations<
#define GET_OP_LIST
#include "DLOps.cpp.inc"
      >();
}

Operation *DLDialect::materializeConstant(OpBuilder &b, Attribute value, Type type, Location loc) {
  if (auto elements = llvm::dyn_cast<ElementsAttr>(value))
    return ConstantOp::create(b, loc, type, elements);
  return nullptr;
}

RankedTensorType reducedType(Type type, ArrayRef<int64_t> dims) {
  auto tensor = llvm::cast<RankedTensorType>(type);
  SmallVector<int64_t> shape;
  for (int64_t d = 0; d < tensor.getRank(); ++d)
    if (!llvm::is_contained(dims, d))
      shape.push_back(tensor.getDimSize(d));
  return RankedTensorType::get(shape, tensor.getElementType());
}

bool isFloat(Value value) { return llvm::isa<FloatType>(getElementTypeOrSelf(value.getType())); }

bool hasBatchInFront(Type type) {
  auto tensor = llvm::cast<RankedTensorType>(type);
  return tensor.getRank() == 0 ||
         llvm::none_of(tensor.getShape().drop_front(), ShapedType::isDynamic);
}

bool isBatched(Type type) {
  auto tensor = llvm::cast<RankedTensorType>(type);
  return tensor.getRank() > 0 && tensor.isDynamicDim(0);
}

TypedAttr numberAttr(Type element, double value) {
  if (llvm::isa<FloatType>(element))
    return FloatAttr::get(element, value);
  unsigned width = element.getIntOrFloatBitWidth();
  bool isSigned = width > 8;
  if (!std::isinf(value))
    return IntegerAttr::get(element, static_cast<int64_t>(value));
  APInt limit = value > 0  ? isSigned ? APInt::getSignedMaxValue(width) : APInt::getMaxValue(width)
                : isSigned ? APInt::getSignedMinValue(width)
                           : APInt::getMinValue(width);
  return IntegerAttr::get(element, limit);
}

std::optional<double> splatValue(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (!llvm::isa<BroadcastOp, CastOp, ReshapeOp>(op))
      break;
    value = op->getOperand(0);
  }
  DenseElementsAttr elements;
  if (!matchPattern(value, m_Constant(&elements)) || !elements.isSplat())
    return std::nullopt;
  if (llvm::isa<FloatType>(elements.getElementType()))
    return elements.getSplatValue<APFloat>().convertToDouble();
  const APInt number = elements.getSplatValue<APInt>();
  return number.getBitWidth() <= 8 ? double(number.getZExtValue()) : double(number.getSExtValue());
}

/// x + 0, x - 0, x * 1, x / 1, -(-x).
static OpFoldResult foldIdentity(Operation *op) {
  if (llvm::isa<NegOp>(op))
    if (auto inner = op->getOperand(0).getDefiningOp<NegOp>())
      return inner.getX();
  if (op->getNumOperands() != 2)
    return {};
  std::optional<double> neutral;
  if (llvm::isa<AddOp, SubOp>(op))
    neutral = 0.0;
  if (llvm::isa<MulOp, DivOp>(op))
    neutral = 1.0;
  if (!neutral)
    return {};
  if (splatValue(op->getOperand(1)) == neutral)
    return op->getOperand(0);
  if (llvm::isa<AddOp, MulOp>(op) && splatValue(op->getOperand(0)) == neutral)
    return op->getOperand(1);
  return {};
}

/// Folds an op on constants of equal elements by building its body on them and folding that.
static Attribute foldBody(Operation *op, ArrayRef<Attribute> operands) {
  Block block;
  ImplicitLocOpBuilder b(op->getLoc(), op->getContext()); // the block is in no region
  b.setInsertionPointToEnd(&block);
  SmallVector<Value> arguments;
  for (Attribute operand : operands) {
    auto elements = llvm::dyn_cast_if_present<DenseElementsAttr>(operand);
    if (!elements || !elements.isSplat())
      return {};
    auto element = llvm::cast<TypedAttr>(elements.getSplatValue<Attribute>());
    arguments.push_back(arith::ConstantOp::create(b, element));
  }
  Value body = llvm::cast<ElementwiseOpInterface>(op).buildBody(b, arguments);
  DenseMap<Value, Attribute> values;
  for (Operation &each : block) {
    SmallVector<Attribute> known;
    for (Value operand : each.getOperands())
      known.push_back(values.lookup(operand));
    SmallVector<OpFoldResult> results;
    if (failed(each.fold(known, results)) || results.size() != 1)
      return {};
    auto attribute = llvm::dyn_cast<Attribute>(results.front());
    if (!attribute)
      attribute = values.lookup(llvm::cast<Value>(results.front()));
    if (!attribute)
      return {};
    values[each.getResult(0)] = attribute;
  }
  auto type = llvm::cast<RankedTensorType>(op->getResult(0).getType());
  Attribute result = values.lookup(body);
  return result ? DenseElementsAttr::get(type, result) : Attribute();
}

OpFoldResult foldElementwise(Operation *op, ArrayRef<Attribute> operands) {
  if (llvm::isa<StopGradientOp, CopyOp>(op))
    return {};
  if (OpFoldResult identity = foldIdentity(op))
    return identity;
  if (llvm::all_of(operands, [](Attribute operand) { return operand != nullptr; }))
    return foldBody(op, operands);
  return {};
}

} // namespace dlc

#define GET_OP_CLASSES
#include "DLOps.cpp.inc"
