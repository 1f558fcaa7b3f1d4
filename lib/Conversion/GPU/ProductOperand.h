//===- ProductOperand.h - An operand's parts in shared memory -----------------------*- C++ -*-===//
//
// A part of an operand, some lines (rows of the left one, columns of the right one) by some terms,
// comes to shared memory in one of two ways. What is in memory as it is to be in shared memory, the
// device copies by itself (`cp.async`) while the block goes on. What is computed first, is loaded
// into registers early and stored late. In between, parts that came before are multiplied.
//
//===------------------------------------------------------------------------------------------===//
#ifndef DLC_LIB_CONVERSION_GPU_PRODUCTOPERAND_H
#define DLC_LIB_CONVERSION_GPU_PRODUCTOPERAND_H

#include "GpuEmitter.h"

namespace dlc {

/// Whether neighbours in shared memory are terms of a line, lines of a term, or what neighbours are
/// in the operand itself.
enum class Arrangement { Terms, Lines, AsItIs };

class ProductOperand {
public:
  /// `stored` is the type of an element in shared memory, where parts begin `start` elements behind
  /// the beginning of a stage.
  ProductOperand(GpuEmitter &emitter, DotOp dot, bool left, Arrangement wanted, mlir::Type stored,
                 int64_t start);

  /// Starts copies of the part from these lines and terms on, 0 beyond the operand's end.
  void copy(const Indices &batch, mlir::Value firstLine, mlir::Value firstTerm, mlir::Value stage);
  /// Loads this thread's elements of a part; beyond the end they are others of the operand.
  llvm::SmallVector<mlir::Value> load(const Indices &batch, mlir::Value firstLine,
                                      mlir::Value firstTerm);
  /// Stores what was loaded, each as `rounded` makes it, 0 beyond the end.
  void store(mlir::ValueRange loaded, mlir::Value firstLine, mlir::Value firstTerm,
             mlir::Value stage, llvm::function_ref<mlir::Value(mlir::Value)> rounded);

  /// Where an element of a part lies in shared memory, `farther` lines behind that line. In a row
  /// of 128 bytes pieces of 16 are exchanged by an exclusive or with the number of the row: so
  /// neighbours in either direction are in different banks.
  mlir::Value place(mlir::Value stage, mlir::Value term, mlir::Value line, int64_t farther = 0);

  bool isCopied() const { return copied; }
  /// Whether neighbours in shared memory are terms.
  bool isByTerms() const { return byTerms; }
  /// Elements of a part.
  int64_t size() const { return lines * terms; }

private:
  struct Piece {
    mlir::Value term, line; // within the part
  };
  llvm::SmallVector<Piece> pieces();
  Indices indicesOf(const Piece &piece, const Indices &batch, mlir::Value firstLine,
                    mlir::Value firstTerm);
  mlir::Value isInside(const Piece &piece, mlir::Value firstLine, mlir::Value firstTerm);
  mlir::Value addressOf(Indices at);

  GpuEmitter &e;
  mlir::ImplicitLocOpBuilder &b;
  mlir::Value operand;
  mlir::Type stored;
  llvm::ArrayRef<int64_t> batchDims, termDims;
  llvm::SmallVector<int64_t> freeDims;
  llvm::SmallVector<int64_t> lineShape, termShape;
  int64_t lines, terms; // of a part
  int64_t start, bytes;
  bool alongTerms; // neighbours in the operand are terms
  bool byTerms, copied;
  int64_t width; // elements that a thread brings at once, neighbours in the operand
};

} // namespace dlc

#endif
