//===- Launch.cpp - How a kernel is spread over a GPU -----------------------------------------===//
#include "Launch.h"

#include "mlir/IR/BuiltinTypes.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace dlc {

/// Rows with more elements are a block's, not a warp's.
constexpr int64_t kLongRow = 512;

static RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }

int64_t countOf(ArrayRef<int64_t> shape, int64_t batch) {
  int64_t count = 1;
  for (int64_t size : shape)
    count *= ShapedType::isDynamic(size) ? batch : size;
  return count;
}

static int64_t blocksFor(int64_t count, int64_t each) {
  return std::clamp<int64_t>(llvm::divideCeil(count, each), 1, kMostBlocks);
}

bool isLine(KernelOp kernel) {
  auto shape = cast<RankedTensorType>(kernel.getResultTypes().front()).getShape();
  Block &region = kernel.getBody().front();
  auto fits = [&](Value value) {
    ArrayRef<int64_t> other = typeOf(value).getShape();
    return other.empty() || other == shape;
  };
  // Of a field with rows of several elements, each row lies in a place of its own.
  auto isRows = [](Value input) {
    return input.getDefiningOp<InputOp>() && typeOf(input).getRank() > 1;
  };
  auto isByElement = [&](Operation &op) {
    auto repeat = dyn_cast<BroadcastOp>(op);
    return repeat ? typeOf(repeat.getX()).getRank() == 0
                  : isa<ElementwiseOpInterface, ConstantOp, RandomOp, RuntimeOp>(op);
  };
  return !shape.empty() && llvm::none_of(kernel.getInputs(), isRows) &&
         llvm::all_of(region.getArguments(), fits) &&
         llvm::all_of(region.without_terminator(), [&](Operation &op) {
           return isByElement(op) && llvm::all_of(op.getResults(), fits);
         });
}

/// How many elements along the last dimension a thread computes together: as many as 16 bytes hold
/// of the widest ones; fewer where the dimension is not whole vectors, or where there would be
/// fewer than `enough`. A transposed operand would be read in pieces.
static int64_t lanesOf(KernelOp kernel, int64_t last, int64_t count, int64_t enough) {
  if (!kernel.getBody().front().getOps<TransposeOp>().empty())
    return 1;
  unsigned bits = 8;
  for (Type tensor : kernel->getResultTypes())
    bits = std::max(bits, cast<RankedTensorType>(tensor).getElementTypeBitWidth());
  for (Value input : kernel.getInputs())
    bits = std::max(bits, typeOf(input).getElementTypeBitWidth());
  bool line = kernel.getKind() == "map" && isLine(kernel);
  auto fits = [&](int64_t lanes) {
    bool whole = line || (!ShapedType::isDynamic(last) && last % lanes == 0);
    return whole && count / lanes >= enough;
  };
  int64_t lanes = 128 / bits;
  while (lanes > 1 && !fits(lanes))
    lanes /= 2;
  return lanes;
}

bool needsWideIndices(KernelOp kernel, int64_t batch) {
  constexpr int64_t kMost = int64_t(1) << 30;
  auto isLarge = [&](Value value) { return countOf(typeOf(value).getShape(), batch) > kMost; };
  Block &region = kernel.getBody().front();
  return llvm::any_of(region.getArguments(), isLarge) ||
         llvm::any_of(region.without_terminator(),
                      [&](Operation &op) { return llvm::any_of(op.getResults(), isLarge); });
}

