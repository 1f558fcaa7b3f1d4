//===- KernelEmitter.cpp - Loops, shares, scopes ----------------------------------------------===//
#include "KernelEmitter.h"

#include "dlrt/abi.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <cstddef>

using namespace mlir;

namespace dlc {

KernelEmitter::KernelEmitter(func::FuncOp function, KernelOp kernel, const VectorTarget &target)
    : function(function), kernel(kernel), region(&kernel.getBody().front()), target(target),
      b(kernel.getLoc(), function.getContext()) {}

LogicalResult KernelEmitter::emit() {
  Block *entry = function.addEntryBlock();
  b.setInsertionPointToStart(entry);
  auto arguments = entry->getArguments();
  frame = arguments[0];
  thread = arguments[1];
  threads = arguments[2];
  arguments = arguments.drop_front(3);
  rows = frameNumber(offsetof(dlrt_frame, rows), b.getI64Type());
  rowNumbers =
      frameNumber(offsetof(dlrt_frame, indices), LLVM::LLVMPointerType::get(b.getContext()));
  auto panels = kernel->getAttrOfType<DenseI64ArrayAttr>("panels");
  auto panelOf = [&](size_t place) { return panels ? panels[place] : 0; };
  for (auto [operand, seen] : llvm::zip_equal(kernel.getInputs(), region->getArguments())) {
    bool isField = isa<InputOp>(operand.getDefiningOp());
    inputs.push_back({arguments.front(), cast<RankedTensorType>(seen.getType()), isField,
                      panelOf(inputs.size())});
    arguments = arguments.drop_front();
  }
  for (OpResult result : kernel.getResults()) {
    results.push_back({arguments.front(), cast<RankedTensorType>(result.getType()), false,
                       panelOf(inputs.size() + results.size())});
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
                             .Default([&] { return kernel.emitError("unknown kind of kernel"); })();
  func::ReturnOp::create(b);
  return status;
}

Value KernelEmitter::integer(int64_t value) {
  return arith::ConstantOp::create(b, b.getI64IntegerAttr(value));
}

Value KernelEmitter::addInt(Value lhs, Value rhs) {
  if (!lhs || !rhs)
    return lhs ? lhs : rhs;
  return arith::AddIOp::create(b, lhs, rhs);
}

Value KernelEmitter::mulInt(Value lhs, int64_t rhs) {
  return rhs == 1 || !lhs ? lhs : Value(arith::MulIOp::create(b, lhs, integer(rhs)));
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

std::pair<Value, Value> KernelEmitter::share(Value count, int64_t granule) {
  // units = ceil(count / granule); this thread has [units * thread / threads, ...) of them.
  Value units = arith::DivUIOp::create(b, addInt(count, integer(granule - 1)), integer(granule));
  auto bound = [&](Value t) {
    Value unit = arith::DivSIOp::create(b, arith::MulIOp::create(b, units, t), threads);
    return minInt(mulInt(unit, granule), count);
  };
  Value low = bound(thread), high = bound(addInt(thread, integer(1)));
  if (!kernel->hasAttr("replicated"))
    return {low, high};
  Value few =
      arith::CmpIOp::create(b, arith::CmpIPredicate::sle, threads, integer(DLRT_MOST_COPIES));
  return {arith::SelectOp::create(b, few, integer(0), low),
          arith::SelectOp::create(b, few, count, high)};
}

void KernelEmitter::onlyIf(Value condition, llvm::function_ref<void()> body) {
  if (!condition)
    return body();
  auto op = scf::IfOp::create(b, condition, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(op.thenBlock());
  scopes.push_back(known.size());
  body();
  known.truncate(scopes.pop_back_val());
}

void KernelEmitter::onFirstThread(llvm::function_ref<void()> body) {
  onlyIf(arith::CmpIOp::create(b, arith::CmpIPredicate::eq, thread, integer(0)), body);
}

void KernelEmitter::loopOver(ArrayRef<int64_t> shape, int64_t first, int64_t last, bool shared,
                             Indices &at, llvm::function_ref<void(Indices &)> body) {
  if (first == last)
    return body(at);
  Value low = integer(0), high = sizeOf(shape[first]);
  if (shared)
    std::tie(low, high) = share(high, ShapedType::isDynamic(shape[first]) ? DLRT_ROW_TILE : 1);
  loop(low, high, 1, [&](Value i) {
    // What a product has fetched may have left the near caches again: asked for two rows ahead.
    if (at.empty() && ShapedType::isDynamic(shape[first]))
      prefetchDataRows(addInt(i, kernel->hasAttr("fetched") ? integer(2) : rows));
    at.push_back({i});
    loopOver(shape, first + 1, last, false, at, body);
    at.pop_back();
  });
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

void KernelEmitter::loopVectors(int64_t size, Value low, Value high,
                                llvm::function_ref<void(Index, Value)> body) {
  if (ShapedType::isDynamic(size)) {
    loop(low, high, lanes, [&](Value i) { body({i, 0, 1, {}}, {}); });
    return;
  }
  int64_t whole = size / lanes * lanes, rest = size - whole;
  constexpr int64_t unrolled = 4; // vectors
  if (whole <= unrolled * lanes) {
    for (int64_t i = 0; i < whole; i += lanes)
      body({{}, i, 1, {}}, {});
  } else {
    loop(integer(0), integer(whole), lanes, [&](Value i) { body({i, 0, 1, {}}, {}); });
  }
  if (rest)
    body({{}, whole, 1, {}}, tailMask(rest));
}

Value KernelEmitter::identity(ReductionOpInterface op, bool vector) {
  Type element = cast<RankedTensorType>(op.getInput().getType()).getElementType();
  TypedAttr value = numberAttr(element, op.getIdentity());
  if (vector)
    value = SplatElementsAttr::get(vectorOfType(element), value);
  return arith::ConstantOp::create(b, value);
}

Value KernelEmitter::combineLanes(ReductionOpInterface op, Value vector) {
  int64_t width = cast<VectorType>(vector.getType()).getDimSize(0);
  while (width > 1) {
    width /= 2;
    SmallVector<int64_t> low, high;
    for (int64_t i = 0; i < width; ++i) {
      low.push_back(i);
      high.push_back(i + width);
    }
    Value left = vector::ShuffleOp::create(b, vector, vector, low);
    Value right = vector::ShuffleOp::create(b, vector, vector, high);
    vector = op.buildCombine(b, left, right);
  }
  return vector::ExtractOp::create(b, vector, ArrayRef<int64_t>{0});
}

} // namespace dlc
