//===- Autotune.cpp ---------------------------------------------------------------------------===//
//
// The training step is compiled once for each place in the products' lists of tiles: with the first
// tile in every product, then with the second, and so on. Its kernels are measured as `dlc bench`
// does it. So there are as many compilations as the longest list has tiles, not as many as there
// are combinations.
//
//===------------------------------------------------------------------------------------------===//
#include "Autotune.h"
#include "Commands.h"
#include "Devices.h"
#include "TileCache.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

using namespace dlc;

static bool fail(const llvm::Twine &message) {
  llvm::errs() << "dlc: " << message << '\n';
  return false;
}

static bool isKnown(const TileCache &cache, const ProductChoices &product) {
  auto times = cache.products.find(product.product);
  return times != cache.products.end() && llvm::all_of(product.tiles, [&](const std::string &tile) {
           return times->second.count(tile);
         });
}

/// The first tile that is as fast as any but for what measurements scatter by: of two that are
/// alike, the one that is estimated to be better.
static std::string bestTile(const ProductChoices &product, const TileTimes &times) {
  constexpr double kScatter = 1.03;
  double least = times.at(product.tiles.front());
  for (const std::string &tile : product.tiles)
    least = std::min(least, times.at(tile));
  return *llvm::find_if(
      product.tiles, [&](const std::string &tile) { return times.at(tile) <= kScatter * least; });
}

/// Measures all tiles of the products, each of which has another text.
static bool measure(Compiler &compiler, int device, llvm::ArrayRef<ProductChoices> products,
                    TileCache &cache) {
  dlrt::RunOptions options;
  options.device = {dlrt::DeviceChoice::Gpu, device};
  size_t most = 0, kernels = 0;
  for (const ProductChoices &product : products) {
    most = std::max(most, product.tiles.size());
    kernels = std::max(kernels, product.kernel + 1);
  }
  for (size_t number = 0; number < most; ++number) {
    std::vector<bool> wanted(kernels, false);
    for (const ProductChoices &product : products)
      wanted[product.kernel] = number < product.tiles.size();
    const dlrt_program *program = compiler.loadCandidate(number);
    std::vector<double> seconds;
    if (!program)
      return false;
    dlrt::Status status = dlrt::measureKernels(options, program, wanted, seconds);
    if (!status.ok())
      return fail(status.message());
    for (const ProductChoices &product : products)
      if (wanted[product.kernel])
        cache.products[product.product][product.tiles[number]] = seconds[product.kernel] * 1e6;
  }
  return true;
}

/// Of products with the same text, the first one.
static std::vector<ProductChoices> findDistinct(const std::vector<ProductChoices> &all) {
  std::map<std::string, ProductChoices> byText;
  for (const ProductChoices &product : all)
    byText.emplace(product.product, product);
  std::vector<ProductChoices> distinct;
  for (const auto &[text, product] : byText)
    distinct.push_back(product);
  return distinct;
}

bool dlc::autotune(const CommandLine &line, Compiler &compiler, const CompileOptions &options,
                   int device) {
  double start = dlrt::now();
  const std::string &target =
      isDeviceTarget(options.target) ? options.target : options.secondTarget;
  if (target.empty())
    return fail("--autotune measures products on a GPU: name one with --device gpu");
  std::string here;
  dlrt::cuda::DeviceInfo info;
  if (dlrt::Status status = targetOfGpu(device, here, info); !status.ok())
    return fail("--autotune: " + status.message());
  if (target != here)
    return fail("--autotune measures on the GPU that is here, whose code is for " + here +
                ", not " + target);
  std::vector<ProductChoices> found;
  if (!compiler.findProducts(found))
    return false;
  std::vector<ProductChoices> products = findDistinct(found), unknown;
  TileCache cache(info);
  auto warn = [&](const std::string &problem, llvm::StringRef then) {
    if (!problem.empty())
      llvm::errs() << "dlc: warning: '" << cache.path() << "' " << problem << then << '\n';
  };
  warn(cache.load(), ": its products are measured anew");
  llvm::copy_if(products, std::back_inserter(unknown),
                [&](const ProductChoices &product) { return !isKnown(cache, product); });
  if (!unknown.empty()) {
    if (!measure(compiler, device, unknown, cache))
      return false;
    warn(cache.save(), "");
  }
  std::map<std::string, std::string> tiles;
  for (const ProductChoices &product : products)
    tiles[product.product] = bestTile(product, cache.products.at(product.product));
  compiler.setTiles(tiles);
  if (!line.quiet)
    llvm::errs() << "dlc: autotune: " << products.size()
                 << (products.size() == 1 ? " product: " : " products: ") << unknown.size()
                 << " measured in " << llvm::format("%.1f", dlrt::now() - start) << " s, "
                 << products.size() - unknown.size() << " from '" << cache.path() << "'\n";
  return true;
}
