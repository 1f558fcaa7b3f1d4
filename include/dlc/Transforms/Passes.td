//===- Passes.td - From the graph to planned kernels ------------------------------------------===//
#ifndef DLC_TRANSFORMS_PASSES_TD
#define DLC_TRANSFORMS_PASSES_TD

include "mlir/Pass/PassBase.td"

def DifferentiatePass : Pass<"dl-differentiate", "::mlir::func::FuncOp"> {
  let summary = "replace dl.grad by forward and backward ops, innermost first";
  let dependentDialects = ["::dlc::DLDialect"];
}

def SimplifyPass : Pass<"dl-simplify", "::mlir::func::FuncOp"> {
  let summary = "fold, canonicalize, and keep arithmetic on the smallest shape";
  let dependentDialects = ["::dlc::DLDialect"];
}

def StreamPass : Pass<"dl-stream", "::mlir::ModuleOp"> {
  let summary = "split @fit and @evaluate at reductions over the batch into passes over chunks";
  let dependentDialects = ["::dlc::DLDialect"];
}

def PrepareProductsPass : Pass<"dl-prepare-products", "::mlir::func::FuncOp"> {
  let summary = "turn thin products into reductions and lay out the right-hand sides of the others";
  let dependentDialects = ["::dlc::DLDialect"];
  let options = [
    Option<"anyLayout", "any-layout", "bool", "false", "products read their right-hand side in any order of its dimensions">
  ];
}

def DropUnitDimsPass : Pass<"dl-drop-unit-dims", "::mlir::func::FuncOp"> {
  let summary = "compute on shapes without dimensions of size 1";
  let dependentDialects = ["::dlc::DLDialect"];
}

def MixedPrecisionPass : Pass<"dl-mixed-precision", "::mlir::func::FuncOp"> {
  let summary = "give products of f32 operands of 16 bits, stored so where that moves fewer bytes";
  let dependentDialects = ["::dlc::DLDialect"];
  let options = [
    Option<"operands", "operands", "std::string", "\"bf16\"", "bf16 or f16">
  ];
}

def SortScattersPass : Pass<"dl-sort-scatters", "::mlir::func::FuncOp"> {
  let summary = "sort the numbers of rows that are added into a table, where they are many";
  let dependentDialects = ["::dlc::DLDialect"];
}

def SplitReductionsPass : Pass<"dl-split-reductions", "::mlir::func::FuncOp"> {
  let summary = "reduce many elements to few in two steps, the first of which has work for a whole device";
  let dependentDialects = ["::dlc::DLDialect"];
}

def GroupKernelsPass : Pass<"dl-group-kernels", "::mlir::func::FuncOp"> {
  let summary = "group the graph into kernels";
  let dependentDialects = ["::dlc::DLDialect"];
  let options = [
    Option<"fuseLoads", "fuse-loads", "bool", "false", "products compute what is cheap of their operands as they load them">,
    Option<"launches", "launches", "bool", "false", "each kernel is a launch on a device: costly scalars of the step get one of their own, tables are updated as they are added up">
  ];
}

def ScheduleKernelsPass : Pass<"dl-schedule-kernels", "::mlir::func::FuncOp"> {
  let summary = "order kernels so that updates happen in place, and place the barriers";
  let dependentDialects = ["::dlc::DLDialect"];
  let options = [
    Option<"launches", "launches", "bool", "false", "each kernel is a launch on a device: no thread owns rows or columns">
  ];
}

def LayOutWeightsPass : Pass<"dl-lay-out-weights", "::mlir::ModuleOp"> {
  let summary = "store weights whose columns belong to threads in panels of columns";
}

def PlanMemoryPass : Pass<"dl-plan-memory", "::mlir::ModuleOp"> {
  let summary = "give every tensor its place in one arena";
  let dependentDialects = ["::dlc::DLDialect"];
}

#endif
