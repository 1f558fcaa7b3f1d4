//===- GpuEmitter.h - Kernels as grids of threads -----------------------------------*- C++ -*-===//
#ifndef DLC_LIB_CONVERSION_GPU_GPUEMITTER_H
#define DLC_LIB_CONVERSION_GPU_GPUEMITTER_H

#include "KernelEmitter.h"
#include "Launch.h"
#include "ResidentState.h"

namespace dlc {

/// A special register of the thread, such as `tid.x`, as i64.
mlir::Value gridNumber(mlir::ImplicitLocOpBuilder &b, llvm::StringRef name);

/// The function takes the frame, the rows and the block of the grid, where its resident state lies
/// and its tensor maps if it has any, then the pointers. Each thread computes single elements or
/// vectors of a few; which ones, its place in the grid says.
class GpuEmitter : public KernelEmitter {
public:
  GpuEmitter(mlir::func::FuncOp function, KernelOp kernel);

protected:
  void takeArguments(mlir::ValueRange arguments) override;
  mlir::LogicalResult emitMap() override;
  mlir::LogicalResult emitRows() override;
  mlir::LogicalResult emitReduce() override;
  mlir::LogicalResult emitContract() override;
  mlir::LogicalResult emitScatter() override;
  mlir::LogicalResult emitSort() override;
  mlir::LogicalResult emitSegments() override;
  friend class RowEmitter;
  friend class ScatterEmitter;
  friend class SortEmitter;
  friend class ProductEmitter;
  friend class ProductOperand;
  friend class PipelinedProduct;
  friend class FmaProduct;
  friend class TensorProduct;
  friend class WgmmaProduct;

private:
  //===--- Places in the grid, of the index type ---===//
  mlir::Value threadInBlock();
  mlir::Value block() { return blockNumber; }
  mlir::Value lane(); // of the warp
  mlir::Value warpInBlock();
  mlir::Value threadInGrid();
  mlir::Value warpInGrid();

  /// The number of elements of a shape whose first dimension may be the batch.
  mlir::Value countOf(llvm::ArrayRef<int64_t> shape);
  /// The indices of the element at a row-major position.
  Indices delinearize(mlir::Value position, llvm::ArrayRef<int64_t> shape);
  /// The same of a vector of `lanes` elements along the last dimension, and how many there are.
  Indices vectorAt(mlir::Value number, llvm::ArrayRef<int64_t> shape);
  mlir::Value vectorsOf(llvm::ArrayRef<int64_t> shape);
  mlir::Value lessThan(mlir::Value lhs, mlir::Value rhs);
  mlir::Value isZero(mlir::Value value);

  //===--- Within a warp and a block ---===//
  mlir::Value call(llvm::StringRef intrinsic, mlir::Type type, mlir::ValueRange arguments);
  void barrier();
  /// The value that the lane with the number `lane ^ bit` has.
  mlir::Value exchange(mlir::Value value, int bit);
  /// What a lane of the warp, the same for all, has of an integer of the index type.
  mlir::Value fromLane(mlir::Value value, mlir::Value lane);
  /// Combines one value of each of `width` neighbouring lanes of the warp in a fixed tree; every
  /// lane gets the result.
  mlir::Value combineWarp(ReductionOpInterface op, mlir::Value value, int64_t width = kWarp);
  /// The same for the first lane of each of the block's warps, through shared memory; every thread
  /// gets the result.
  mlir::Value combineBlock(ReductionOpInterface op, mlir::Value value);
  /// Where an element of the block's shared memory lies.
  mlir::Value sharedAt(mlir::Value index, mlir::Type element);
  mlir::Value loadShared(mlir::Value index, mlir::Type element);
  void storeShared(mlir::Value index, mlir::Value element);
  /// The same for neighbours, at once: the first one's index is a multiple of their number.
  llvm::SmallVector<mlir::Value> loadShared(mlir::Value index, mlir::Type element, int64_t count);
  void storeShared(mlir::Value index, mlir::ValueRange elements);
  /// Elements as a vector; a single one stays what it is.
  mlir::Value asVector(mlir::ValueRange elements);
  /// Makes a group of this thread's copies to shared memory since the last one.
  void commitCopies();
  /// Waits until at most `groups` of this thread's groups are under way.
  void waitForCopies(int64_t groups);

  //===--- Results, and variables that stay in shared memory (ResidentState.cpp) ---===//
  /// Evaluates all results at neighbouring places along the last dimension, then stores them. Of
  /// the variables that the kernel keeps, the first place's element has that number in the block.
  void storeRun(llvm::ArrayRef<Indices> places, mlir::Value number);
  void takeResidentState(mlir::ValueRange arguments);
  void loadResident(llvm::ArrayRef<Indices> places, mlir::Value number);
  mlir::Value residentPointer(mlir::Value isResident, int64_t result, mlir::Value number,
                              const TensorMemory &memory, llvm::ArrayRef<Index> at);

  Launch launch;
  ResidentState resident;
  mlir::Value residentPlace; // in shared memory, where the block's part begins
  /// Whether the state is there before this step, in this step, and beyond it.
  mlir::Value wasResident, isResident, staysResident;
  mlir::Value blockNumber;
  mlir::ValueRange tensorMaps; // of a product's operands
};

} // namespace dlc

#endif
