//===- CpuEmitter.h - Kernels as loops over vectors, shared by threads --------------*- C++ -*-===//
#ifndef DLC_LIB_CONVERSION_CPU_CPUEMITTER_H
#define DLC_LIB_CONVERSION_CPU_CPUEMITTER_H

#include "KernelEmitter.h"

namespace dlc {

/// The function takes the frame, the thread and the threads, then the pointers.
class CpuEmitter : public KernelEmitter {
public:
  using KernelEmitter::KernelEmitter;

protected:
  void takeArguments(mlir::ValueRange arguments) override;
  mlir::LogicalResult emitMap() override;
  mlir::LogicalResult emitRows() override;
  mlir::LogicalResult emitReduce() override;
  mlir::LogicalResult emitContract() override;
  mlir::LogicalResult emitScatter() override;
  friend class ContractEmitter;

private:
  /// This thread's part [low, high) of `count` units, in multiples of `granule`; all of them in a
  /// replicated kernel where each thread has a copy.
  std::pair<mlir::Value, mlir::Value> share(mlir::Value count, int64_t granule);
  /// Runs `body` on the first thread alone.
  void onFirstThread(llvm::function_ref<void()> body);
  /// Loops over the given dimensions of `shape` from `first` to `last` (exclusive), the first of
  /// them shared among threads if `shared`, and calls `body` with their indices appended to `at`.
  void loopOver(llvm::ArrayRef<int64_t> shape, int64_t first, int64_t last, bool shared,
                Indices &at, llvm::function_ref<void(Indices &)> body);
  /// Visits a dimension of `size` elements in vectors: calls `body` with the index of the first
  /// lane and, for a vector that is not full, a mask. Dynamic sizes run over whole vectors, as
  /// batched buffers are padded.
  void loopVectors(int64_t size, mlir::Value low, mlir::Value high,
                   llvm::function_ref<void(Index, mlir::Value)> body);

  /// Asks for the cache line where an element lies.
  void prefetch(mlir::Value pointer, mlir::Value index, mlir::Type element);
  /// Asks for what the kernel reads of the data for row `row`, of this batch or of the next one.
  void prefetchDataRows(mlir::Value row);
  /// The same from within a product: in the turn `term` of `terms`, for a part of the rows
  /// [row, row + count), so that all of them are asked for in the last turn.
  void prefetchDataRows(const TensorMemory &memory, mlir::Value row, int64_t count,
                        mlir::Value term, int64_t terms);
  /// Combines the lanes of a vector in a fixed tree.
  mlir::Value combineLanes(ReductionOpInterface op, mlir::Value vector);

  mlir::Value thread, threads;
};

} // namespace dlc

#endif
