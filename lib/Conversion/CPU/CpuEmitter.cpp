//===- CpuEmitter.cpp - Threads, shares, vectors, fetching ahead ------------------------------===//
#include "CpuEmitter.h"

#include "dlrt/abi.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/MathExtras.h"

#include <cstddef>

using namespace mlir;

namespace dlc {

void CpuEmitter::takeArguments(ValueRange arguments) {
  frame = arguments[0];
  thread = arguments[1];
  threads = arguments[2];
  rows = frameNumber(offsetof(dlrt_frame, rows), b.getI64Type());
}

std::pair<Value, Value> CpuEmitter::share(Value count, int64_t granule) {
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

void CpuEmitter::onFirstThread(llvm::function_ref<void()> body) {
  onlyIf(arith::CmpIOp::create(b, arith::CmpIPredicate::eq, thread, integer(0)), body);
}

void CpuEmitter::loopOver(ArrayRef<int64_t> shape, int64_t first, int64_t last, bool shared,
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

void CpuEmitter::loopVectors(int64_t size, Value low, Value high,
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

Value CpuEmitter::combineLanes(ReductionOpInterface op, Value vector) {
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

void CpuEmitter::prefetch(Value pointer, Value index, Type element) {
  LLVM::Prefetch::create(b, address(pointer, index, element), b.getI32IntegerAttr(/*write=*/0),
                         b.getI32IntegerAttr(/*locality=*/3), b.getI32IntegerAttr(/*data=*/1));
}

void CpuEmitter::prefetchDataRows(Value row) {
  constexpr int64_t kLine = 64, kMostBytes = 4096;
  for (const TensorMemory &memory : inputs) {
    int64_t bits = memory.type.getElementTypeBitWidth(), bytes = 1;
    for (int64_t size : memory.type.getShape().drop_front(memory.byRowNumber))
      bytes *= size;
    bytes *= std::max<int64_t>(bits / 8, 1);
    if (!memory.byRowNumber || bytes > kMostBytes)
      continue;
    // Rows of a shuffled batch lie anywhere: only the program knows which ones are next.
    Value number =
        LLVM::LoadOp::create(b, b.getI32Type(), address(rowNumbers, row, b.getI32Type()));
    Value first = mulInt(arith::ExtSIOp::create(b, b.getI64Type(), number), bytes);
    for (int64_t offset = 0; offset < bytes; offset += kLine)
      prefetch(memory.pointer, addInt(first, integer(offset)), b.getI8Type());
  }
}

void CpuEmitter::prefetchDataRows(const TensorMemory &memory, Value row, int64_t count, Value term,
                                  int64_t terms) {
  int64_t bytes = std::max<int64_t>(memory.type.getElementTypeBitWidth() / 8, 1);
  for (int64_t size : memory.type.getShape().drop_front())
    bytes *= size;
  // Row after row in turn, each time a step further along it.
  int64_t step = llvm::divideCeil(bytes, std::max<int64_t>(terms / count, 1));
  Value which = arith::RemUIOp::create(b, term, integer(count));
  Value offset = mulInt(arith::DivUIOp::create(b, term, integer(count)), step);
  Value place = address(rowNumbers, addInt(addInt(row, rows), which), b.getI32Type());
  Value number =
      arith::ExtSIOp::create(b, b.getI64Type(), LLVM::LoadOp::create(b, b.getI32Type(), place));
  prefetch(memory.pointer, addInt(mulInt(number, bytes), offset), b.getI8Type());
}

} // namespace dlc
