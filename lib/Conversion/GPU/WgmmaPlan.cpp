//===- WgmmaPlan.cpp --------------------------------------------------------------------------===//
//
// A block of wgmma computes at least 64 by 128 sums, where mma.sync has tiles of 32 by 32. So a
// product goes to warpgroups where it makes at least kFewestBlocks blocks: with fewer, most
// multiprocessors would have nothing to do. Among the tiles, the largest is taken that still gives
// each multiprocessor a block, since an operand is read once for all of the other's lines.
//
//===------------------------------------------------------------------------------------------===//
#include "WgmmaPlan.h"
#include "Machine.h"

#include "mlir/IR/BuiltinTypes.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace dlc {

constexpr int64_t kFewestBlocks = 16;
constexpr int64_t kStages = 4;

/// Rows and columns, from the largest on.
static constexpr std::pair<int64_t, int64_t> tiles[] = {{128, 256}, {128, 128}, {64, 128}};

static RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }

/// The product of some of the dimensions' sizes; below 0 if one of them is the batch.
static int64_t sizeOf(RankedTensorType type, ArrayRef<int64_t> dims) {
  int64_t size = 1;
  for (int64_t d : dims)
    size *= type.isDynamicDim(d) ? -1 : type.getDimSize(d);
  return size;
}

static int64_t wholeSize(int64_t size, int64_t batch) { return size < 0 ? -size * batch : size; }

static bool areInOrder(std::initializer_list<ArrayRef<int64_t>> groups) {
  int64_t next = 0;
  for (ArrayRef<int64_t> group : groups)
    for (int64_t d : group)
      if (d != next++)
        return false;
  return true;
}

std::optional<TensorOperand> tensorOperand(KernelOp kernel, DotOp dot, bool left) {
  auto argument = dyn_cast<BlockArgument>(left ? dot.getLhs() : dot.getRhs());
  if (!argument || !isHalf(typeOf(argument).getElementType()))
    return std::nullopt;
  SmallVector<int64_t> batch(left ? dot.getLhsBatch() : dot.getRhsBatch());
  SmallVector<int64_t> terms(left ? dot.getLhsContract() : dot.getRhsContract());
  SmallVector<int64_t> lines(left ? dot.getLhsFree() : dot.getRhsFree());
  bool alongTerms = areInOrder({batch, lines, terms});
  if (!alongTerms && !areInOrder({batch, terms, lines}))
    return std::nullopt;
  RankedTensorType type = typeOf(argument);
  int64_t row = sizeOf(type, alongTerms ? terms : lines);
  if (row <= 0 || row % 8 != 0)
    return std::nullopt;
  return TensorOperand{argument.getArgNumber(),
                       alongTerms,
                       {row, sizeOf(type, alongTerms ? lines : terms), sizeOf(type, batch)}};
}

static Launch launchOf(ProductFormat format, int64_t rows, int64_t columns, int64_t tiles) {
  Launch launch;
  launch.warpgroups = true;
  launch.tile = {rows, columns, kPartTerms, kWarpgroupRows, columns};
  launch.tile.format = format;
  launch.tile.stages = kStages;
  // A block fills a multiprocessor and stays. It brings its next tile's first parts while the last
  // tile's sums are stored.
  launch.blocks = std::min(tiles, machine::kMultiprocessors);
  launch.threads = (rows / kWarpgroupRows + 1) * kWarpgroup;
  constexpr int64_t kElement = 2, kBarriers = 2 * 8; // bytes; barriers of a stage
  launch.sharedBytes = kStages * ((rows + columns) * kPartTerms * kElement + kBarriers);
  return launch;
}

SmallVector<Launch> launchesOfWgmma(KernelOp kernel, int64_t batch) {
  DotOp dot = *kernel.getBody().front().getOps<DotOp>().begin();
  auto left = tensorOperand(kernel, dot, true), right = tensorOperand(kernel, dot, false);
  if (!left || !right)
    return {};
  auto linesOf = [&](const TensorOperand &operand) {
    return wholeSize(operand.sizes[operand.alongTerms ? 1 : 0], batch);
  };
  bool isBF16 = typeOf(dot.getLhs()).getElementType().isBF16();
  auto format = isBF16 ? ProductFormat::BF16 : ProductFormat::F16;
  int64_t count = wholeSize(left->sizes[2], batch);
  SmallVector<Launch> launches;
  size_t best = 0;
  for (auto [rows, columns] : tiles) {
    int64_t tiles =
        count * llvm::divideCeil(linesOf(*left), rows) * llvm::divideCeil(linesOf(*right), columns);
    if (tiles < kFewestBlocks)
      continue;
    if (launches.empty() || launches[best].blocks < machine::kMultiprocessors)
      best = launches.size();
    launches.push_back(launchOf(format, rows, columns, tiles));
  }
  std::rotate(launches.begin(), launches.begin() + best, launches.end());
  return launches;
}

ArrayAttr describeTensorMaps(KernelOp kernel, const Tile &tile) {
  Builder b(kernel.getContext());
  DotOp dot = *kernel.getBody().front().getOps<DotOp>().begin();
  SmallVector<Attribute> maps;
  for (bool left : {true, false}) {
    TensorOperand operand = *tensorOperand(kernel, dot, left);
    int64_t lines = left ? tile.rows : tile.columns;
    int64_t across = operand.alongTerms ? lines : kPartTerms;
    StringRef type = tile.format == ProductFormat::BF16 ? "bf16" : "f16";
    maps.push_back(b.getDictionaryAttr(
        {b.getNamedAttr("input", b.getI64IntegerAttr(operand.input)),
         b.getNamedAttr("type", b.getStringAttr(type)),
         b.getNamedAttr("sizes", b.getDenseI64ArrayAttr(operand.sizes)),
         b.getNamedAttr("box", b.getDenseI64ArrayAttr({kPartTerms, across, 1}))}));
  }
  return b.getArrayAttr(maps);
}

} // namespace dlc
