//===- DLOps.td - The operations: one record each ---------------------------------------------===//
//
// A record holds everything the compiler knows of an op: summary, example, element body and gradient. Adding an op means
// adding its record here and its cases in test/EndToEnd/Primitives/cases.py: see docs/AddingAnOp.md. Gradients that are longer
// than an expression live in lib/IR/OpGradients.cpp. In a body or gradient, `b` is the builder, `x`/`lhs`/`rhs` the operands,
// `y` the result and `dy` its adjoint; the functions used in gradients are those of dlc/IR/Builders.h, in bodies those of
// lib/IR/Scalar.h.
//
//===------------------------------------------------------------------------------------------===//
#ifndef DLC_IR_DLOPS_TD
#define DLC_IR_DLOPS_TD

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

//===------------------------------------------------------------------------------------------===//
// Elementwise
//===------------------------------------------------------------------------------------------===//

/// y[i] = body(x[i])
class DL_Unary<string mnemonic, string text, string body, string gradient, Type type = DL_FloatTensor>
    : DL_Op<mnemonic, [Pure, SameOperandsAndResultType, DL_Elementwise, DL_Differentiable]> {
  let summary = text;
  let description = "Example: `%y = dl." # mnemonic # " %x : tensor<?x4x" #
                    !cond(!eq(!cast<string>(type), "DL_BoolTensor"): "i1", true: "f32") # ">`";
  let arguments = (ins type:$x);
  let results = (outs type:$y);
  let assemblyFormat = "$x attr-dict `:` type($x)";
  let hasFolder = 1;
  let extraClassDefinition = [{
    ::mlir::Value $cppClass::buildBody(::mlir::ImplicitLocOpBuilder &b, ::mlir::ValueRange args) {
      ::mlir::Value x = args[0];
      return }] # body # [{;
    }
    ::llvm::SmallVector<::mlir::Value> $cppClass::buildGradient(::mlir::ImplicitLocOpBuilder &b, ::mlir::Value dy) {
      ::mlir::Value x = getX(), y = getY(); (void)x; (void)y;
      return {}] # gradient # [{};
    }
    ::mlir::OpFoldResult $cppClass::fold(FoldAdaptor adaptor) {
      return foldElementwise(*this, adaptor.getOperands());
    }
  }];
}

/// y[i] = body(lhs[i], rhs[i])
class DL_Binary<string mnemonic, string text, string body, string dlhs, string drhs, list<Trait> traits = [],
                Type type = DL_Tensor>
    : DL_Op<mnemonic, !listconcat([Pure, SameOperandsAndResultType, DL_Elementwise, DL_Differentiable], traits)> {
  let summary = text;
  let description = "Example: `%y = dl." # mnemonic # " %lhs, %rhs : tensor<?x4x" #
                    !cond(!eq(!cast<string>(type), "DL_BoolTensor"): "i1", true: "f32") # ">`";
  let arguments = (ins type:$lhs, type:$rhs);
  let results = (outs type:$y);
  let assemblyFormat = "$lhs `,` $rhs attr-dict `:` type($lhs)";
  let hasFolder = 1;
  let extraClassDefinition = [{
    ::mlir::Value $cppClass::buildBody(::mlir::ImplicitLocOpBuilder &b, ::mlir::ValueRange args) {
      ::mlir::Value lhs = args[0], rhs = args[1];
      return }] # body # [{;
    }
    ::llvm::SmallVector<::mlir::Value> $cppClass::buildGradient(::mlir::ImplicitLocOpBuilder &b, ::mlir::Value dy) {
      ::mlir::Value lhs = getLhs(), rhs = getRhs(), y = getY(); (void)lhs; (void)rhs; (void)y;
      return {}] # dlhs # ", " # drhs # [{};
    }
    ::mlir::OpFoldResult $cppClass::fold(FoldAdaptor adaptor) {
      return foldElementwise(*this, adaptor.getOperands());
    }
  }];
}

