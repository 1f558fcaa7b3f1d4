//===- Evaluate.cpp - Elements by demand ------------------------------------------------------===//
#include "KernelEmitter.h"
#include "Philox.h"

#include "dlrt/abi.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/TypeUtilities.h"

#include <cstddef>

using namespace mlir;

namespace dlc {

static RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }

void KernelEmitter::bind(Value value, ArrayRef<Index> at, Value element) {
  known.push_back({value, Indices(at), element});
}

Value KernelEmitter::evaluate(Value value, ArrayRef<Index> at, Value mask) {
  for (const Scope &entry : llvm::reverse(known))
    if (entry.value == value && ArrayRef<Index>(entry.at) == at)
      return entry.element;
  Value element;
  if (auto argument = dyn_cast<BlockArgument>(value))
    element = load(inputs[argument.getArgNumber()], at, mask);
  else
    element = evaluateOp(value.getDefiningOp(), at, mask);
  bind(value, at, element);
  return element;
}

Value KernelEmitter::evaluateOp(Operation *op, ArrayRef<Index> at, Value mask) {
  if (auto body = dyn_cast<ElementwiseOpInterface>(op)) {
    SmallVector<Value> arguments;
    for (Value operand : op->getOperands())
      arguments.push_back(evaluate(operand, at, mask));
    bool vector = llvm::any_of(arguments, [](Value v) { return isa<VectorType>(v.getType()); });
    for (Value &argument : arguments)
      if (vector && !isa<VectorType>(argument.getType()))
        argument = splat(argument);
    if (auto quotient = dyn_cast<DivOp>(op))
      if (Value element = evaluateQuotient(quotient, arguments))
        return element;
    return body.buildBody(b, arguments);
  }
  if (auto repeat = dyn_cast<BroadcastOp>(op)) {
    Indices from;
    for (auto [i, d] : llvm::enumerate(repeat.getDims())) {
      // A place along a dimension that stays 1 is kept: a reduction's result is known by it.
      bool stretched =
          typeOf(repeat.getX()).getDimSize(i) == 1 && typeOf(repeat.getY()).getDimSize(d) != 1;
      from.push_back(stretched ? Index() : at[d]);
    }
    return evaluate(repeat.getX(), from, mask);
  }
  if (auto transpose = dyn_cast<TransposeOp>(op)) {
    Indices from(at.size());
    for (auto [i, d] : llvm::enumerate(transpose.getPermutation()))
      from[d] = at[i];
    return evaluate(transpose.getX(), from, mask);
  }
  if (auto slice = dyn_cast<SliceOp>(op)) {
    Indices from;
    for (auto [index, start, stride] : llvm::zip_equal(at, slice.getStarts(), slice.getStrides())) {
      from.push_back(scaled(index, stride));
      from.back().offset += start;
    }
    return evaluate(slice.getX(), from, mask);
  }
  if (auto iota = dyn_cast<IotaOp>(op)) {
    const Index &index = at[iota.getDim()];
    Value number = index.varies() ? vectorOf(index) : scalarOf(index);
    Type element = typeOf(iota.getY()).getElementType();
    Type type = index.varies() ? Type(vectorOfType(element)) : element;
    if (isa<FloatType>(element))
      return arith::SIToFPOp::create(b, type, number);
    return resized(number, element);
  }
  if (auto constant = dyn_cast<ConstantOp>(op))
    return evaluateConstant(constant, at, mask);
  if (auto random = dyn_cast<RandomOp>(op))
    return evaluateRandom(random, at);
  if (auto number = dyn_cast<RuntimeOp>(op))
    return evaluateRuntime(number);
  if (auto gather = dyn_cast<GatherOp>(op))
    return evaluateGather(gather, at, mask);
  if (auto pad = dyn_cast<PadOp>(op))
    return evaluatePad(pad, at, mask);
  if (auto concat = dyn_cast<ConcatOp>(op))
    return evaluateConcat(concat, at, mask);
  llvm::report_fatal_error(llvm::Twine("no element-by-element form of ") +
                           op->getName().getStringRef());
}

/// Whether a value is sqrt(v) + c or sqrt(v) + c * sqrt(w) with a constant c: far from the largest
/// numbers, as a root is at most 1.9e19.
static bool isSumWithRoot(Value value) {
  auto isSmall = [](Value c) {
    DenseElementsAttr constant;
    return matchPattern(c, mlir::m_Constant(&constant)) && constant.isSplat() &&
           std::abs(constant.getSplatValue<APFloat>().convertToDouble()) <= 1e18;
  };
  auto sum = value.getDefiningOp<AddOp>();
  if (!sum)
    return false;
  for (auto [root, other] : {std::pair(sum.getLhs(), sum.getRhs()), {sum.getRhs(), sum.getLhs()}}) {
    if (!root.getDefiningOp<SqrtOp>())
      continue;
    if (auto broadcast = other.getDefiningOp<BroadcastOp>())
      other = broadcast.getX();
    if (isSmall(other))
      return true;
    if (auto product = other.getDefiningOp<MulOp>())
      if ((isSmall(product.getLhs()) && product.getRhs().getDefiningOp<SqrtOp>()) ||
          (isSmall(product.getRhs()) && product.getLhs().getDefiningOp<SqrtOp>()))
        return true;
  }
  return false;
}

