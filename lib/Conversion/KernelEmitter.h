//===- KernelEmitter.h - What all kernel emitters share -----------------------------*- C++ -*-===//
//
// A kernel is emitted by demand: an emitter of its kind makes the loops over its space and asks for
// each result's element at an index; evaluate() follows the region's ops from the result to memory,
// mapping the index through every re-indexing on the way. An index may run along the vector's
// lanes, so the same walk yields vector code.
//
//===------------------------------------------------------------------------------------------===//
#ifndef DLC_LIB_CONVERSION_KERNELEMITTER_H
#define DLC_LIB_CONVERSION_KERNELEMITTER_H

#include "dlc/IR/DL.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace dlc {

/// Where an element lies along one dimension: base + offset, in lane l plus l * lane; or, where
/// lanes are scattered, `scattered`, a vector of i64.
struct Index {
  mlir::Value base; // i64; null is 0
  int64_t offset = 0;
  int64_t lane = 0;
  mlir::Value scattered = {};

  bool varies() const { return lane != 0 || scattered; }
  bool operator==(const Index &other) const {
    return base == other.base && offset == other.offset && lane == other.lane &&
           scattered == other.scattered;
  }
};
using Indices = llvm::SmallVector<Index, 4>;

/// What the machine offers.
struct VectorTarget {
  int64_t bytes;     // of a vector register
  int64_t registers; // how many
};

/// Where a tensor lies in memory.
struct TensorMemory {
  mlir::Value pointer;
  mlir::RankedTensorType type;
  bool byRowNumber = false; // a field of the data: row r of the batch is row indices[r]
  int64_t panel = 0;        // columns of a matrix that lie together (LayOutWeights.cpp); 0: all
};

class KernelEmitter {
public:
  /// `function` takes the frame, the thread, the threads, and a pointer for each input and each
  /// result.
  KernelEmitter(mlir::func::FuncOp function, KernelOp kernel, const VectorTarget &target);

  /// Emits the kernel's body into the function.
  mlir::LogicalResult emit();

private:
  //===--- Kinds (EmitMap.cpp, EmitRows.cpp, EmitReduce.cpp, EmitContract.cpp, EmitScatter.cpp)
  //---===//
  mlir::LogicalResult emitMap();
  mlir::LogicalResult emitRows();
  mlir::LogicalResult emitReduce();
  mlir::LogicalResult emitContract();
  mlir::LogicalResult emitScatter();
  friend class ContractEmitter;

  //===--- Loops and shares (KernelEmitter.cpp) ---===//
  using Body = llvm::function_ref<void(mlir::Value)>;
  mlir::Value integer(int64_t value);
  mlir::Value addInt(mlir::Value lhs, mlir::Value rhs);
  mlir::Value mulInt(mlir::Value lhs, int64_t rhs);
  mlir::Value minInt(mlir::Value lhs, mlir::Value rhs);
  /// The size of a dimension: a constant, or the batch's rows.
  mlir::Value sizeOf(int64_t dim);
  /// for i = low to high step `step`, in a scope of its own.
  void loop(mlir::Value low, mlir::Value high, int64_t step, Body body);
  /// The same with values carried from turn to turn.
  llvm::SmallVector<mlir::Value> loopCarrying(
      mlir::Value low, mlir::Value high, int64_t step, mlir::ValueRange initial,
      llvm::function_ref<llvm::SmallVector<mlir::Value>(mlir::Value, mlir::ValueRange)> body);
  /// This thread's part [low, high) of `count` units, in multiples of `granule`; all of them in a
  /// replicated kernel where each thread has a copy.
  std::pair<mlir::Value, mlir::Value> share(mlir::Value count, int64_t granule);
  /// Runs `body` where the condition holds; a null one always does.
  void onlyIf(mlir::Value condition, llvm::function_ref<void()> body);
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
  mlir::Value tailMask(int64_t count);

