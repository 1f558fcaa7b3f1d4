//===- DLBase.td - What the records of the operations have in common --------------------------===//
#ifndef DLC_IR_DLBASE_TD
#define DLC_IR_DLBASE_TD

include "DLDialect.td"
include "DLInterfaces.td"
include "mlir/IR/BuiltinAttributes.td"
include "mlir/IR/RegionKindInterface.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

/// Every dimension is known but the first, which may be the batch.
class DL_TensorOf<list<Type> elements, string names>
    : ConfinedType<RankedTensorOf<elements>, [CPred<"::dlc::hasBatchInFront($_self)">],
                   "tensor of " # names # " with no unknown dimension but a leading batch", "::mlir::TensorType">;
def DL_Tensor : DL_TensorOf<[F32, F64, I32, I8, I1], "f32, f64, i32, i8 or i1">;
def DL_FloatTensor : DL_TensorOf<[F32, F64], "f32 or f64">;
/// bf16 and f16 store operands of products: they are converted to, moved, and multiplied, nothing else. No program has them.
def DL_StoredTensor : DL_TensorOf<[F32, F64, I32, I8, I1, BF16, F16], "f32, f64, i32, i8, i1, bf16 or f16">;
def DL_FactorTensor : DL_TensorOf<[F32, F64, BF16, F16], "f32, f64, bf16 or f16">;
def DL_BoolTensor : DL_TensorOf<[I1], "i1">;
def DL_IndexTensor : DL_TensorOf<[I32], "i32">;

class DL_Op<string mnemonic, list<Trait> traits = []> : Op<DL_Dialect, mnemonic, traits>;

def DL_Elementwise : DeclareOpInterfaceMethods<ElementwiseOpInterface>;
def DL_Differentiable : DeclareOpInterfaceMethods<DifferentiableOpInterface>;

#endif
