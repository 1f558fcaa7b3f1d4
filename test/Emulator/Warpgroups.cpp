//===- Warpgroups.cpp - wgmma and setmaxnreg --------------------------------------------------===//
//
// Four warps multiply together; each computes 16 of the 64 rows, so that nothing but the order in
// which they come is lost by emulating them one by one.
//
//===------------------------------------------------------------------------------------------===//
#include "Collectives.h"
#include "DeviceFunctions.h"
#include "Floats.h"

#include <algorithm>
#include <cstring>
#include <vector>

using namespace emulator;

namespace emulator {
/// Where the elements of an operand lie, as a matrix descriptor says.
class OperandLayout {
public:
  OperandLayout(uint64_t descriptor, bool transposed);
  /// Of a row of a, or a column of b, and a term.
  uint16_t load(int line, int term) const;

private:
  static uint32_t field(uint64_t descriptor, int first) {
    return (descriptor >> first & 0x3fff) << 4;
  }
  Block &block;
  uintptr_t start;
  uint32_t leading, stride; // bytes
  int swizzle;              // as TensorMap::swizzle
  bool transposed;          // lines beside each other, not terms
};

/// One wgmma.
struct Product {
  uint64_t a, b;
  int columns;
  bool isF16, transposeA, transposeB;
  uint64_t group;

  bool isLike(const Product &other) const {
    return a == other.a && b == other.b && columns == other.columns && isF16 == other.isF16 &&
           transposeA == other.transposeA && transposeB == other.transposeB;
  }
};

/// A warp's products, and the sums of those that are under way.
struct WarpProducts {
  std::vector<Product> underWay;
  std::vector<float> sums; // (16, columns)
  uint64_t group = 0;      // that the next product joins
  bool fenced = false;     // what was in the sums' registers is known
};
} // namespace emulator

//===----------------------------------------------------------------------------------------===//
// Operands
//===----------------------------------------------------------------------------------------===//

/// Bits 0 to 13 are the address, 16 to 29 and 32 to 45 byte offsets, all in units of 16 bytes; 49
/// to 51 where a swizzle's pattern starts, 62 and 63 which one it is.
OperandLayout::OperandLayout(uint64_t descriptor, bool transposed)
    : block(*grid.current().block), leading(field(descriptor, 16)), stride(field(descriptor, 32)),
      transposed(transposed) {
  uint32_t address = field(descriptor, 0);
  // Shared memory has addresses of 18 bits there.
  uint32_t base = reinterpret_cast<uintptr_t>(block.shared) & 0x3ffff;
  start = reinterpret_cast<uintptr_t>(block.shared) + ((address - base) & 0x3ffff);
  int mode = static_cast<int>(descriptor >> 62);
  swizzle = 4 - mode;
  if (!mode)
    grid.fail("wgmma: operands without a swizzle are not emulated");
  if (descriptor >> 49 & 7)
    grid.fail("wgmma: patterns that start elsewhere than at a multiple of %d are not emulated",
              int(swizzleAlignment(swizzle)));
  if ((start & (swizzleAlignment(swizzle) - 1)) >> 7)
    grid.fail("wgmma: an operand at offset %td is not aligned to its swizzle's %d bytes",
              reinterpret_cast<char *>(start) - block.shared, int(swizzleAlignment(swizzle)));
}

/// The canonical layouts: lines (or terms, transposed) in groups of eight, of as many bytes as the
/// swizzle spans.
uint16_t OperandLayout::load(int line, int term) const {
  uint32_t width = 16u << swizzle, across = width / 2, offset;
  if (transposed)
    offset = line % across * 2 + line / across * leading + term % 8 * width + term / 8 * stride;
  else
    offset = line % 8 * width + line / 8 * stride + term * 2;
  const void *place = reinterpret_cast<const void *>(swizzled(start + offset, swizzle));
  if (!block.holds(place, 2))
    grid.fail("wgmma: an operand is outside of the block's shared memory, at offset %td",
              static_cast<const char *>(place) - block.shared);
  uint16_t bits;
  std::memcpy(&bits, place, sizeof(bits));
  return bits;
}

//===----------------------------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------------------------===//

