//===- KernelEmitter.cpp - Loops, shares, scopes ----------------------------------------------===//
#include "KernelEmitter.h"

#include "dlrt/abi.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/TypeUtilities.h"

#include <cstddef>

using namespace mlir;

namespace dlc {

KernelEmitter::KernelEmitter(func::FuncOp function, KernelOp kernel, const VectorTarget &target)
    : function(function), kernel(kernel), region(&kernel.getBody().front()), target(target),
      b(kernel.getLoc(), function.getContext()), indexType(b.getI64Type()) {}

LogicalResult KernelEmitter::emit() {
  Block *entry = function.addEntryBlock();
  b.setInsertionPointToStart(entry);
  ValueRange arguments = entry->getArguments();
  size_t pointers = kernel.getInputs().size() + kernel.getNumResults();
  takeArguments(arguments.drop_back(pointers));
  arguments = arguments.take_back(pointers);
  rowNumbers =
      frameNumber(offsetof(dlrt_frame, indices), LLVM::LLVMPointerType::get(b.getContext()));
  auto panels = kernel->getAttrOfType<DenseI64ArrayAttr>("panels");
  auto panelOf = [&](size_t place) { return panels ? panels[place] : 0; };
  for (auto [operand, seen] : llvm::zip_equal(kernel.getInputs(), region->getArguments())) {
    bool isField = isa<InputOp>(operand.getDefiningOp());
    inputs.push_back({arguments.front(), cast<RankedTensorType>(seen.getType()), isField,
                      panelOf(inputs.size()), isField ? 1 : tensorAlignment});
    arguments = arguments.drop_front();
  }
  for (OpResult result : kernel.getResults()) {
    results.push_back({arguments.front(), cast<RankedTensorType>(result.getType()), false,
                       panelOf(inputs.size() + results.size()), tensorAlignment});
    arguments = arguments.drop_front();
  }
  scopes.push_back(0);
  evaluateUniforms();

  LogicalResult status = llvm::StringSwitch<llvm::function_ref<LogicalResult()>>(kernel.getKind())
                             .Case("map", [&] { return emitMap(); })
                             .Case("rows", [&] { return emitRows(); })
                             .Case("reduce", [&] { return emitReduce(); })
                             .Case("contract", [&] { return emitContract(); })
                             .Case("scatter", [&] { return emitScatter(); })
                             .Case("sort", [&] { return emitSort(); })
                             .Case("segments", [&] { return emitSegments(); })
                             .Default([&] { return kernel.emitError("unknown kind of kernel"); })();
  func::ReturnOp::create(b);
  return status;
}

Value KernelEmitter::integer(int64_t value) {
  return arith::ConstantOp::create(b, b.getIntegerAttr(indexType, value));
}

Value KernelEmitter::resized(Value integer, Type type) {
  Type from = integer.getType(), to = type;
  if (auto vector = dyn_cast<VectorType>(from))
    to = vector.clone(type);
  unsigned bits = getElementTypeOrSelf(from).getIntOrFloatBitWidth();
  unsigned wanted = type.getIntOrFloatBitWidth();
  if (bits == wanted)
    return integer;
  return bits < wanted ? Value(arith::ExtSIOp::create(b, to, integer))
                       : Value(arith::TruncIOp::create(b, to, integer));
}

/// Indices do not overflow; of narrow ones that must be known, so that they become addresses in one
/// step.
static arith::IntegerOverflowFlags overflowOf(Type indexType) {
  return indexType.isInteger(32) ? arith::IntegerOverflowFlags::nsw
                                 : arith::IntegerOverflowFlags::none;
}

Value KernelEmitter::addInt(Value lhs, Value rhs) {
  if (!lhs || !rhs)
    return lhs ? lhs : rhs;
  return arith::AddIOp::create(b, lhs, rhs, overflowOf(indexType));
}

Value KernelEmitter::mulInt(Value lhs, int64_t rhs) {
  if (rhs == 1 || !lhs)
    return lhs;
  return arith::MulIOp::create(b, lhs, integer(rhs), overflowOf(indexType));
}

Value KernelEmitter::minInt(Value lhs, Value rhs) { return arith::MinSIOp::create(b, lhs, rhs); }

Value KernelEmitter::sizeOf(int64_t dim) {
  return ShapedType::isDynamic(dim) ? rows : integer(dim);
}

SmallVector<Value>
KernelEmitter::loopCarrying(Value low, Value high, int64_t step, ValueRange initial,
                            llvm::function_ref<SmallVector<Value>(Value, ValueRange)> body) {
  Value stride = integer(step);
  auto op = scf::ForOp::create(b, low, high, stride, initial);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(op.getBody());
  scopes.push_back(known.size());
  SmallVector<Value> next = body(op.getInductionVar(), op.getRegionIterArgs());
  known.truncate(scopes.pop_back_val());
  if (!initial.empty() || !op.getBody()->mightHaveTerminator())
    scf::YieldOp::create(b, next);
  return op.getResults();
}

void KernelEmitter::loop(Value low, Value high, int64_t step, Body body) {
  loopCarrying(low, high, step, {}, [&](Value i, ValueRange) {
    body(i);
    return SmallVector<Value>();
  });
}

void KernelEmitter::onlyIf(Value condition, llvm::function_ref<void()> body) {
  if (!condition)
    return body();
  auto op = scf::IfOp::create(b, condition, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(op.thenBlock());
  inScope(body);
}

void KernelEmitter::inScope(llvm::function_ref<void()> body) {
  scopes.push_back(known.size());
  body();
  known.truncate(scopes.pop_back_val());
}

void KernelEmitter::storeResults(ArrayRef<Index> at, Value mask) {
  SmallVector<Value> elements;
  for (Value value : region->getTerminator()->getOperands())
    elements.push_back(evaluate(value, at, mask));
  for (auto [n, element] : llvm::enumerate(elements))
    store(n, at, element, mask);
}

Value KernelEmitter::tailMask(int64_t count) {
  SmallVector<bool> bits(lanes, false);
  std::fill_n(bits.begin(), count, true);
  auto type = vectorOfType(b.getI1Type());
  return arith::ConstantOp::create(b, DenseElementsAttr::get(type, bits));
}

Value KernelEmitter::identity(ReductionOpInterface op, bool vector) {
  Type element = cast<RankedTensorType>(op.getInput().getType()).getElementType();
  TypedAttr value = numberAttr(element, op.getIdentity());
  if (vector)
    value = SplatElementsAttr::get(vectorOfType(element), value);
  return arith::ConstantOp::create(b, value);
}

} // namespace dlc