/// x / (sqrt(v) + c), the quotient of the adaptive optimizers: a root and a division for each
/// parameter take the divider twice, longer than all the rest of the update. With AVX-512 the
/// division becomes an estimate of the reciprocal, refined once: within 1.1 ulp. Null elsewhere.
Value KernelEmitter::evaluateQuotient(DivOp op, ArrayRef<Value> arguments) {
  auto type = dyn_cast<VectorType>(arguments[0].getType());
  if (!type || !type.getElementType().isF32() || target.bytes != 64 ||
      type.getNumElements() != 16 || !isSumWithRoot(op.getRhs()))
    return {};
  auto constant = [&](float value) -> Value {
    return arith::ConstantOp::create(b, SplatElementsAttr::get(type, b.getF32FloatAttr(value)));
  };
  Value divisor = arguments[1];
  Value zero = constant(0), everyLane = arith::ConstantOp::create(b, b.getI16IntegerAttr(-1));
  Value estimate =
      LLVM::CallIntrinsicOp::create(b, type, b.getStringAttr("llvm.x86.avx512.rcp14.ps.512"),
                                    ValueRange{divisor, zero, everyLane})
          .getResult(0);
  Value minus = arith::NegFOp::create(b, divisor);
  Value error = vector::FMAOp::create(b, minus, estimate, constant(1));
  // For a divisor of 0 or infinity the estimate is exact and its error is not a number.
  Value exists = arith::CmpFOp::create(b, arith::CmpFPredicate::ORD, error, error);
  Value refined = vector::FMAOp::create(b, estimate, error, estimate);
  Value reciprocal = arith::SelectOp::create(b, exists, refined, estimate);
  return arith::MulFOp::create(b, arguments[0], reciprocal);
}

Value KernelEmitter::evaluateConstant(ConstantOp op, ArrayRef<Index> at, Value mask) {
  auto elements = cast<DenseElementsAttr>(op.getValue());
  if (elements.isSplat())
    return arith::ConstantOp::create(b, elements.getElementType(),
                                     cast<TypedAttr>(elements.getSplatValue<Attribute>()));
  // A table in the program: written as bytes of its element type in a global.
  auto module = function->getParentOfType<ModuleOp>();
  std::string name;
  for (int64_t i = 0; name.empty() || module.lookupSymbol(name); ++i)
    name = "dl_constant_" + std::to_string(i);
  auto type = typeOf(op);
  SmallVector<Attribute> values(elements.getValues<Attribute>());
  bool bools = type.getElementType().isInteger(1);
  if (bools)
    for (Attribute &value : values)
      value = b.getI8IntegerAttr(cast<IntegerAttr>(value).getValue().getZExtValue());
  Type element = bools ? Type(b.getI8Type()) : type.getElementType();
  auto flat = RankedTensorType::get({type.getNumElements()}, element);
  auto array = LLVM::LLVMArrayType::get(element, type.getNumElements());
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(module.getBody());
    LLVM::GlobalOp::create(b, array, /*isConstant=*/true, LLVM::Linkage::Internal, name,
                           DenseElementsAttr::get(flat, values), /*alignment=*/64);
  }
  Value pointer = LLVM::AddressOfOp::create(b, LLVM::LLVMPointerType::get(b.getContext()), name);
  return load({pointer, type}, at, mask);
}

Value KernelEmitter::evaluateRandom(RandomOp op, ArrayRef<Index> at) {
  Index position = linear(typeOf(op), at);
  Value element =
      resized(position.varies() ? vectorOf(position) : scalarOf(position), b.getI64Type());
  Value seed = frameNumber(offsetof(dlrt_frame, seed), b.getI64Type());
  Value step = frameNumber(offsetof(dlrt_frame, step), b.getI64Type());
  PhiloxWords words = emitPhilox(b, element, step, op.getStream(), seed);
  Type type = typeOf(op).getElementType();
  return op.getDistribution() == "normal" ? normalFromWords(b, words, type)
                                          : uniformFromWords(b, words, type);
}

Value KernelEmitter::evaluateRuntime(RuntimeOp op) {
  size_t offset = llvm::StringSwitch<size_t>(op.getName())
                      .Case("rows", offsetof(dlrt_frame, rows))
                      .Case("total_rows", offsetof(dlrt_frame, total_rows))
                      .Case("step", offsetof(dlrt_frame, step))
                      .Case("total_steps", offsetof(dlrt_frame, total_steps))
                      .Case("epoch", offsetof(dlrt_frame, epoch));
  Value number = frameNumber(offset, b.getI64Type());
  Type type = typeOf(op).getElementType();
  if (isa<FloatType>(type))
    return arith::SIToFPOp::create(b, type, number);
  return arith::TruncIOp::create(b, type, number);
}

