//===- DLInterfaces.td - What passes may ask of an op -----------------------------------------===//
#ifndef DLC_IR_DLINTERFACES_TD
#define DLC_IR_DLINTERFACES_TD

include "mlir/IR/OpBase.td"

def DifferentiableOpInterface : OpInterface<"DifferentiableOpInterface"> {
  let description = "An op that knows its reverse-mode derivative.";
  let cppNamespace = "::dlc";
  let methods = [InterfaceMethod<[{
      Builds the adjoint of each operand from the adjoint `dy` of the result, in dl ops, so that it can be differentiated
      again. A null value means zero. Accumulation is the differentiation pass's work.
    }],
    "::llvm::SmallVector<::mlir::Value>", "buildGradient",
    (ins "::mlir::ImplicitLocOpBuilder &":$b, "::mlir::Value":$dy)>];
}

def ElementwiseOpInterface : OpInterface<"ElementwiseOpInterface"> {
  let description = "An op whose result element depends on the operands' elements at the same place alone.";
  let cppNamespace = "::dlc";
  let methods = [InterfaceMethod<[{
      Builds the computation of one element (scalar arguments) or of several at once (vectors).
    }],
    "::mlir::Value", "buildBody",
    (ins "::mlir::ImplicitLocOpBuilder &":$b, "::mlir::ValueRange":$args)>];
}

def ReductionOpInterface : OpInterface<"ReductionOpInterface"> {
  let description = "An op that combines all elements along some dimensions, in a fixed order.";
  let cppNamespace = "::dlc";
  let methods = [
    InterfaceMethod<"The tensor that is reduced.", "::mlir::Value", "getInput">,
    InterfaceMethod<"The dimensions that vanish, ascending.", "::llvm::ArrayRef<int64_t>", "getReducedDims">,
    InterfaceMethod<"The value that changes nothing, as a number.", "double", "getIdentity">,
    InterfaceMethod<"Combines two scalars or vectors.",
      "::mlir::Value", "buildCombine",
      (ins "::mlir::ImplicitLocOpBuilder &":$b, "::mlir::Value":$lhs, "::mlir::Value":$rhs)>];
}

#endif
