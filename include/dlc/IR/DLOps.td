//===- DLOps.td - The operations: one record each ---------------------------------------------===//
//
// What computes is here; what moves elements is in DLIndexingOps.td, what lives across calls or holds other ops in
// DLStructureOps.td.
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

include "DLBase.td"
include "DLIndexingOps.td"
include "DLStructureOps.td"

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

#endif