  //===--- Elements (Evaluate.cpp) ---===//
  /// The element (or vector of elements) of `value` at `at`.
  mlir::Value evaluate(mlir::Value value, llvm::ArrayRef<Index> at, mlir::Value mask = {});
  mlir::Value evaluateOp(mlir::Operation *op, llvm::ArrayRef<Index> at, mlir::Value mask);
  mlir::Value evaluateQuotient(DivOp op, llvm::ArrayRef<mlir::Value> arguments);
  mlir::Value evaluateConstant(ConstantOp op, llvm::ArrayRef<Index> at, mlir::Value mask);
  mlir::Value evaluateRandom(RandomOp op, llvm::ArrayRef<Index> at);
  mlir::Value evaluateRuntime(RuntimeOp op);
  mlir::Value evaluateGather(GatherOp op, llvm::ArrayRef<Index> at, mlir::Value mask);
  mlir::Value evaluatePad(PadOp op, llvm::ArrayRef<Index> at, mlir::Value mask);
  mlir::Value evaluateConcat(ConcatOp op, llvm::ArrayRef<Index> at, mlir::Value mask);
  /// Makes the value known at that index, in the current scope.
  void bind(mlir::Value value, llvm::ArrayRef<Index> at, mlir::Value element);
  /// Stores an element of the kernel's n-th result.
  void store(unsigned result, llvm::ArrayRef<Index> at, mlir::Value element, mlir::Value mask = {});
  /// Evaluates all results at `at`, then stores them: one may be written over a variable that
  /// another one reads.
  void storeResults(llvm::ArrayRef<Index> at, mlir::Value mask = {});
  void evaluateUniforms();

  //===--- Memory and indices (Memory.cpp) ---===//
  mlir::Value load(const TensorMemory &memory, llvm::ArrayRef<Index> at, mlir::Value mask);
  /// Asks for the cache line where an element lies.
  void prefetch(mlir::Value pointer, mlir::Value index, mlir::Type element);
  /// Asks for what the kernel reads of the data for row `row`, of this batch or of the next one.
  void prefetchDataRows(mlir::Value row);
  /// The same from within a product: in the turn `term` of `terms`, for a part of the rows
  /// [row, row + count), so that all of them are asked for in the last turn.
  void prefetchDataRows(const TensorMemory &memory, mlir::Value row, int64_t count,
                        mlir::Value term, int64_t terms);
  mlir::Value loadVector(mlir::Value pointer, mlir::Type element, mlir::Value mask);
  mlir::Value frameNumber(size_t offset, mlir::Type type);
  mlir::Value address(mlir::Value pointer, mlir::Value index, mlir::Type element);
  /// The index as an i64 (of lane 0) or, for one that varies, as a vector of i64.
  mlir::Value scalarOf(const Index &index);
  mlir::Value vectorOf(const Index &index);
  Index scaled(const Index &index, int64_t factor);
  Index plus(const Index &lhs, const Index &rhs);
  /// Row-major position of an element in a tensor of that type.
  Index linear(mlir::RankedTensorType type, llvm::ArrayRef<Index> at);
  /// Position of an element in memory.
  Index position(const TensorMemory &memory, llvm::ArrayRef<Index> at);
  mlir::Value splat(mlir::Value scalar);
  mlir::VectorType vectorOfType(mlir::Type element) {
    return mlir::VectorType::get({lanes}, element);
  }
  /// Combines the lanes of a vector in a fixed tree.
  mlir::Value combineLanes(ReductionOpInterface op, mlir::Value vector);
  mlir::Value identity(ReductionOpInterface op, bool vector);

  struct Scope {
    mlir::Value value;
    Indices at;
    mlir::Value element;
  };

  mlir::func::FuncOp function;
  KernelOp kernel;
  mlir::Block *region;
  VectorTarget target;
  mlir::ImplicitLocOpBuilder b;
  mlir::Value frame, thread, threads, rows, rowNumbers;
  llvm::SmallVector<TensorMemory> inputs, results;
  /// What is known, innermost scope last; `scopes` holds where each scope begins.
  llvm::SmallVector<Scope> known;
  llvm::SmallVector<size_t> scopes;
  int64_t lanes = 16;
};

} // namespace dlc

#endif
