//===- Launch.cpp - How a kernel is spread over a GPU -----------------------------------------===//
#include "Launch.h"

#include "mlir/IR/BuiltinTypes.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace dlc {

/// More blocks than the largest GPU can run at once bring nothing: threads walk on instead.
constexpr int64_t kMostBlocks = 2048;
/// Blocks that keep every multiprocessor of a large GPU at work.
constexpr int64_t kEnoughBlocks = 128;

static RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }

static int64_t sizeOf(ArrayRef<int64_t> shape, int64_t batch) {
  int64_t count = 1;
  for (int64_t size : shape)
    count *= ShapedType::isDynamic(size) ? batch : size;
  return count;
}

static int64_t blocksFor(int64_t count, int64_t each) {
  return std::clamp<int64_t>(llvm::divideCeil(count, each), 1, kMostBlocks);
}

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

/// From the largest on. A thread's part is as square as it can be, since each of its operands is
/// read from shared memory once for all of the other's.
static constexpr Tile exactTiles[] = {
    {128, 128, 8, 8, 8}, {64, 64, 16, 4, 4}, {32, 32, 32, 2, 2}, {16, 16, 32, 1, 1}};
/// Of warps, eight of them, in fragments of 16 by 8.
static constexpr Tile tensorTiles[] = {
    {128, 128, 32, 64, 32}, {64, 64, 32, 32, 16}, {32, 32, 32, 16, 8}};

/// The largest tile that still gives every multiprocessor a block.
static Launch launchProduct(DotOp dot, int64_t batch, ProductFormat format) {
  ProductShape product = productShape(dot);
  int64_t count = sizeOf(product.batch, batch), rows = sizeOf(product.rows, batch),
          columns = sizeOf(product.columns, batch);
  Type element = typeOf(dot.getLhs()).getElementType();
  if (!element.isF32())
    format = element.isBF16()  ? ProductFormat::BF16
             : element.isF16() ? ProductFormat::F16
                               : ProductFormat::Exact;
  bool exact = format == ProductFormat::Exact;
  Launch launch;
  for (const Tile &tile : exact ? ArrayRef<Tile>(exactTiles) : ArrayRef<Tile>(tensorTiles)) {
    launch.tile = tile;
    launch.blocks =
        count * llvm::divideCeil(rows, tile.rows) * llvm::divideCeil(columns, tile.columns);
    if (launch.blocks >= kEnoughBlocks)
      break;
  }
  Tile &tile = launch.tile;
  tile.format = format;
  launch.blocks = std::min(launch.blocks, kMostBlocks);
  launch.threads = tile.rows / tile.threadRows * (tile.columns / tile.threadColumns);
  if (exact) {
    // An element of padding keeps what a warp writes at once in different banks.
    launch.sharedBytes =
        tile.terms * (tile.rows + 1 + tile.columns + 1) * element.getIntOrFloatBitWidth() / 8;
    return launch;
  }
  launch.threads *= kWarp;
  int64_t bytes = isHalf(format) ? 2 : 4;
  launch.sharedBytes = (tile.rows + tile.columns) * (tile.terms * bytes + 16);
  return launch;
}

Launch chooseLaunch(KernelOp kernel, int64_t batch, ProductFormat format) {
  Launch launch;
  Block &region = kernel.getBody().front();
  if (kernel.getKind() == "contract")
    return launchProduct(*region.getOps<DotOp>().begin(), batch, format);
  int64_t warps = launch.threads / kWarp;
  if (kernel.getKind() == "map") {
    launch.blocks =
        blocksFor(sizeOf(cast<RankedTensorType>(kernel.getResultTypes().front()).getShape(), batch),
                  launch.threads);
    return launch;
  }
  if (kernel.getKind() == "scatter") {
    auto table = typeOf((*region.getOps<ScatterAddOp>().begin()).getY());
    int64_t columns = table.getNumElements() / table.getDimSize(0);
    launch.blocks = blocksFor(table.getDimSize(0) * llvm::divideCeil(columns, kWarp), warps);
    return launch;
  }
  auto op = *region.getOps<ReductionOpInterface>().begin();
  ArrayRef<int64_t> space = typeOf(op.getInput()).getShape();
  if (kernel.getKind() == "rows") {
    launch.blocks = blocksFor(sizeOf(space.drop_back(op.getReducedDims().size()), batch), warps);
    return launch;
  }
  SmallVector<int64_t> kept;
  for (int64_t d = 0; d < static_cast<int64_t>(space.size()); ++d)
    if (!llvm::is_contained(op.getReducedDims(), d))
      kept.push_back(space[d]);
  bool across = !llvm::is_contained(op.getReducedDims(), static_cast<int64_t>(space.size()) - 1);
  int64_t results = sizeOf(kept, batch);
  launch.blocks = blocksFor(results, across ? kWarp : 1);
  launch.sharedBytes = 8 * (across ? launch.threads : warps);
  return launch;
}

DictionaryAttr toAttribute(const Launch &launch, MLIRContext *context) {
  mlir::Builder b(context);
  const Tile &tile = launch.tile;
  NamedAttrList list;
  list.append("blocks", b.getI64IntegerAttr(launch.blocks));
  list.append("threads", b.getI64IntegerAttr(launch.threads));
  list.append("shared_bytes", b.getI64IntegerAttr(launch.sharedBytes));
  if (tile.rows)
    list.append("tile",
                b.getDenseI64ArrayAttr({tile.rows, tile.columns, tile.terms, tile.threadRows,
                                        tile.threadColumns, static_cast<int64_t>(tile.format)}));
  return list.getDictionary(context);
}

Launch launchOf(KernelOp kernel) {
  auto list = kernel->getAttrOfType<DictionaryAttr>("launch");
  auto number = [&](StringRef name) { return cast<IntegerAttr>(list.get(name)).getInt(); };
  Launch launch{number("blocks"), number("threads"), number("shared_bytes"), {}};
  if (auto tile = list.getAs<DenseI64ArrayAttr>("tile"))
    launch.tile = {tile[0], tile[1], tile[2],
                   tile[3], tile[4], static_cast<ProductFormat>(tile[5])};
  return launch;
}

} // namespace dlc
