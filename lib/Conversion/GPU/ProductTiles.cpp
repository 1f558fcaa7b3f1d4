//===- ProductTiles.cpp -----------------------------------------------------------------------===//
#include "ProductTiles.h"

#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Support/xxhash.h"

using namespace mlir;

namespace dlc {

std::string tileText(const Launch &launch) {
  const Tile &tile = launch.tile;
  std::string text;
  llvm::raw_string_ostream os(text);
  os << (launch.warpgroups ? "wgmma " : "") << tile.rows << 'x' << tile.columns << 'x'
     << tile.terms;
  if (launch.warpgroups)
    return text;
  os << " by " << tile.threadRows << 'x' << tile.threadColumns;
  if (tile.groups > 1)
    os << ", " << tile.groups << " groups";
  os << ", " << tile.stages << " stages";
  return text;
}

/// What a kernel does, whatever its operands are called and wherever it stands.
static std::string contentOf(KernelOp kernel) {
  std::string text;
  llvm::raw_string_ostream os(text);
  llvm::DenseMap<Value, size_t> numbers;
  auto define = [&](Value value) {
    os << ' ' << value.getType();
    numbers.try_emplace(value, numbers.size());
  };
  Block &region = kernel.getBody().front();
  for (auto [input, argument] : llvm::zip_equal(kernel.getInputs(), region.getArguments())) {
    define(argument);
    os << (input.getDefiningOp<InputOp>() ? " of the data" : "");
  }
  for (Operation &op : region) {
    os << '\n' << op.getName() << ' ' << op.getAttrDictionary();
    for (Value operand : op.getOperands())
      os << ' ' << numbers.at(operand);
    for (Value result : op.getResults())
      define(result);
  }
  return text;
}

static StringRef formatText(DotOp dot, ProductFormat format) {
  Type type = cast<RankedTensorType>(dot.getLhs().getType()).getElementType();
  return type.isF64()                    ? "f64"
         : type.isBF16()                 ? "bf16"
         : type.isF16()                  ? "f16"
         : format == ProductFormat::TF32 ? "tf32"
                                         : "f32";
}

std::string productText(KernelOp kernel, int64_t batch, ProductFormat format) {
  DotOp dot = *kernel.getBody().front().getOps<DotOp>().begin();
  ProductShape shape = productShape(dot);
  std::string text;
  llvm::raw_string_ostream os(text);
  os << formatText(dot, format) << ' ';
  if (!shape.batch.empty())
    os << countOf(shape.batch, batch) << " times ";
  os << countOf(shape.rows, batch) << 'x' << countOf(shape.columns, batch) << " of "
     << countOf(shape.terms, batch) << " terms ";
  os << llvm::utohexstr(llvm::xxh3_64bits(contentOf(kernel)), /*LowerCase=*/true, /*Width=*/16);
  return text;
}

const Launch &chooseTile(KernelOp kernel, int64_t batch, ProductFormat format,
                         ArrayRef<Launch> launches) {
  auto module = kernel->getParentOfType<ModuleOp>();
  Builder b(kernel.getContext());
  if (auto candidate = module->getAttrOfType<IntegerAttr>("dl.candidate")) {
    SmallVector<Attribute> tiles;
    for (const Launch &launch : launches)
      tiles.push_back(b.getStringAttr(tileText(launch)));
    kernel->setAttr(
        "choices",
        b.getDictionaryAttr(
            {b.getNamedAttr("product", b.getStringAttr(productText(kernel, batch, format))),
             b.getNamedAttr("tiles", b.getArrayAttr(tiles))}));
    size_t number = candidate.getInt();
    return launches[number < launches.size() ? number : 0];
  }
  auto measured = module->getAttrOfType<DictionaryAttr>("dl.tiles");
  if (!measured)
    return launches.front();
  auto wanted = measured.getAs<StringAttr>(productText(kernel, batch, format));
  const Launch *found = llvm::find_if(
      launches, [&](const Launch &launch) { return wanted && tileText(launch) == wanted; });
  if (found == launches.end())
    return launches.front();
  auto count = module->getAttrOfType<IntegerAttr>("dl.measured_tiles");
  module->setAttr("dl.measured_tiles", b.getI64IntegerAttr(count ? count.getInt() + 1 : 1));
  return *found;
}

} // namespace dlc
