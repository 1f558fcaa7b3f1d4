//===- PlanProduct.cpp - Tiles of products, chosen by estimated time --------------------------===//
//
// A tile's time is estimated in cycles of a multiprocessor:
//
//   time  = tiles of a multiprocessor * (parts * part + 2 * latency + combining the groups' sums
//           + storing the results)
//   part  = the longest of: multiplying it, reading it from shared memory, bringing it to shared
//           memory, and a latency, shared by the parts that are on their way
//
// The estimate only has to put tiles into an order. It knows a large GPU, as the plan is made
// before one is there; what is fused into the product, it leaves out.
//
//===------------------------------------------------------------------------------------------===//
#include "Launch.h"
#include "Machine.h"

#include "mlir/IR/BuiltinTypes.h"
#include "llvm/Support/MathExtras.h"

#include <map>

using namespace mlir;

namespace dlc {

constexpr double kLatency = 700; // cycles, about what memory takes; described nowhere

//===------------------------------------------------------------------------------------------===//
// Tiles for 256 threads: rows, columns, terms, those of a thread (on tensor cores, of a warp),
// groups
//===------------------------------------------------------------------------------------------===//

/// From the largest on. The larger a thread's part, the less is read from shared memory.
static constexpr Tile exactTiles[] = {
    {128, 128, 16, 8, 8},   {128, 64, 16, 8, 4},    {64, 64, 16, 4, 4},   {32, 32, 32, 4, 4, 4},
    {16, 16, 64, 4, 4, 16}, {16, 8, 128, 4, 2, 16}, {8, 8, 128, 2, 2, 16}};
/// Of f64, which takes twice the registers.
static constexpr Tile doubleTiles[] = {
    {64, 64, 16, 4, 4}, {32, 32, 32, 4, 2, 2}, {16, 16, 64, 2, 2, 4}, {8, 8, 64, 2, 2, 16}};
/// Of eight warps, in fragments of 16 by 8. Terms are those of 16 bits; tf32 has half as many.
static constexpr Tile tensorTiles[] = {{128, 128, 32, 64, 32},
                                       {128, 64, 32, 32, 32},
                                       {64, 64, 64, 32, 16},
                                       {32, 32, 128, 16, 32, 4},
                                       {16, 16, 256, 16, 16, 8}};

static RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }

ProductShape productShape(DotOp dot) {
  ProductShape product;
  auto sizes = [](Value operand, ArrayRef<int64_t> dims) {
    SmallVector<int64_t> result;
    for (int64_t d : dims)
      result.push_back(typeOf(operand).getDimSize(d));
    return result;
  };
  product.batch = sizes(dot.getLhs(), dot.getLhsBatch());
  product.rows = sizes(dot.getLhs(), dot.getLhsFree());
  product.columns = sizes(dot.getRhs(), dot.getRhsFree());
  product.terms = sizes(dot.getLhs(), dot.getLhsContract());
  return product;
}

bool isMultiple(ArrayRef<int64_t> shape, int64_t size) {
  return !llvm::any_of(shape, ShapedType::isDynamic) && countOf(shape, 1) % size == 0;
}

int64_t innermostMultiple(ArrayRef<int64_t> shape, int64_t most) {
  if (shape.empty() || ShapedType::isDynamic(shape.back()))
    return 1;
  int64_t width = 1;
  while (width < most && shape.back() % (2 * width) == 0)
    width *= 2;
  return width;
}

namespace {
struct Work {
  int64_t count, rows, columns, terms; // products, and the size of each
  int64_t bytes;                       // of an operand's element in shared memory
  double multiplies;                   // in a cycle
};
} // namespace

static int64_t tilesOf(const Work &work, const Tile &tile) {
  return work.count * llvm::divideCeil(work.rows, tile.rows) *
         llvm::divideCeil(work.columns, tile.columns);
}

