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
/// lanes are scattered, `scattered`, a vector of the index type.
struct Index {
  mlir::Value base; // of the index type; null is 0
  int64_t offset = 0;
  int64_t lane = 0;
  mlir::Value scattered = {};
  int64_t multiple = 1; // a number that divides base

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
  int64_t alignment = 1;    // of its start, in bytes; no less than an element's
};

/// Elements by demand, and what every emitter needs around them. One for the CPU and one for the
/// GPU say who computes which elements (CPU/CpuEmitter.h, GPU/GpuEmitter.h).
class KernelEmitter {
public:
  KernelEmitter(mlir::func::FuncOp function, KernelOp kernel, const VectorTarget &target);
  virtual ~KernelEmitter() = default;

  /// Emits the kernel's body into the function, whose arguments end with a pointer for each input
  /// and each result.
  mlir::LogicalResult emit();

protected:
  /// Takes the arguments before the pointers: sets `frame`, `rows` and what the emitter has beside
  /// them.
  virtual void takeArguments(mlir::ValueRange arguments) = 0;

  //===--- Kinds, each in a file of its own ---===//
  virtual mlir::LogicalResult emitMap() = 0;
  virtual mlir::LogicalResult emitRows() = 0;
  virtual mlir::LogicalResult emitReduce() = 0;
  virtual mlir::LogicalResult emitContract() = 0;
  virtual mlir::LogicalResult emitScatter() = 0;
  // Made for GPUs alone.
  virtual mlir::LogicalResult emitSort() { return kernel.emitError("sorts, which GPUs do"); }
  virtual mlir::LogicalResult emitSegments() {
    return kernel.emitError("adds what has been sorted, which GPUs do");
  }

  //===--- Loops (KernelEmitter.cpp) ---===//
  using Body = llvm::function_ref<void(mlir::Value)>;
  /// A constant of the index type.
  mlir::Value integer(int64_t value);
  /// The integer, or vector of integers, with as many bits as `type` has.
  mlir::Value resized(mlir::Value integer, mlir::Type type);
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
  /// Runs `body` where the condition holds; a null one always does.
  void onlyIf(mlir::Value condition, llvm::function_ref<void()> body);
  /// What becomes known in `body` is forgotten behind it.
  void inScope(llvm::function_ref<void()> body);
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
  mlir::Value loadVector(mlir::Value pointer, mlir::Type element, mlir::Value mask,
                         unsigned alignment);
  /// What the vector of elements that starts at the position is aligned to, in bytes.
  unsigned alignmentOf(const TensorMemory &memory, const Index &position);
  /// Where the row of a field begins that is the batch's `row`.
  mlir::Value fieldRow(const TensorMemory &memory, const Index &row);
  mlir::Value frameNumber(size_t offset, mlir::Type type);
  mlir::Value address(mlir::Value pointer, mlir::Value index, mlir::Type element);
  /// The index (of lane 0) as a number or, for one that varies, as a vector of them.
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
  mlir::Type indexType; // i64, or i32 where that is enough and cheaper
  mlir::Value frame, rows, rowNumbers;
  llvm::SmallVector<TensorMemory> inputs, results;
  /// What is known, innermost scope last; `scopes` holds where each scope begins.
  llvm::SmallVector<Scope> known;
  llvm::SmallVector<size_t> scopes;
  int64_t lanes = 16;
  int64_t tensorAlignment = 1; // of what the program itself lays out, in bytes
};

} // namespace dlc

#endif