def DL_NegOp : DL_Unary<"neg", "-x", "scalar::neg(b, x)", "neg(b, dy)", DL_Tensor>;
def DL_AbsOp : DL_Unary<"abs", "|x|; the derivative at 0 is 0", "scalar::abs(b, x)", "mul(b, dy, sign(b, x))", DL_Tensor>;
def DL_SignOp : DL_Unary<"sign", "-1, 0 or 1", "scalar::sign(b, x)", "nullptr">;
def DL_ExpOp : DL_Unary<"exp", "e^x", "math::ExpOp::create(b, x)", "mul(b, dy, y)">;
def DL_Expm1Op : DL_Unary<"expm1", "e^x - 1, exact near 0", "math::ExpM1Op::create(b, x)", "add(b, mul(b, dy, y), dy)">;
def DL_LogOp : DL_Unary<"log", "natural logarithm", "math::LogOp::create(b, x)", "div(b, dy, x)">;
def DL_Log1pOp : DL_Unary<"log1p", "log(1 + x), exact near 0", "math::Log1pOp::create(b, x)", "div(b, dy, add(b, x, like(b, x, 1.0)))">;
def DL_SqrtOp : DL_Unary<"sqrt", "square root", "math::SqrtOp::create(b, x)", "div(b, mul(b, dy, like(b, x, 0.5)), y)">;
// d x^(-1/2) = -1/2 x^(-3/2) = -1/2 y^3
def DL_RsqrtOp : DL_Unary<"rsqrt", "1 / sqrt(x)", "scalar::rsqrt(b, x)", "mul(b, mul(b, dy, like(b, x, -0.5)), mul(b, y, mul(b, y, y)))">;
def DL_SinOp : DL_Unary<"sin", "sine", "math::SinOp::create(b, x)", "mul(b, dy, cos(b, x))">;
def DL_CosOp : DL_Unary<"cos", "cosine", "math::CosOp::create(b, x)", "neg(b, mul(b, dy, sin(b, x)))">;
// d tanh = 1 - tanh^2
def DL_TanhOp : DL_Unary<"tanh", "hyperbolic tangent", "math::TanhOp::create(b, x)", "sub(b, dy, mul(b, dy, mul(b, y, y)))">;
def DL_SigmoidOp : DL_Unary<"sigmoid", "1 / (1 + e^-x)", "scalar::sigmoid(b, x)", "mul(b, dy, sub(b, y, mul(b, y, y)))">;
// d erf = 2/sqrt(pi) e^(-x^2)
def DL_ErfOp : DL_Unary<"erf", "error function", "math::ErfOp::create(b, x)",
  "mul(b, mul(b, dy, like(b, x, 1.1283791670955126)), exp(b, neg(b, mul(b, x, x))))">;
def DL_FloorOp : DL_Unary<"floor", "largest integer not above x", "math::FloorOp::create(b, x)", "nullptr">;
def DL_CeilOp : DL_Unary<"ceil", "smallest integer not below x", "math::CeilOp::create(b, x)", "nullptr">;
def DL_RoundOp : DL_Unary<"round", "nearest integer, ties to even", "math::RoundEvenOp::create(b, x)", "nullptr">;
def DL_StopGradientOp : DL_Unary<"stop_gradient", "x, seen as a constant by differentiation", "x", "nullptr", DL_Tensor>;
def DL_CopyOp : DL_Unary<"copy", "x, in memory of its own", "x", "dy", DL_StoredTensor>;
def DL_NotOp : DL_Unary<"not", "logical negation", "scalar::logicalNot(b, x)", "nullptr", DL_BoolTensor>;

def DL_AddOp : DL_Binary<"add", "lhs + rhs", "scalar::add(b, lhs, rhs)", "dy", "dy", [Commutative]>;
def DL_SubOp : DL_Binary<"sub", "lhs - rhs", "scalar::sub(b, lhs, rhs)", "dy", "neg(b, dy)">;
def DL_MulOp : DL_Binary<"mul", "lhs * rhs", "scalar::mul(b, lhs, rhs)", "mul(b, dy, rhs)", "mul(b, dy, lhs)", [Commutative]>;
// d(l/r)/dr = -l/r^2 = -y/r
def DL_DivOp : DL_Binary<"div", "lhs / rhs; integers round towards zero", "scalar::div(b, lhs, rhs)",
  "div(b, dy, rhs)", "neg(b, mul(b, dy, div(b, y, rhs)))">;
