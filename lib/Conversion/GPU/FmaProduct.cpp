//===- FmaProduct.cpp - Products of the element type itself -----------------------------------===//
//
// A thread multiplies some rows by some columns, term by term. Both lie in shared memory as
// vectors of 16 bytes: the first vectors of all threads beside each other, then the second ones.
//
//===------------------------------------------------------------------------------------------===//
#include "PipelinedProduct.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;

namespace dlc {

static Type elementOf(DotOp dot) {
  return cast<RankedTensorType>(dot.getY().getType()).getElementType();
}

class FmaProduct : public PipelinedProduct {
public:
  FmaProduct(GpuEmitter &emitter, DotOp dot)
      : PipelinedProduct(emitter, dot, Arrangement::Lines, elementOf(dot)),
        vector(16 * 8 / element.getIntOrFloatBitWidth()), threadsDown(tile.rows / tile.threadRows),
        threadsAcross(tile.columns / tile.threadColumns),
        rowsTogether(std::min(tile.threadRows, vector)),
        columnsTogether(std::min(tile.threadColumns, vector)) {}

private:
  Value rounded(Value element) override { return element; }

  Value div(Value x, int64_t y) { return arith::DivUIOp::create(b, x, e.integer(y)); }
  Value rem(Value x, int64_t y) { return arith::RemUIOp::create(b, x, e.integer(y)); }

  /// Where this thread's first vector of rows begins, and that of columns. Lanes of a warp are four
  /// by eight where there are as many, so that they read little from shared memory.
  std::pair<Value, Value> place() {
    constexpr int64_t down = 4, across = kWarp / down;
    Value thread = threadInGroup(), row, column;
    if (threadsDown % down == 0 && threadsAcross % across == 0) {
      Value warp = div(thread, kWarp), lane = rem(thread, kWarp);
      int64_t warpsAcross = threadsAcross / across;
      row = e.addInt(e.mulInt(div(warp, warpsAcross), down), div(lane, across));
      column = e.addInt(e.mulInt(rem(warp, warpsAcross), across), rem(lane, across));
    } else {
      row = div(thread, threadsAcross);
      column = rem(thread, threadsAcross);
    }
    return {e.mulInt(row, rowsTogether), e.mulInt(column, columnsTogether)};
  }
  /// How far the n-th row or column of a thread is from its first.
  int64_t rowOffset(int64_t n) const {
    return n / rowsTogether * threadsDown * rowsTogether + n % rowsTogether;
  }
  int64_t columnOffset(int64_t n) const {
    return n / columnsTogether * threadsAcross * columnsTogether + n % columnsTogether;
  }

  int64_t runLength() const override { return columnsTogether; }
  SmallVector<Run> runs() override {
    auto [row, column] = place();
    SmallVector<Run> result;
    for (int64_t r = 0; r < tile.threadRows; ++r)
      for (int64_t c = 0; c < tile.threadColumns; c += columnsTogether)
        result.push_back(
            {e.addInt(row, e.integer(rowOffset(r))), e.addInt(column, e.integer(columnOffset(c)))});
    return result;
  }

  SmallVector<Value> multiply(Value stage, ValueRange sums) override {
    SmallVector<Value> next(sums);
    auto [row, column] = place();
    for (int64_t k = 0; k < tile.terms; k += tile.groups) {
      Value term = tile.groups > 1 ? e.addInt(group(), e.integer(k)) : e.integer(k);
      SmallVector<Value> rows, columns;
      for (int64_t r = 0; r < tile.threadRows; r += rowsTogether)
        llvm::append_range(
            rows, e.loadShared(left.place(stage, term, row, rowOffset(r)), element, rowsTogether));
      for (int64_t c = 0; c < tile.threadColumns; c += columnsTogether)
        llvm::append_range(columns, e.loadShared(right.place(stage, term, column, columnOffset(c)),
                                                 element, columnsTogether));
      for (int64_t r = 0; r < tile.threadRows; ++r)
        for (int64_t c = 0; c < tile.threadColumns; ++c) {
          Value &sum = next[r * tile.threadColumns + c];
          sum = math::FmaOp::create(b, rows[r], columns[c], sum);
        }
    }
    return next;
  }

  int64_t vector; // elements
  int64_t threadsDown, threadsAcross, rowsTogether, columnsTogether;
};

std::unique_ptr<ProductEmitter> makeFmaProduct(GpuEmitter &emitter, DotOp dot) {
  return std::make_unique<FmaProduct>(emitter, dot);
}

} // namespace dlc