static Launch spread(KernelOp kernel, int64_t batch) {
  Launch launch;
  Block &region = kernel.getBody().front();
  int64_t warps = launch.threads / kWarp;
  if (kernel.getKind() == "map") {
    auto shape = cast<RankedTensorType>(kernel.getResultTypes().front()).getShape();
    int64_t count = countOf(shape, batch);
    if (!shape.empty())
      launch.lanes = lanesOf(kernel, shape.back(), count, kEnoughBlocks * launch.threads);
    launch.blocks = blocksFor(count, launch.lanes * launch.threads);
    return launch;
  }
  auto table = cast<RankedTensorType>(kernel.getResultTypes().front());
  if (kernel.getKind() == "sort") {
    launch.blocks = blocksFor(table.getDimSize(0), 1);
    launch.sharedBytes = 4 * table.getDimSize(1);
    return launch;
  }
  if (kernel.getKind() == "scatter" || kernel.getKind() == "segments") {
    int64_t columns = table.getNumElements() / table.getDimSize(0);
    launch.blocks = blocksFor(table.getDimSize(0) * llvm::divideCeil(columns, kWarp), warps);
    return launch;
  }
  auto op = *region.getOps<ReductionOpInterface>().begin();
  ArrayRef<int64_t> space = typeOf(op.getInput()).getShape();
  if (kernel.getKind() == "rows") {
    ArrayRef<int64_t> rows = space.drop_back(op.getReducedDims().size());
    ArrayRef<int64_t> within = space.drop_front(rows.size());
    int64_t size = countOf(within, batch);
    launch.lanes = lanesOf(kernel, within.back(), size, kWarp);
    launch.team =
        size > kLongRow ? launch.threads : std::min<int64_t>(llvm::PowerOf2Ceil(size), kWarp);
    launch.blocks = blocksFor(countOf(rows, batch), launch.threads / launch.team);
    launch.sharedBytes = launch.team > kWarp ? 8 * warps : 0;
    return launch;
  }
  SmallVector<int64_t> kept;
  for (int64_t d = 0; d < static_cast<int64_t>(space.size()); ++d)
    if (!llvm::is_contained(op.getReducedDims(), d))
      kept.push_back(space[d]);
  bool across = !llvm::is_contained(op.getReducedDims(), static_cast<int64_t>(space.size()) - 1);
  int64_t results = countOf(kept, batch);
  launch.blocks = blocksFor(results, across ? kWarp : 1);
  launch.sharedBytes = 8 * (across ? launch.threads : warps);
  return launch;
}

Launch chooseLaunch(KernelOp kernel, int64_t batch) {
  Launch launch = spread(kernel, batch);
  launch.wide = needsWideIndices(kernel, batch);
  return launch;
}

DictionaryAttr toAttribute(const Launch &launch, MLIRContext *context) {
  mlir::Builder b(context);
  const Tile &tile = launch.tile;
  NamedAttrList list;
  list.append("blocks", b.getI64IntegerAttr(launch.blocks));
  list.append("threads", b.getI64IntegerAttr(launch.threads));
  list.append("shared_bytes", b.getI64IntegerAttr(launch.sharedBytes));
  if (launch.warpgroups)
    list.append("warpgroups", b.getUnitAttr());
  if (launch.team)
    list.append("team", b.getI64IntegerAttr(launch.team));
  if (launch.lanes > 1)
    list.append("lanes", b.getI64IntegerAttr(launch.lanes));
  if (launch.wide)
    list.append("wide", b.getUnitAttr());
  if (tile.rows)
    list.append("tile",
                b.getDenseI64ArrayAttr({tile.rows, tile.columns, tile.terms, tile.threadRows,
                                        tile.threadColumns, tile.groups, tile.stages, tile.copies,
                                        static_cast<int64_t>(tile.format)}));
  return list.getDictionary(context);
}

Launch launchOf(KernelOp kernel) {
  auto list = kernel->getAttrOfType<DictionaryAttr>("launch");
  auto number = [&](StringRef name) { return cast<IntegerAttr>(list.get(name)).getInt(); };
  Launch launch{number("blocks"), number("threads"), number("shared_bytes"), {}};
  launch.team = list.contains("team") ? number("team") : 0;
  launch.lanes = list.contains("lanes") ? number("lanes") : 1;
  launch.wide = list.contains("wide");
  launch.warpgroups = list.contains("warpgroups");
  if (auto tile = list.getAs<DenseI64ArrayAttr>("tile"))
    launch.tile = {tile[0], tile[1],      tile[2],
                   tile[3], tile[4],      tile[5],
                   tile[6], tile[7] != 0, static_cast<ProductFormat>(tile[8])};
  return launch;
}

} // namespace dlc