// Where both are equal the derivative belongs to rhs: max(x, 0) has derivative 0 at 0. Comparing the result instead of
// lhs keeps lhs, a product's raw result, out of memory.
def DL_MaxOp : DL_Binary<"max", "the larger one", "scalar::max(b, lhs, rhs)",
  "select(b, gt(b, y, rhs), dy, like(b, dy, 0.0))", "select(b, gt(b, y, rhs), like(b, dy, 0.0), dy)">;
def DL_MinOp : DL_Binary<"min", "the smaller one", "scalar::min(b, lhs, rhs)",
  "select(b, lt(b, y, rhs), dy, like(b, dy, 0.0))", "select(b, lt(b, y, rhs), like(b, dy, 0.0), dy)">;
def DL_PowOp : DL_Binary<"pow", "lhs ^ rhs", "math::PowFOp::create(b, lhs, rhs)",
  "powerBaseGradient(b, lhs, rhs, dy)", "powerExponentGradient(b, lhs, rhs, y, dy)", [], DL_FloatTensor>;
// lhs - trunc(lhs / rhs) rhs
def DL_ModOp : DL_Binary<"mod", "remainder with the sign of lhs", "scalar::mod(b, lhs, rhs)",
  "dy", "neg(b, mul(b, dy, RoundOp::create(b, div(b, sub(b, lhs, y), rhs))))">;
def DL_AndOp : DL_Binary<"and", "logical and", "arith::AndIOp::create(b, lhs, rhs)", "nullptr", "nullptr", [Commutative],
  DL_BoolTensor>;
def DL_OrOp : DL_Binary<"or", "logical or", "arith::OrIOp::create(b, lhs, rhs)", "nullptr", "nullptr", [Commutative],
  DL_BoolTensor>;

/// y[i] = lhs[i] <relation> rhs[i]
class DL_Compare<string mnemonic, string text, string predicate>
    : DL_Op<mnemonic, [Pure, SameTypeOperands, SameOperandsAndResultShape, DL_Elementwise, DL_Differentiable,
        TypesMatchWith<"result is a bool of the operands' shape", "lhs", "y",
                       "::llvm::cast<::mlir::RankedTensorType>($_self).clone(::mlir::IntegerType::get($_ctxt, 1))">]> {
  let summary = text;
  let description = "Example: `%y = dl." # mnemonic # " %lhs, %rhs : tensor<?x4xf32>`";
  let arguments = (ins DL_Tensor:$lhs, DL_Tensor:$rhs);
  let results = (outs DL_BoolTensor:$y);
  let assemblyFormat = "$lhs `,` $rhs attr-dict `:` type($lhs)";
  let builders = [OpBuilder<(ins "::mlir::Value":$lhs, "::mlir::Value":$rhs), [{
    build($_builder, $_state, ::llvm::cast<::mlir::RankedTensorType>(lhs.getType()).clone($_builder.getI1Type()), lhs, rhs);
  }]>];
  let extraClassDefinition = [{
    ::mlir::Value $cppClass::buildBody(::mlir::ImplicitLocOpBuilder &b, ::mlir::ValueRange args) {
      return scalar::compare(b, scalar::Relation::}] # predicate # [{, args[0], args[1]);
    }
    ::llvm::SmallVector<::mlir::Value> $cppClass::buildGradient(::mlir::ImplicitLocOpBuilder &, ::mlir::Value) {
      return {nullptr, nullptr};
    }
  }];
}
def DL_EqOp : DL_Compare<"eq", "lhs == rhs", "Eq">;
def DL_NeOp : DL_Compare<"ne", "lhs != rhs", "Ne">;
def DL_LtOp : DL_Compare<"lt", "lhs < rhs", "Lt">;
def DL_LeOp : DL_Compare<"le", "lhs <= rhs", "Le">;
def DL_GtOp : DL_Compare<"gt", "lhs > rhs", "Gt">;
def DL_GeOp : DL_Compare<"ge", "lhs >= rhs", "Ge">;

