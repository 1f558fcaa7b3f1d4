//===- Launch.h - How a kernel is spread over a GPU ---------------------------------*- C++ -*-===//
#ifndef DLC_LIB_CONVERSION_GPU_LAUNCH_H
#define DLC_LIB_CONVERSION_GPU_LAUNCH_H

#include "dlc/IR/DL.h"

namespace dlc {

constexpr int64_t kWarp = 32;

/// What a product is made of: exact multiply-adds, or on tensor cores operands of fewer bits.
enum class ProductFormat { Exact, TF32, BF16, F16 };

/// True for operands of 16 bits, two in a word.
inline bool isHalf(ProductFormat format) {
  return format == ProductFormat::BF16 || format == ProductFormat::F16;
}

/// A product's tile: what a block computes, a part of the terms at a time, and what a thread keeps;
/// on tensor cores, a warp.
struct Tile {
  int64_t rows = 0, columns = 0, terms = 0;
  int64_t threadRows = 0, threadColumns = 0;
  int64_t groups = 1; // of threads, each of which has all of the tile, and shares the terms
  int64_t stages = 2; // parts in shared memory at once
  bool copies = true; // the device copies to shared memory by itself
  ProductFormat format = ProductFormat::Exact;
};

/// The grid of a kernel for a full batch, and its blocks' shared memory.
struct Launch {
  int64_t blocks = 1, threads = 256;
  int64_t sharedBytes = 0;
  Tile tile;               // of a product
  bool warpgroups = false; // it is made by wgmma, of operands that two tensor maps describe
  int64_t team = 0;        // threads that share a row
  int64_t lanes = 1;       // elements that a thread computes together
  bool wide = false;       // elements are counted in 64 bits
};

/// Chooses the launch of a kernel that is no product, in a function whose batch has at most `batch`
/// rows.
Launch chooseLaunch(KernelOp kernel, int64_t batch);
/// Whether 32 bits are too few to count the elements of some tensor and a step of the grid beyond.
bool needsWideIndices(KernelOp kernel, int64_t batch);

/// A launch as the attribute `launch` of its kernel, and back.
mlir::DictionaryAttr toAttribute(const Launch &launch, mlir::MLIRContext *context);
Launch launchOf(KernelOp kernel);

/// Whether a map works on its tensors element by element, so that their dimensions do not matter.
bool isLine(KernelOp kernel);

/// A product as a matrix product: how many rows, columns and terms, and how many of them.
struct ProductShape {
  llvm::SmallVector<int64_t> batch, rows, columns, terms; // sizes, outermost first
};
ProductShape productShape(DotOp dot);
/// The launches that it can have, the one with the shortest estimated time (PlanProduct.cpp) first.
/// Products of f32 are made of `format`, those of bf16 and f16 of these; `copies` says whether the
/// device has `cp.async`.
llvm::SmallVector<Launch> launchesOfProduct(DotOp dot, int64_t batch, ProductFormat format,
                                            bool copies);

/// How many elements there are in a shape whose first dimension may be the batch.
int64_t countOf(llvm::ArrayRef<int64_t> shape, int64_t batch);
/// Whether a shape's elements are known to be a multiple of `size`.
bool isMultiple(llvm::ArrayRef<int64_t> shape, int64_t size);
/// The largest power of two up to `most` that divides the innermost dimension.
int64_t innermostMultiple(llvm::ArrayRef<int64_t> shape, int64_t most);

/// Blocks that keep every multiprocessor of a large GPU at work.
constexpr int64_t kEnoughBlocks = 128;
/// More blocks than the largest GPU can run at once bring nothing: threads walk on instead.
constexpr int64_t kMostBlocks = 2048;

} // namespace dlc

#endif
