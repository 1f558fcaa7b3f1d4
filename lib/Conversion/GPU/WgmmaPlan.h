//===- WgmmaPlan.h - Which products warpgroups multiply -----------------------------*- C++ -*-===//
#ifndef DLC_LIB_CONVERSION_GPU_WGMMAPLAN_H
#define DLC_LIB_CONVERSION_GPU_WGMMAPLAN_H

#include "Launch.h"

#include <array>
#include <optional>

namespace dlc {

/// Threads that multiply together, and the terms of a part: 128 bytes of 16-bit elements, which a
/// swizzle spans.
constexpr int64_t kWarpgroup = 128, kPartTerms = 64;
/// Lines of a product's left operand that a warpgroup takes.
constexpr int64_t kWarpgroupRows = 64;

/// An operand that can be copied by tensor maps: rows of neighbours, matrices of rows, and a batch
/// of these.
struct TensorOperand {
  unsigned input;               // of the kernel
  bool alongTerms;              // neighbours are terms of a line, not lines of a term
  std::array<int64_t, 3> sizes; // from the row's on; below 0, so many for each row of the batch
};

/// The left or right operand, if tensor maps can describe it: of 16 bits, as it is in memory, its
/// rows a multiple of 16 bytes.
std::optional<TensorOperand> tensorOperand(KernelOp kernel, DotOp dot, bool left);

/// The launches of a product that is worth the copies' latency, the best first: see WgmmaPlan.cpp.
/// None for another.
llvm::SmallVector<Launch> launchesOfWgmma(KernelOp kernel, int64_t batch);

/// What the manifest says of the tensor maps of a kernel with that tile, which are its launch's
/// last two parameters: for each, `input`, the element `type`, `sizes` as TensorOperand has them,
/// and the `box` that is copied at once.
mlir::ArrayAttr describeTensorMaps(KernelOp kernel, const Tile &tile);

} // namespace dlc

#endif