def DL_SelectOp : DL_Op<"select", [Pure, DL_Elementwise, DL_Differentiable,
    AllTypesMatch<["lhs", "rhs", "y"]>, SameOperandsAndResultShape]> {
  let summary = "lhs where the condition holds, rhs elsewhere";
  let description = "Example: `%y = dl.select %c, %a, %b : tensor<?x4xi1>, tensor<?x4xf32>`";
  let arguments = (ins DL_BoolTensor:$condition, DL_Tensor:$lhs, DL_Tensor:$rhs);
  let results = (outs DL_Tensor:$y);
  let assemblyFormat = "$condition `,` $lhs `,` $rhs attr-dict `:` type($condition) `,` type($y)";
  let extraClassDefinition = [{
    ::mlir::Value $cppClass::buildBody(::mlir::ImplicitLocOpBuilder &b, ::mlir::ValueRange args) {
      return arith::SelectOp::create(b, args[0], args[1], args[2]);
    }
    ::llvm::SmallVector<::mlir::Value> $cppClass::buildGradient(::mlir::ImplicitLocOpBuilder &b, ::mlir::Value dy) {
      ::mlir::Value zero = like(b, dy, 0.0);
      return {nullptr, select(b, getCondition(), dy, zero), select(b, getCondition(), zero, dy)};
    }
  }];
}

def DL_CastOp : DL_Op<"cast", [Pure, DL_Elementwise, DL_Differentiable, SameOperandsAndResultShape]> {
  let summary = "the same values in another element type";
  let description = "To an integer rounds towards zero, to a float to the nearest one, ties to even. Example: `%y = dl.cast %x : tensor<4xi8> -> tensor<4xf32>`";
  let arguments = (ins DL_StoredTensor:$x);
  let results = (outs DL_StoredTensor:$y);
  let assemblyFormat = "$x attr-dict `:` type($x) `->` type($y)";
  let hasFolder = 1;
  let extraClassDefinition = [{
    ::mlir::Value $cppClass::buildBody(::mlir::ImplicitLocOpBuilder &b, ::mlir::ValueRange args) {
      return scalar::cast(b, args[0], ::mlir::getElementTypeOrSelf(getY().getType()));
    }
    ::llvm::SmallVector<::mlir::Value> $cppClass::buildGradient(::mlir::ImplicitLocOpBuilder &b, ::mlir::Value dy) {
      if (!isFloat(getX()) || !isFloat(getY()))
        return {nullptr};
      return {cast(b, dy, ::mlir::getElementTypeOrSelf(getX().getType()))};
    }
    ::mlir::OpFoldResult $cppClass::fold(FoldAdaptor adaptor) {
      if (getX().getType() == getY().getType())
        return getX();
      return foldElementwise(*this, adaptor.getOperands());
    }
  }];
}

//===------------------------------------------------------------------------------------------===//
// Reductions
//===------------------------------------------------------------------------------------------===//

/// Combines along `dims`; these vanish from the shape. An empty list changes nothing.
class DL_Reduction<string mnemonic, string text, string identity, string combine, string gradient>
    : DL_Op<mnemonic, [Pure, DeclareOpInterfaceMethods<ReductionOpInterface>, DL_Differentiable]> {
  let summary = text;
  let description = "Example: `%y = dl." # mnemonic # " %x dims [1] : tensor<?x4xf32> -> tensor<?xf32>`";
  let arguments = (ins DL_Tensor:$x, DenseI64ArrayAttr:$dims);
  let results = (outs DL_StoredTensor:$y);
  let assemblyFormat = "$x `dims` $dims attr-dict `:` type($x) `->` type($y)";
  let hasVerifier = 1;
  let builders = [OpBuilder<(ins "::mlir::Value":$x, "::llvm::ArrayRef<int64_t>":$dims), [{
    build($_builder, $_state, reducedType(x.getType(), dims), x, $_builder.getDenseI64ArrayAttr(dims));
  }]>];
  let extraClassDefinition = [{
    ::mlir::Value $cppClass::getInput() { return getX(); }
    ::llvm::ArrayRef<int64_t> $cppClass::getReducedDims() { return getDims(); }
    double $cppClass::getIdentity() { return }] # identity # [{; }
    ::mlir::Value $cppClass::buildCombine(::mlir::ImplicitLocOpBuilder &b, ::mlir::Value lhs, ::mlir::Value rhs) {
      return }] # combine # [{;
    }
    ::llvm::SmallVector<::mlir::Value> $cppClass::buildGradient(::mlir::ImplicitLocOpBuilder &b, ::mlir::Value dy) {
      ::mlir::Value x = getX(), y = getY(); (void)x; (void)y;
      return {}] # gradient # [{};
    }
    ::llvm::LogicalResult $cppClass::verify() { return verifyReduction(*this, getX(), getDims(), getY()); }
  }];
}
def DL_ReduceSumOp : DL_Reduction<"reduce_sum", "sum along dimensions", "0.0", "scalar::add(b, lhs, rhs)",
  "unreduce(b, dy, getDims(), x.getType())">;
