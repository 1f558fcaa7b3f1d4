//===- Launch.cpp - How a kernel is spread over a GPU -----------------------------------------===//
#include "Launch.h"

#include "mlir/IR/BuiltinTypes.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace dlc {

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

Launch chooseLaunch(KernelOp kernel, int64_t batch, ProductFormat format, bool copies) {
  Launch launch;
  Block &region = kernel.getBody().front();
  if (kernel.getKind() == "contract")
    return launchProduct(*region.getOps<DotOp>().begin(), batch, format, copies);
  int64_t warps = launch.threads / kWarp;
  if (kernel.getKind() == "map") {
    launch.blocks = blocksFor(
        countOf(cast<RankedTensorType>(kernel.getResultTypes().front()).getShape(), batch),
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
    launch.blocks = blocksFor(countOf(space.drop_back(op.getReducedDims().size()), batch), warps);
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

DictionaryAttr toAttribute(const Launch &launch, MLIRContext *context) {
  mlir::Builder b(context);
  const Tile &tile = launch.tile;
  NamedAttrList list;
  list.append("blocks", b.getI64IntegerAttr(launch.blocks));
  list.append("threads", b.getI64IntegerAttr(launch.threads));
  list.append("shared_bytes", b.getI64IntegerAttr(launch.sharedBytes));
  if (launch.warpgroups)
    list.append("warpgroups", b.getUnitAttr());
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
  Launch launch{
      number("blocks"), number("threads"), number("shared_bytes"), {}, list.contains("warpgroups")};
  if (auto tile = list.getAs<DenseI64ArrayAttr>("tile"))
    launch.tile = {tile[0], tile[1],      tile[2],
                   tile[3], tile[4],      tile[5],
                   tile[6], tile[7] != 0, static_cast<ProductFormat>(tile[8])};
  return launch;
}

} // namespace dlc
