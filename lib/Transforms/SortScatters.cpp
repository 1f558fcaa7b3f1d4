//===- SortScatters.cpp - Rows of a table find what is theirs by search -----------------------===//
//
//   %y = dl.scatter_add %i, %u : (tensor<?x64xi32>, tensor<?x64x8xf32>) -> tensor<65x8xf32>
// becomes, where there are many indices,
//   %k = dl.sort %i rows 65 : tensor<?x64xi32> -> tensor<4x1024xi32>
//   %y = dl.segment_sum %k, %u : (tensor<4x1024xi32>, tensor<?x64x8xf32>) -> tensor<65x8xf32>
//
// On a GPU a warp makes a row of the table, 32 columns of it. Through indices as they are it looks
// in turns, 32 indices in each; in sorted chunks it searches, log2(size) + 1 steps for 32 chunks at
// once. A turn waits for one load, as a step does, so they are counted alike. Sorting itself is one
// more kernel, about as long as kSorting of them (assumed; to be measured). The sum has the same
// order and the same bits either way.
//
//===------------------------------------------------------------------------------------------===//
#include "dlc/IR/Builders.h"
#include "dlc/IR/Forms.h"
#include "dlc/Transforms/Passes.h"

#include "llvm/Support/MathExtras.h"

#include <limits>

namespace dlc {
#define GEN_PASS_DEF_SORTSCATTERSPASS
#include "dlc/Transforms/Passes.h.inc"
} // namespace dlc

using namespace mlir;
using namespace dlc;

static RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }

constexpr int64_t kWarp = 32;
constexpr int64_t kWarpsAtOnce = 8192; // on a large GPU
constexpr int64_t kSorting = 64;
/// A block's threads hold four keys each, or one where keys of 32 bits have no room for more.
constexpr int64_t kLargestChunk = 1024, kSmallestChunk = 256;

/// How many indices there are in a full batch.
static int64_t countOf(Value indices, int64_t batch) {
  int64_t count = 1;
  for (int64_t size : typeOf(indices).getShape())
    count *= ShapedType::isDynamic(size) ? batch : size;
  return count;
}

/// Indices in a chunk: a key is less than 2^31. 0 where the table has too many rows.
static int64_t chunkFor(int64_t rows) {
  for (int64_t size = kLargestChunk; size >= kSmallestChunk; size /= 2)
    if (rows <= std::numeric_limits<int32_t>::max() / size)
      return size;
  return 0;
}

static bool paysToSort(ScatterAddOp op, int64_t count, int64_t chunk) {
  RankedTensorType table = typeOf(op.getY());
  int64_t rows = table.getDimSize(0), columns = table.getNumElements() / rows;
  int64_t rounds = llvm::divideCeil(rows * llvm::divideCeil(columns, kWarp), kWarpsAtOnce);
  int64_t chunks = llvm::divideCeil(count, chunk);
  int64_t steps = llvm::divideCeil(chunks, kWarp) * (llvm::Log2_64(chunk) + 1);
  int64_t turns = llvm::divideCeil(count, kWarp);
  return kSorting + rounds * steps < rounds * turns;
}

namespace {
struct SortScattersPass : dlc::impl::SortScattersPassBase<SortScattersPass> {
  void runOnOperation() override {
    if (failed(verifyGraph(getOperation())))
      return signalPassFailure();
    auto batch = getOperation()->getAttrOfType<IntegerAttr>("dl.batch");
    DenseMap<std::pair<Value, int64_t>, Value> sorted; // by indices and rows
    for (auto op : llvm::make_early_inc_range(getOperation().getOps<ScatterAddOp>())) {
      if (isBatched(op.getIndices().getType()) && !batch)
        continue;
      int64_t rows = typeOf(op.getY()).getDimSize(0), chunk = chunkFor(rows);
      int64_t count = countOf(op.getIndices(), batch ? batch.getInt() : 1);
      if (!chunk || !paysToSort(op, count, chunk))
        continue;
      ImplicitLocOpBuilder b(op.getLoc(), op);
      Value &keys = sorted[{op.getIndices(), rows}];
      if (!keys) {
        auto type =
            RankedTensorType::get({int64_t(llvm::divideCeil(count, chunk)), chunk}, b.getI32Type());
        keys = SortOp::create(b, type, op.getIndices(), rows);
      }
      op.replaceAllUsesWith(
          SegmentSumOp::create(b, op.getType(), keys, op.getUpdates()).getResult());
      op.erase();
    }
  }
};
} // namespace