namespace {
constexpr char kMultiply[] = "wgmma.mma_async", kFence[] = "wgmma.fence",
               kCommit[] = "wgmma.commit_group", kWait[] = "wgmma.wait_group";
constexpr int kTerms = 16;

WarpProducts &productsOf(Warp &warp) {
  if (!warp.products)
    warp.products = std::make_shared<WarpProducts>();
  return *warp.products;
}

/// What all lanes of a warp say together, and where each has its sums: lane 4 g + t holds, in
/// element i, row g + 8 (i / 2 % 2), column 8 (i / 4) + 2 t + i % 2.
struct Request {
  Product product;
  float *sums;
  int count, groups;
};

size_t placeOf(int lane, int i, int columns) {
  return (lane / 4 + 8 * (i / 2 % 2)) * columns + 8 * (i / 4) + 2 * (lane % 4) + i % 2;
}

Request &requestOf(Warp &warp, int lane) { return *static_cast<Request *>(warp.operands[lane]); }

void carryOut(Warp &warp, const Product &product) {
  OperandLayout a(product.a, product.transposeA), b(product.b, product.transposeB);
  auto value = [&](uint16_t bits) { return product.isF16 ? fromF16(bits) : fromBF16(bits); };
  int firstRow = (&warp - warp.block->warps.data()) % 4 * 16, columns = product.columns;
  std::vector<float> right(kTerms * columns);
  for (int k = 0; k < kTerms; ++k)
    for (int n = 0; n < columns; ++n)
      right[k * columns + n] = value(b.load(n, k));
  for (int m = 0; m < 16; ++m)
    for (int k = 0; k < kTerms; ++k) {
      float left = value(a.load(firstRow + m, k)), *sums = &warp.products->sums[m * columns];
      for (int n = 0; n < columns; ++n)
        sums[n] += left * right[k * columns + n];
    }
}

/// Carries out the products of groups before `group`.
void carryOutBefore(Warp &warp, uint64_t group) {
  std::vector<Product> &underWay = warp.products->underWay;
  auto end = std::find_if(underWay.begin(), underWay.end(),
                          [&](const Product &product) { return product.group >= group; });
  std::for_each(underWay.begin(), end, [&](const Product &one) { carryOut(warp, one); });
  underWay.erase(underWay.begin(), end);
}

/// The sums, or 0xff while they are under way.
void giveSums(Warp &warp, int columns) {
  WarpProducts &products = *warp.products;
  for (int lane = 0; lane < kLanes; ++lane) {
    float *sums = requestOf(warp, lane).sums;
    for (int i = 0; i < columns / 2; ++i)
      sums[i] =
          products.underWay.empty() ? products.sums[placeOf(lane, i, columns)] : fromBits(~0u);
  }
}

void takeSums(Warp &warp, int columns) {
  WarpProducts &products = *warp.products;
  bool first = products.underWay.empty();
  if (first)
    products.sums.resize(16 * columns);
  for (int lane = 0; lane < kLanes; ++lane) {
    const float *sums = requestOf(warp, lane).sums;
    for (int i = 0; i < columns / 2; ++i) {
      uint32_t bits;
      std::memcpy(&bits, &sums[i], sizeof(bits));
      if (first)
        products.sums[placeOf(lane, i, columns)] = sums[i];
      else if (bits != ~0u)
        grid.fail("%s: its sums are not those of the products under way", kMultiply);
    }
  }
}

void completeMultiply(Warp &warp, uint32_t) {
  WarpProducts &products = productsOf(warp);
  Product product = requestOf(warp, 0).product;
  for (int lane = 1; lane < kLanes; ++lane)
    if (!requestOf(warp, lane).product.isLike(product))
      grid.fail("%s: lanes 0 and %d do not say the same", kMultiply, lane);
  if (!products.fenced)
    grid.fail("%s: no %s since the sums were touched", kMultiply, kFence);
  takeSums(warp, product.columns);
  product.group = products.group;
  products.underWay.push_back(product);
  if (grid.scheduled().copiesNow())
    carryOutBefore(warp, UINT64_MAX);
  giveSums(warp, product.columns);
}

void completeWait(Warp &warp, uint32_t) {
  WarpProducts &products = productsOf(warp);
  const Request &request = requestOf(warp, 0);
  if (products.group > uint64_t(request.groups))
    carryOutBefore(warp, products.group - request.groups);
  if (!products.sums.empty())
    giveSums(warp, 2 * request.count);
  products.fenced = !products.underWay.empty();
}
} // namespace

void emu_wgmma(float *sums, uint64_t a, uint64_t b, int columns, int isF16, int transposeA,
               int transposeB) {
  if (columns < 8 || columns > 256 || columns % 8)
    grid.fail("%s: %d columns", kMultiply, columns);
  Request mine = {{a, b, columns, isF16 != 0, transposeA != 0, transposeB != 0, 0}, sums, 0, 0};
  meet(kMultiply, kAllLanes, &mine, completeMultiply);
}

void emu_wgmma_fence() {
  meet(kFence, kAllLanes, nullptr, [](Warp &warp, uint32_t) { productsOf(warp).fenced = true; });
}

void emu_wgmma_commit() {
  meet(kCommit, kAllLanes, nullptr, [](Warp &warp, uint32_t) { ++productsOf(warp).group; });
}

void emu_wgmma_wait(float *sums, int count, int groups) {
  Request mine = {{}, sums, count, groups};
  meet(kWait, kAllLanes, &mine, completeWait);
}

void emulator::leaveProducts(Thread &thread) {
  if (thread.warp->products && !thread.warp->products->underWay.empty())
    grid.fail("exits while products of its warp are under way");
}

//===----------------------------------------------------------------------------------------===//
// setmaxnreg
//===----------------------------------------------------------------------------------------===//

namespace {
constexpr int kRegisters = 1 << 16; // of a multiprocessor
constexpr char kRegistersName[] = "setmaxnreg";

/// What a thread has from its start on: as many as there are for each, in eights.
int registersOf(const Warp &warp) {
  int atStart = kRegisters / int(warp.block->warps.size() * kLanes) / 8 * 8;
  return warp.registers ? warp.registers : std::min(atStart, 255);
}

void setRegisters(int registers, bool more) {
  if (registers < 24 || registers > 256 || registers % 8)
    grid.fail("%s: %d registers", kRegistersName, registers);
  Warp &warp = *grid.current().warp;
  if (more ? registers < registersOf(warp) : registers > registersOf(warp))
    grid.fail("%s: %s registers than the %d it has are asked for, by %d", kRegistersName,
              more ? "more" : "fewer", registersOf(warp), registers);
  auto fits = [&] {
    int all = registers;
    for (const Warp &other : warp.block->warps)
      all += &other == &warp ? 0 : registersOf(other);
    return all * kLanes <= kRegisters;
  };
  meet(kRegistersName, kAllLanes, nullptr, nullptr);
  while (more && !fits()) // until others have given some back
    grid.yield();
  warp.registers = registers;
}
} // namespace

void emu_setmaxnreg_dec(int registers) { setRegisters(registers, false); }
void emu_setmaxnreg_inc(int registers) { setRegisters(registers, true); }
