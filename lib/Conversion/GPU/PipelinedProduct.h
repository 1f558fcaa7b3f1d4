//===- PipelinedProduct.h - Products of parts in shared memory ----------------------*- C++ -*-===//
//
// A tile's terms come to shared memory part by part, into a few stages in turn. While a part is
// multiplied, the next ones are on their way: one barrier a part.
//
//===------------------------------------------------------------------------------------------===//
#ifndef DLC_LIB_CONVERSION_GPU_PIPELINEDPRODUCT_H
#define DLC_LIB_CONVERSION_GPU_PIPELINEDPRODUCT_H

#include "ProductEmitter.h"
#include "ProductOperand.h"

namespace dlc {

class PipelinedProduct : public ProductEmitter {
protected:
  /// `stored` is the type of an operand's element in shared memory.
  PipelinedProduct(GpuEmitter &emitter, DotOp dot, Arrangement wanted, mlir::Type stored);

  /// An operand's element, rounded to what is multiplied.
  virtual mlir::Value rounded(mlir::Value element) = 0;
  /// Sums beside each other in a row that a thread keeps: how many, and where within the tile.
  struct Run {
    mlir::Value row, column;
  };
  virtual int64_t runLength() const = 0;
  virtual llvm::SmallVector<Run> runs() = 0;
  /// Adds the products of the part that begins at `stage` to the sums, run by run.
  virtual llvm::SmallVector<mlir::Value> multiply(mlir::Value stage, mlir::ValueRange sums) = 0;

  /// This thread's group, which takes every `tile.groups`-th step of the terms, and its number
  /// within the group.
  mlir::Value group();
  mlir::Value threadInGroup();

  ProductOperand left, right;

private:
  void emit() override;
  void computeTile();
  llvm::SmallVector<mlir::Value> sums(size_t count);
  void fill(mlir::Value parts);
  void copy(mlir::Value part, mlir::Value stage);
  void store(llvm::ArrayRef<llvm::SmallVector<mlir::Value>> loaded, mlir::Value part,
             mlir::Value stage);
  llvm::SmallVector<llvm::SmallVector<mlir::Value>> load(mlir::Value part);
  void combine(llvm::ArrayRef<Run> runs, mlir::ValueRange sums);

  ProductOperand *const operands[2] = {&left, &right};
  bool copies; // whether any operand is copied
};

} // namespace dlc

#endif
