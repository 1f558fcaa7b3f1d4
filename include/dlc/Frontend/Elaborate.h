//===- Elaborate.h - AST to the dl graph --------------------------------------------*- C++ -*-===//
#ifndef DLC_FRONTEND_ELABORATE_H
#define DLC_FRONTEND_ELABORATE_H

#include "dlc/Frontend/AST.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace dlc {

struct ElaborateOptions {
  bool doublePrecision = false;                               // f32 in the program means f64
  std::vector<std::pair<std::string, std::string>> overrides; // --set name=value
  int64_t trainRows = 0; // rows of the training part, for `batch = all`; 0: not known
};

/// One field of the data.
struct FieldInfo {
  std::string name, type;
  std::vector<int64_t> shape;
  int64_t classes = 0;
  bool generated = false;
  std::vector<std::string> columns;    // names of columns; empty: an array by the field's name
  std::string firstColumn, lastColumn; // or a range of them
  std::optional<std::pair<int64_t, int64_t>> columnNumbers; // or a range of numbers from 0
  std::string missing; // what to do with a cell that is missing: "drop" or "keep"; empty: refuse it
};

struct SplitInfo {
  bool given = false;
  double train = 1, test = 0;
  int64_t seed = 0;
  bool shuffle = true;
};

struct TrainInfo {
  bool given = false;
  int64_t batch = 32; // 0: all
  int64_t epochs = 0, steps = 0, seed = 0, patience = 0;
  double validate = 0;
  std::string keepMetric;
  bool keepHighest = true;
};

struct ReportInfo {
  std::string name, kind; // value, vector, matrix, counts (of classes), plot, scatter
  std::vector<std::string> outputs, labels;
};

/// What the runtime must know of a program besides its functions.
struct ProgramInfo {
  std::vector<FieldInfo> fields;
  SplitInfo split;
  TrainInfo train;
  std::vector<ReportInfo> report;
  int64_t parameters = 0;    // numbers in all parameters
  int64_t generatedRows = 0; // rows of generated data; 0: none
  std::string recipe;        // names how they are made: the rows themselves differ by roundings
};

/// Makes the functions of docs/Architecture.md. Mistakes go to `diagnostics`; then the module is
/// not to be used.
mlir::OwningOpRef<mlir::ModuleOp> elaborate(const ast::Program &program, Sources &sources,
                                            Diagnostics &diagnostics, mlir::MLIRContext &context,
                                            const ElaborateOptions &options, ProgramInfo &info);

} // namespace dlc

#endif