static double estimate(const Work &work, const Tile &tile) {
  double each = llvm::divideCeil(tilesOf(work, tile), machine::kMultiprocessors);
  double parts = llvm::divideCeil(work.terms, tile.terms);
  double multiplying = tile.rows * tile.columns * tile.terms / work.multiplies;
  // Half of what lanes read is the same for several, and comes to all of them at once.
  double words = tile.rows * tile.columns / (tile.threadRows * tile.threadColumns) * tile.terms *
                 (tile.threadRows + tile.threadColumns) / 2.0;
  double reading = words * work.bytes / machine::kSharedBytes;
  double bringing = (tile.rows + tile.columns) * tile.terms * work.bytes / machine::kCacheBytes;
  double waiting = kLatency / (tile.stages - 1);
  double part = std::max({multiplying, reading, bringing, waiting});
  double combining = tile.groups > 1
                         ? 2.0 * tile.groups * tile.rows * tile.columns * 4 / machine::kSharedBytes
                         : 0;
  double storing = tile.rows * tile.columns * 4 / machine::kCacheBytes;
  return each * (parts * part + 2 * kLatency + combining + storing);
}

static int64_t sharedBytesOf(const Tile &tile, int64_t operandBytes, int64_t sumBytes) {
  int64_t stages = tile.stages * (tile.rows + tile.columns) * tile.terms * operandBytes;
  int64_t sums = tile.groups > 1 ? tile.groups * tile.rows * tile.columns * sumBytes : 0;
  return std::max(stages, sums);
}

SmallVector<Launch> launchesOfProduct(DotOp dot, int64_t batch, ProductFormat format, bool copies) {
  Type operand = typeOf(dot.getLhs()).getElementType();
  if (!operand.isF32())
    format = operand.isBF16()  ? ProductFormat::BF16
             : operand.isF16() ? ProductFormat::F16
                               : ProductFormat::Exact;
  ProductShape product = productShape(dot);
  bool exact = format == ProductFormat::Exact, wide = operand.isF64();
  int64_t sumBytes = wide ? 8 : 4, bytes = isHalf(format) ? 2 : sumBytes;
  Work work{countOf(product.batch, batch),
            countOf(product.rows, batch),
            countOf(product.columns, batch),
            countOf(product.terms, batch),
            bytes,
            wide             ? machine::kMultipliesF64
            : exact          ? machine::kMultipliesF32
            : isHalf(format) ? machine::kMultipliesHalf
                             : machine::kMultipliesTF32};
  ArrayRef<Tile> candidates = tensorTiles;
  if (exact)
    candidates = wide ? ArrayRef<Tile>(doubleTiles) : ArrayRef<Tile>(exactTiles);
  std::multimap<double, Launch> byTime; // of equal times, the larger tile first
  for (Tile tile : candidates) {
    Launch launch;
    assert(tile.rows / tile.threadRows * (tile.columns / tile.threadColumns) * tile.groups ==
               launch.threads / (exact ? 1 : kWarp) &&
           "every thread has a part");
    tile.format = format;
    tile.copies = copies;
    if (format == ProductFormat::TF32)
      tile.terms /= 2;
    // As many stages as fit, and as there are parts.
    int64_t parts = llvm::divideCeil(work.terms, tile.terms);
    tile.stages = copies ? std::clamp<int64_t>(parts, 2, 4) : 2;
    while (tile.stages > 2 && sharedBytesOf(tile, bytes, sumBytes) >
                                  (copies ? machine::kSharedSince80 : machine::kSharedAnywhere))
      --tile.stages;
    launch.tile = tile;
    launch.blocks = std::min(tilesOf(work, tile), kMostBlocks);
    launch.sharedBytes = sharedBytesOf(tile, bytes, sumBytes);
    byTime.emplace(estimate(work, tile), launch);
  }
  return llvm::map_to_vector(byTime, [](auto &each) { return each.second; });
}

} // namespace dlc
