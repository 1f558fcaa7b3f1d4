//===- ProductEmitter.h - Products in tiles through shared memory -------------------*- C++ -*-===//
//
// A block computes a tile of the result, a few terms at a time: its threads bring both operands'
// parts into shared memory, with whatever is fused into them, and each thread adds products to sums
// in registers. Then what is fused behind the product is computed on them.
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
  void emit();

protected:
  /// A sum that this thread keeps, and its place within the tile.
  struct Place {
    mlir::Value row, column;
  };
  virtual llvm::SmallVector<Place> places() = 0;
  /// Puts an element of the left or right operand into shared memory.
  virtual void put(bool left, mlir::Value term, mlir::Value line, mlir::Value element) = 0;
  /// Adds the products of the part that is in shared memory to the sums.
  virtual llvm::SmallVector<mlir::Value> multiply(mlir::ValueRange sums) = 0;

  GpuEmitter &e;
  mlir::ImplicitLocOpBuilder &b;
  DotOp dot;
  ProductShape product;
  const Tile &tile;
  mlir::Type element; // of the sums

private:
  mlir::Value tilesOf(mlir::Value size, int64_t each);
  llvm::SmallVector<mlir::Value> sums(size_t count);
  void bring(bool left, mlir::Value firstTerm);
  Indices operandAt(bool left, mlir::Value line, mlir::Value term);
  void finish(llvm::ArrayRef<Place> places, llvm::ArrayRef<mlir::Value> sums);

  mlir::Value count, rows, columns, terms;
  Indices batchAt;
  mlir::Value firstRow, firstColumn;
};

/// Exact: multiply-adds of the element type, each sum one chain over the terms in order, as on the
/// CPU.
std::unique_ptr<ProductEmitter> makeFmaProduct(GpuEmitter &emitter, DotOp dot);

/// On tensor cores: operands of tf32, bf16 or f16, sums in f32.
std::unique_ptr<ProductEmitter> makeTensorProduct(GpuEmitter &emitter, DotOp dot);

} // namespace dlc

#endif
