//===- Passes.td - From kernels to loops and to LLVM's dialect --------------------------------===//
#ifndef DLC_CONVERSION_PASSES_TD
#define DLC_CONVERSION_PASSES_TD

include "mlir/Pass/PassBase.td"

def ConvertKernelsToLoopsPass : Pass<"convert-dl-kernels-to-loops", "::mlir::ModuleOp"> {
  let summary = "make each kernel a function of vector loops over the arena";
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect", "::mlir::scf::SCFDialect",
                           "::mlir::vector::VectorDialect", "::mlir::LLVM::LLVMDialect", "::mlir::func::FuncDialect"];
  let options = [
    Option<"vectorBytes", "vector-bytes", "int64_t", "64", "width of the target's vector registers in bytes">,
    Option<"registers", "registers", "int64_t", "32", "how many vector registers the target has">
  ];
}

def PlanLaunchesPass : Pass<"dl-plan-launches", "::mlir::ModuleOp"> {
  let summary = "choose each kernel's grid on a device, and name the device function that does its work";
  let options = [
    Option<"loop", "loop", "std::string", "\"graph\"", "how training steps follow each other: graph, persistent or auto">,
    Option<"products", "products", "std::string", "\"f32\"", "what products of f32 are made of: f32 or tf32 (bf16 and f16: none are left)">,
    Option<"device", "device", "std::string", "", "the GPU, such as sm_90a">,
    Option<"earlyLaunches", "early-launches", "bool", "false", "kernels can start before those before them have ended">
  ];
}

def ConvertKernelsToDevicePass : Pass<"convert-dl-kernels-to-device", "::mlir::ModuleOp"> {
  let summary = "make each kernel a function of one thread of a grid, and one that goes on to the next step";
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect", "::mlir::scf::SCFDialect",
                           "::mlir::LLVM::LLVMDialect", "::mlir::func::FuncDialect"];
}

def ExpandDoubleMathPass : Pass<"dl-expand-double-math"> {
  let summary = "functions of f64, and powers, in plain arithmetic: a device has no libm";
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect",
                           "::mlir::vector::VectorDialect"];
}

#endif
