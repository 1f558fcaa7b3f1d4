//===- DLDialect.td - The dl dialect ----------------------------------------------------------===//
#ifndef DLC_IR_DLDIALECT_TD
#define DLC_IR_DLDIALECT_TD

include "mlir/IR/OpBase.td"

def DL_Dialect : Dialect {
  let name = "dl";
  let cppNamespace = "::dlc";
  let summary = "training programs as graphs of tensor operations";
  let description = [{
    Values are ranked tensors of f32, f64, i32, i8 (always unsigned: pixels, bytes) and i1. For GPUs the compiler
    stores operands of products as bf16 or f16 as well. Every dimension is known but one: a leading `?` is the batch, the
    same number everywhere in a function.

    Operations are pure; what lives across calls is named by symbols (`dl.variable`, `dl.field`) and touched by
    `dl.read`, `dl.input`, `dl.assign` and `dl.output` alone.
  }];
  let hasConstantMaterializer = 1;
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect"];
}

#endif
