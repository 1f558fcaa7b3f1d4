//===- FmaProduct.cpp - Products of the element type itself -----------------------------------===//
#include "ProductEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;

namespace dlc {

class FmaProduct : public ProductEmitter {
public:
  using ProductEmitter::ProductEmitter;

private:
  /// A thread's rows lie beside each other; its columns lie apart, so that a warp's are in
  /// different banks and neighbours in memory.
  Value rowOf(int64_t n) {
    Value across = e.integer(tile.columns / tile.threadColumns);
    Value group = arith::DivUIOp::create(b, e.threadInBlock(), across);
    return e.addInt(e.mulInt(group, tile.threadRows), e.integer(n));
  }
  Value columnOf(int64_t n) {
    int64_t across = tile.columns / tile.threadColumns;
    Value group = arith::RemUIOp::create(b, e.threadInBlock(), e.integer(across));
    return e.addInt(group, e.integer(n * across));
  }

  SmallVector<Place> places() override {
    SmallVector<Place> result;
    for (int64_t r = 0; r < tile.threadRows; ++r)
      for (int64_t c = 0; c < tile.threadColumns; ++c)
        result.push_back({rowOf(r), columnOf(c)});
    return result;
  }

  /// Terms lie apart, rows or columns beside each other, with one of padding.
  int64_t strideOf(bool left) const { return (left ? tile.rows : tile.columns) + 1; }
  Value place(bool left, Value term, Value line) {
    Value at = e.addInt(e.mulInt(term, strideOf(left)), line);
    return left ? at : e.addInt(at, e.integer(tile.terms * strideOf(true)));
  }
  void put(bool left, Value term, Value line, Value value) override {
    e.storeShared(place(left, term, line), value);
  }

  SmallVector<Value> multiply(ValueRange sums) override {
    SmallVector<Value> next(sums);
    for (int64_t k = 0; k < tile.terms; ++k) {
      SmallVector<Value> left, right;
      for (int64_t r = 0; r < tile.threadRows; ++r)
        left.push_back(e.loadShared(place(true, e.integer(k), rowOf(r)), element));
      for (int64_t c = 0; c < tile.threadColumns; ++c)
        right.push_back(e.loadShared(place(false, e.integer(k), columnOf(c)), element));
      for (int64_t r = 0; r < tile.threadRows; ++r)
        for (int64_t c = 0; c < tile.threadColumns; ++c) {
          Value &sum = next[r * tile.threadColumns + c];
          sum = math::FmaOp::create(b, left[r], right[c], sum);
        }
    }
    return next;
  }
};

std::unique_ptr<ProductEmitter> makeFmaProduct(GpuEmitter &emitter, DotOp dot) {
  return std::make_unique<FmaProduct>(emitter, dot);
}

} // namespace dlc
