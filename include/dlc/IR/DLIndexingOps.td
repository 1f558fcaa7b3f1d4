//===- DLIndexingOps.td - Ops that move elements ----------------------------------------------===//
#ifndef DLC_IR_DLINDEXINGOPS_TD
#define DLC_IR_DLINDEXINGOPS_TD

include "DLBase.td"

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

def DL_SortOp : DL_Op<"sort", [Pure]> {
  let summary = "numbers of rows with their positions, sorted chunk by chunk";
  let description = [{
    The result is [chunks, size]. Chunk c holds, smallest first, the key `row * size + p % size` of each position p of the
    indices (in row-major order) with p / size = c, where row is the number there, or the nearest in [0, rows). So equal
    numbers stay in order. Behind the last position keys are the largest i32. GPUs sort (dl-sort-scatters).
    Example: `%k = dl.sort %i rows 65 : tensor<?x64xi32> -> tensor<4x1024xi32>`
  }];
  let arguments = (ins DL_IndexTensor:$indices, I64Attr:$rows);
  let results = (outs DL_IndexTensor:$keys);
  let assemblyFormat = "$indices `rows` $rows attr-dict `:` type($indices) `->` type($keys)";
  let hasVerifier = 1;
}

def DL_SegmentSumOp : DL_Op<"segment_sum", [Pure]> {
  let summary = "scatter_add, told by sorted keys which rows are for whom";
  let description = [{
    y[k, r...] = sum of updates[i..., r...], in order, over the positions i with a key of row k, as dl.sort makes them.
    Example: `%y = dl.segment_sum %k, %u : (tensor<4x1024xi32>, tensor<?x64x8xf32>) -> tensor<65x8xf32>`
  }];
  let arguments = (ins DL_IndexTensor:$keys, DL_FloatTensor:$updates);
  let results = (outs DL_FloatTensor:$y);
  let assemblyFormat = "$keys `,` $updates attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// The dimensions of the updates that number them.
    ::llvm::ArrayRef<int64_t> getIndexShape();
  }];
}

#endif
