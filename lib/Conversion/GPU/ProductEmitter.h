//===- ProductEmitter.h - Products in tiles -----------------------------------------*- C++ -*-===//
//
// A block computes a tile of the result. How its sums come about is a matter of the emitters below;
// what they have in common is which tile it is, and that what is fused behind the product is
// computed on the sums.
//
//===------------------------------------------------------------------------------------------===//
#ifndef DLC_LIB_CONVERSION_GPU_PRODUCTEMITTER_H
#define DLC_LIB_CONVERSION_GPU_PRODUCTEMITTER_H

#include "GpuEmitter.h"

namespace dlc {

class ProductEmitter {
public:
  ProductEmitter(GpuEmitter &emitter, DotOp dot);
  virtual ~ProductEmitter() = default;
  /// Computes the block's tiles.
  virtual void emit() = 0;

protected:
  /// Finds the sizes that only a run knows.
  void measure();
  /// Calls `body` for each of the block's tiles, with its number among these, and sets `origin`.
  void forEachTile(llvm::function_ref<void(mlir::Value)> body);
  /// Computes and stores what follows from sums that lie beside each other in a row. The place of
  /// the first is within the tile, its column a multiple of their number.
  void finish(mlir::Value row, mlir::Value column, mlir::ValueRange sums);

  /// Where the block's tile lies.
  struct Origin {
    Indices batch;
    mlir::Value batchNumber, row, column;
  };

  GpuEmitter &e;
  mlir::ImplicitLocOpBuilder &b;
  DotOp dot;
  ProductShape product;
  const Tile &tile;
  mlir::Type element; // of the sums
  mlir::Value terms;  // how many
  Origin origin;

private:
  mlir::Value tilesOf(mlir::Value size, int64_t each);
  mlir::Value isInside(mlir::Value row, mlir::Value column);
  void storeRun(mlir::Value row, mlir::Value column, mlir::ValueRange sums, mlir::Value number);

  mlir::Value rows, columns;
  int64_t runs = 0; // that a thread has finished of its tile
};

/// Exact: multiply-adds of the element type. Each sum is one chain over the terms in order, as on
/// the CPU; where the terms are shared among groups of threads, one chain a group, which are added
/// in order.
std::unique_ptr<ProductEmitter> makeFmaProduct(GpuEmitter &emitter, DotOp dot);

/// On tensor cores: operands of tf32, bf16 or f16, sums in f32.
std::unique_ptr<ProductEmitter> makeTensorProduct(GpuEmitter &emitter, DotOp dot);

/// The same by `wgmma`, of operands that copies of tensors bring: WgmmaPlan.h says of which.
std::unique_ptr<ProductEmitter> makeWgmmaProduct(GpuEmitter &emitter, KernelOp kernel, DotOp dot);

} // namespace dlc

#endif