Value KernelEmitter::evaluateGather(GatherOp op, ArrayRef<Index> at, Value mask) {
  int64_t rank = typeOf(op.getIndices()).getRank(), count = typeOf(op.getTable()).getDimSize(0);
  Value number = evaluate(op.getIndices(), at.take_front(rank), mask);
  auto constant = [&](int64_t value) -> Value {
    auto attribute = b.getI32IntegerAttr(value);
    if (auto vector = dyn_cast<VectorType>(number.getType()))
      return arith::ConstantOp::create(b, SplatElementsAttr::get(vector, attribute));
    return arith::ConstantOp::create(b, attribute);
  };
  number = arith::MaxSIOp::create(b, number, constant(0));
  number = arith::MinSIOp::create(b, number, constant(count - 1));
  Index row;
  if (isa<VectorType>(number.getType()))
    row.scattered = resized(number, indexType);
  else
    row.base = resized(number, indexType);
  Indices from{row};
  llvm::append_range(from, at.drop_front(rank));
  return evaluate(op.getTable(), from, mask);
}

Value KernelEmitter::evaluatePad(PadOp op, ArrayRef<Index> at, Value mask) {
  // Outside of the operand an index is moved to 0 and the element replaced by zero.
  bool vector = llvm::any_of(at, [](const Index &index) { return index.varies(); });
  auto constant = [&](int64_t value) -> Value {
    return vector ? splat(integer(value)) : integer(value);
  };
  Indices from;
  Value inside;
  for (auto [d, index] : llvm::enumerate(at)) {
    int64_t low = op.getLow()[d], step = op.getInterior()[d] + 1;
    int64_t size = typeOf(op.getX()).getDimSize(d);
    if (low == 0 && step == 1 && size == typeOf(op.getY()).getDimSize(d)) {
      from.push_back(index);
      continue;
    }
    Value place = vector ? vectorOf(index) : scalarOf(index);
    place = arith::SubIOp::create(b, place, constant(low));
    Value source = step == 1 ? place : Value(arith::DivSIOp::create(b, place, constant(step)));
    Value valid = arith::CmpIOp::create(b, arith::CmpIPredicate::sge, place, constant(0));
    Value below = arith::CmpIOp::create(b, arith::CmpIPredicate::slt, source, constant(size));
    valid = arith::AndIOp::create(b, valid, below);
    if (step != 1) {
      Value back = arith::MulIOp::create(b, source, constant(step));
      Value exact = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, back, place);
      valid = arith::AndIOp::create(b, valid, exact);
    }
    source = arith::SelectOp::create(b, valid, source, constant(0));
    inside = inside ? Value(arith::AndIOp::create(b, inside, valid)) : valid;
    from.push_back(vector ? Index{{}, 0, 0, source} : Index{source});
  }
  Value element = evaluate(op.getX(), from, mask);
  if (!inside)
    return element;
  if (vector && !isa<VectorType>(element.getType()))
    element = splat(element);
  Value zero = arith::ConstantOp::create(b, b.getZeroAttr(element.getType()));
  return arith::SelectOp::create(b, inside, element, zero);
}

Value KernelEmitter::evaluateConcat(ConcatOp op, ArrayRef<Index> at, Value mask) {
  // Each part is read at its own place, clamped into it; selects keep the right one.
  int64_t dim = op.getDim(), start = 0;
  bool vector = llvm::any_of(at, [](const Index &index) { return index.varies(); });
  auto constant = [&](int64_t value) -> Value {
    return vector ? splat(integer(value)) : integer(value);
  };
  Value place = vector ? vectorOf(at[dim]) : scalarOf(at[dim]), result;
  for (Value part : op.getParts()) {
    int64_t size = typeOf(part).getDimSize(dim);
    Value own = arith::SubIOp::create(b, place, constant(start));
    own = arith::MinSIOp::create(b, arith::MaxSIOp::create(b, own, constant(0)),
                                 constant(std::max<int64_t>(size - 1, 0)));
    Indices from(at);
    from[dim] = vector ? Index{{}, 0, 0, own} : Index{own};
    Value element = evaluate(part, from, mask);
    if (vector && !isa<VectorType>(element.getType()))
      element = splat(element);
    if (result) {
      Value reached = arith::CmpIOp::create(b, arith::CmpIPredicate::sge, place, constant(start));
      element = arith::SelectOp::create(b, reached, element, result);
    }
    result = element;
    start += size;
  }
  return result;
}

void KernelEmitter::evaluateUniforms() {
  // Scalars that are known before the loops start are computed once.
  for (BlockArgument argument : region->getArguments())
    if (typeOf(argument).getRank() == 0)
      evaluate(argument, {});
  for (Operation &op : region->without_terminator()) {
    if (op.getNumResults() != 1 || typeOf(op.getResult(0)).getRank() != 0 ||
        isa<ReductionOpInterface, DotOp>(op))
      continue;
    bool uniform = llvm::all_of(op.getOperands(), [&](Value operand) {
      return llvm::any_of(known, [&](const Scope &entry) { return entry.value == operand; });
    });
    if (uniform && isa<ElementwiseOpInterface, ConstantOp, RuntimeOp>(op))
      evaluate(op.getResult(0), {});
  }
}

} // namespace dlc