// Ties share the derivative evenly.
def DL_ReduceMaxOp : DL_Reduction<"reduce_max", "largest along dimensions", "-INFINITY", "scalar::max(b, lhs, rhs)",
  "extremumGradient(b, x, y, dy, getDims())">;
def DL_ReduceMinOp : DL_Reduction<"reduce_min", "smallest along dimensions", "INFINITY", "scalar::min(b, lhs, rhs)",
  "extremumGradient(b, x, y, dy, getDims())">;

//===------------------------------------------------------------------------------------------===//
// Products
//===------------------------------------------------------------------------------------------===//

def DL_DotOp : DL_Op<"dot", [Pure, DL_Differentiable]> {
  let summary = "product of two tensors, summed over contracted dimensions";
  let description = [{
    The result's dimensions are: the batch dimensions, lhs's free ones, rhs's free ones. Batch dimensions pair up, and so do
    contracted ones. Factors of 16 bits are multiplied exactly, and summed in f32.

    Example, x @ w: `%y = dl.dot %x, %w contract [1] x [0] : (tensor<?x784xf32>, tensor<784x128xf32>) -> tensor<?x128xf32>`
  }];
  let arguments = (ins DL_FactorTensor:$lhs, DL_FactorTensor:$rhs,
    DefaultValuedAttr<DenseI64ArrayAttr, "{}">:$lhsBatch, DefaultValuedAttr<DenseI64ArrayAttr, "{}">:$rhsBatch,
    DenseI64ArrayAttr:$lhsContract, DenseI64ArrayAttr:$rhsContract);
  let results = (outs DL_FloatTensor:$y);
  let assemblyFormat = [{
    $lhs `,` $rhs (`batch` $lhsBatch^ `x` $rhsBatch)? `contract` $lhsContract `x` $rhsContract attr-dict
    `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
  let hasCanonicalizer = 1;
  let builders = [OpBuilder<(ins "::mlir::Value":$lhs, "::mlir::Value":$rhs, "::llvm::ArrayRef<int64_t>":$lhsBatch,
    "::llvm::ArrayRef<int64_t>":$rhsBatch, "::llvm::ArrayRef<int64_t>":$lhsContract, "::llvm::ArrayRef<int64_t>":$rhsContract)>];
  let extraClassDeclaration = [{
    /// Dimensions of lhs (rhs) that are neither batch nor contracted, ascending.
    ::llvm::SmallVector<int64_t> getLhsFree();
    ::llvm::SmallVector<int64_t> getRhsFree();
  }];
}

//===------------------------------------------------------------------------------------------===//
// Re-indexing: no arithmetic
//===------------------------------------------------------------------------------------------===//

def DL_BroadcastOp : DL_Op<"broadcast", [Pure, DL_Differentiable]> {
  let summary = "repeats a tensor along new or unit dimensions";
  let description = [{
    Dimension i of the operand becomes dimension dims[i] of the result; the others repeat it.
    Example, a bias: `%y = dl.broadcast %b dims [1] : tensor<128xf32> -> tensor<?x128xf32>`
  }];
  let arguments = (ins DL_StoredTensor:$x, DenseI64ArrayAttr:$dims);
  let results = (outs DL_StoredTensor:$y);
  let assemblyFormat = "$x `dims` $dims attr-dict `:` type($x) `->` type($y)";
  let hasVerifier = 1;
  let hasFolder = 1;
  let hasCanonicalizer = 1;
}

def DL_ReshapeOp : DL_Op<"reshape", [Pure, DL_Differentiable]> {
  let summary = "the same elements in row-major order under another shape";
  let description = "The batch stays in front. Example: `%y = dl.reshape %x : tensor<?x28x28xf32> -> tensor<?x784xf32>`";
  let arguments = (ins DL_StoredTensor:$x);
  let results = (outs DL_StoredTensor:$y);
  let assemblyFormat = "$x attr-dict `:` type($x) `->` type($y)";
  let hasVerifier = 1;
  let hasFolder = 1;
  let hasCanonicalizer = 1;
}

def DL_TransposeOp : DL_Op<"transpose", [Pure, DL_Differentiable]> {
  let summary = "permutes dimensions";
  let description = [{
    Dimension i of the result is dimension permutation[i] of the operand.
    Example: `%y = dl.transpose %x [1, 0] : tensor<3x4xf32> -> tensor<4x3xf32>`
  }];
  let arguments = (ins DL_StoredTensor:$x, DenseI64ArrayAttr:$permutation);
  let results = (outs DL_StoredTensor:$y);
  let assemblyFormat = "$x $permutation attr-dict `:` type($x) `->` type($y)";
  let hasVerifier = 1;
  let hasFolder = 1;
  let builders = [OpBuilder<(ins "::mlir::Value":$x, "::llvm::ArrayRef<int64_t>":$permutation)>];
}

def DL_SliceOp : DL_Op<"slice", [Pure, DL_Differentiable]> {
  let summary = "a regular part of a tensor";
  let description = [{
    Takes size(y)[d] elements from starts[d], strides[d] apart; the batch is taken whole.
    Example: `%y = dl.slice %x starts [2] strides [1] : tensor<9xf32> -> tensor<3xf32>`
  }];
  let arguments = (ins DL_Tensor:$x, DenseI64ArrayAttr:$starts, DenseI64ArrayAttr:$strides);
  let results = (outs DL_Tensor:$y);
  let assemblyFormat = "$x `starts` $starts `strides` $strides attr-dict `:` type($x) `->` type($y)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

def DL_PadOp : DL_Op<"pad", [Pure, DL_Differentiable]> {
  let summary = "a tensor inside a larger one of zeros";
  let description = [{
    Element i of dimension d goes to low[d] + i * (1 + interior[d]). The size of the result says how much follows.
    Example: `%y = dl.pad %x low [1] interior [0] : tensor<3xf32> -> tensor<5xf32>`
  }];
  let arguments = (ins DL_Tensor:$x, DenseI64ArrayAttr:$low, DenseI64ArrayAttr:$interior);
  let results = (outs DL_Tensor:$y);
  let assemblyFormat = "$x `low` $low `interior` $interior attr-dict `:` type($x) `->` type($y)";
  let hasVerifier = 1;
}

def DL_ConcatOp : DL_Op<"concat", [Pure, DL_Differentiable]> {
  let summary = "tensors one after the other along a dimension";
  let description = "Example: `%y = dl.concat %a, %b dim 0 : (tensor<2xf32>, tensor<3xf32>) -> tensor<5xf32>`";
  let arguments = (ins Variadic<DL_Tensor>:$parts, I64Attr:$dim);
  let results = (outs DL_Tensor:$y);
  let assemblyFormat = "$parts `dim` $dim attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def DL_GatherOp : DL_Op<"gather", [Pure, DL_Differentiable]> {
  let summary = "rows of a table by number";
  let description = [{
    y[i..., r...] = table[indices[i...], r...]; a number outside the table takes the nearest row.
    Example: `%y = dl.gather %table, %i : (tensor<65x128xf32>, tensor<?x64xi32>) -> tensor<?x64x128xf32>`
  }];
  let arguments = (ins DL_Tensor:$table, DL_IndexTensor:$indices);
  let results = (outs DL_Tensor:$y);
  let assemblyFormat = "$table `,` $indices attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def DL_ScatterAddOp : DL_Op<"scatter_add", [Pure, DL_Differentiable]> {
  let summary = "adds rows into a table of zeros by number, in order: gather's gradient";
  let description = [{
    y[k, r...] = sum of updates[i..., r...] over all i with indices[i...] = k (numbers outside count as the nearest).
    Example: `%y = dl.scatter_add %i, %u : (tensor<?xi32>, tensor<?x8xf32>) -> tensor<65x8xf32>`
  }];
  let arguments = (ins DL_IndexTensor:$indices, DL_FloatTensor:$updates);
  let results = (outs DL_FloatTensor:$y);
  let assemblyFormat = "$indices `,` $updates attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

//===------------------------------------------------------------------------------------------===//
// Sources
//===------------------------------------------------------------------------------------------===//

def DL_ConstantOp : DL_Op<"constant", [Pure, ConstantLike, AllTypesMatch<["value", "y"]>]> {
  let summary = "numbers known at compile time";
  let description = "Example: `%y = dl.constant dense<1.0> : tensor<f32>`";
  let arguments = (ins ElementsAttr:$value);
  let results = (outs DL_Tensor:$y);
  let assemblyFormat = "attr-dict $value";
  let hasFolder = 1;
}

def DL_IotaOp : DL_Op<"iota", [Pure]> {
  let summary = "each element's own index along a dimension";
  let description = "Along the batch it is the row in the batch. Example: `%y = dl.iota dim 0 : tensor<10xi32>`";
  let arguments = (ins I64Attr:$dim);
  let results = (outs DL_Tensor:$y);
  let assemblyFormat = "`dim` $dim attr-dict `:` type($y)";
  let hasVerifier = 1;
}

def DL_RandomOp : DL_Op<"random", [Pure]> {
  let summary = "random numbers";
  let description = [{
    Philox4x32-10 keyed by the run's seed; the counter is the element, the training step and `stream`, which the frontend
    numbers through the program. `uniform` is in [0, 1), `normal` has mean 0 and deviation 1.
    Example: `%y = dl.random "normal" stream 3 : tensor<4xf32>`
  }];
  let arguments = (ins StrAttr:$distribution, I64Attr:$stream);
  let results = (outs DL_FloatTensor:$y);
  let assemblyFormat = "$distribution `stream` $stream attr-dict `:` type($y)";
  let hasVerifier = 1;
}

def DL_RuntimeOp : DL_Op<"runtime", [Pure]> {
  let summary = "a number that the runtime knows";
  let description = [{
    One of `rows` (of this batch), `total_rows` (of the whole pass), `step` (from 1), `total_steps`, `epoch` (from 1).
    Example: `%t = dl.runtime "step" : tensor<f32>`
  }];
  let arguments = (ins StrAttr:$name);
  let results = (outs DL_Tensor:$y);
  let assemblyFormat = "$name attr-dict `:` type($y)";
  let hasVerifier = 1;
}

//===------------------------------------------------------------------------------------------===//
// What lives across calls
//===------------------------------------------------------------------------------------------===//

def DL_VariableOp : DL_Op<"variable", [Symbol]> {
  let summary = "a tensor that lives across calls";
  let description = [{
    `kind` is `param`, `state`, `optimizer`, `fitted` or `accumulator` (of a streamed function).
    Example: `dl.variable @w "param" : tensor<784x128xf32>`
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, StrAttr:$kind, TypeAttrOf<DL_Tensor>:$type);
  let assemblyFormat = "$sym_name $kind attr-dict `:` $type";
  let hasVerifier = 1;
}

def DL_FieldOp : DL_Op<"field", [Symbol]> {
  let summary = "one field of the data: the type of one example";
  let description = "Example: `dl.field @image : tensor<28x28xi8>`";
  let arguments = (ins SymbolNameAttr:$sym_name, TypeAttrOf<DL_Tensor>:$type);
  let assemblyFormat = "$sym_name attr-dict `:` $type";
  let hasVerifier = 1;
}

def DL_ReadOp : DL_Op<"read", [MemoryEffects<[MemRead]>, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "a variable's value from before the call";
  let description = "Example: `%w = dl.read @w : tensor<784x128xf32>`";
  let arguments = (ins FlatSymbolRefAttr:$variable);
  let results = (outs DL_Tensor:$y);
  let assemblyFormat = "$variable attr-dict `:` type($y)";
}

def DL_AssignOp : DL_Op<"assign", [MemoryEffects<[MemWrite]>, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "gives a variable its value for the next call";
  let description = "Example: `dl.assign @w, %new : tensor<784x128xf32>`";
  let arguments = (ins FlatSymbolRefAttr:$variable, DL_Tensor:$x);
  let assemblyFormat = "$variable `,` $x attr-dict `:` type($x)";
}

def DL_InputOp : DL_Op<"input", [Pure, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "the batch's rows of a field";
  let description = "Example: `%x = dl.input @image : tensor<?x28x28xi8>`";
  let arguments = (ins FlatSymbolRefAttr:$field);
  let results = (outs DL_Tensor:$y);
  let assemblyFormat = "$field attr-dict `:` type($y)";
}

def DL_OutputOp : DL_Op<"output", [MemoryEffects<[MemWrite]>]> {
  let summary = "names a result of the function";
  let description = "Example: `dl.output \"loss\", %loss : tensor<f32>`";
  let arguments = (ins StrAttr:$name, DL_Tensor:$x);
  let assemblyFormat = "$name `,` $x attr-dict `:` type($x)";
}

//===------------------------------------------------------------------------------------------===//
// Structure
//===------------------------------------------------------------------------------------------===//

def DL_YieldOp : DL_Op<"yield", [Pure, Terminator, ParentOneOf<["GradOp", "KernelOp"]>]> {
  let summary = "the results of a region";
  let description = [{
    Example:
    ```mlir
    %y = dl.kernel "map" "map batch: exp" (%x) {
    ^bb0(%a: tensor<?xf32>):
      %b = dl.exp %a : tensor<?xf32>
      dl.yield %b : tensor<?xf32>
    } : (tensor<?xf32>) -> tensor<?xf32>
    ```
  }];
  let arguments = (ins Variadic<DL_StoredTensor>:$values);
  let assemblyFormat = "($values^ `:` type($values))? attr-dict";
}

def DL_GradOp : DL_Op<"grad", [Pure, SingleBlock, RecursiveMemoryEffects]> {
  let summary = "the derivative of a region's first result";
  let description = [{
    The region computes from its arguments (the operands) and from values outside; its first yielded value is
    differentiated with respect to the arguments, seeded with ones: for a tensor it is the derivative of the sum. Results
    are the yielded values, then one derivative for each operand. The pass `dl-differentiate` replaces the op, innermost
    first, by forward and backward ops.

    Example:
    ```mlir
    %y, %dx = dl.grad (%x) {
    ^bb0(%a: tensor<f32>):
      %b = dl.exp %a : tensor<f32>
      dl.yield %b : tensor<f32>
    } : (tensor<f32>) -> (tensor<f32>, tensor<f32>)
    ```
  }];
  let arguments = (ins Variadic<DL_FloatTensor>:$at);
  let regions = (region SizedRegion<1>:$body);
  let results = (outs Variadic<DL_Tensor>:$results);
  let assemblyFormat = "`(` $at `)` $body attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def DL_KernelOp : DL_Op<"kernel", [SingleBlock, IsolatedFromAbove, RecursiveMemoryEffects]> {
  let summary = "ops that are done in one loop nest";
  let description = [{
    `kind` is `map`, `rows`, `reduce`, `contract` or `scatter` (docs/Architecture.md). Operands are tensors in memory; the
    region's arguments stand for them, maybe under another shape of the same size; what it yields is written to memory.

    Example, a bias and an activation behind a product:
    ```mlir
    %y = dl.kernel "contract" "contract batchx4 k=8: dot add max" (%x, %w, %b) {
    ^bb0(%lhs: tensor<?x8xf32>, %rhs: tensor<8x4xf32>, %bias: tensor<4xf32>):
      %p = dl.dot %lhs, %rhs contract [1] x [0] : (tensor<?x8xf32>, tensor<8x4xf32>) -> tensor<?x4xf32>
      %r = dl.broadcast %bias dims [1] : tensor<4xf32> -> tensor<?x4xf32>
      %s = dl.add %p, %r : tensor<?x4xf32>
      %t = dl.tanh %s : tensor<?x4xf32>
      dl.yield %t : tensor<?x4xf32>
    } : (tensor<?x8xf32>, tensor<8x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
    ```
  }];
  let arguments = (ins Variadic<DL_StoredTensor>:$inputs, StrAttr:$kind, StrAttr:$label);
  let regions = (region SizedRegion<1>:$body);
  let results = (outs Variadic<DL_StoredTensor>:$results);
  let assemblyFormat = "$kind $label `(` $inputs `)` $body attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

#endif
