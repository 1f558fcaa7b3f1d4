//===- DLStructureOps.td - What lives across calls, and ops that hold others ------------------===//
#ifndef DLC_IR_DLSTRUCTUREOPS_TD
#define DLC_IR_DLSTRUCTUREOPS_TD

include "DLBase.td"

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
    `kind` is `map`, `rows`, `reduce`, `contract`, `scatter`, `sort` or `segments` (docs/Architecture.md). Operands are tensors in memory; the
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
