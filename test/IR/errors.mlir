// RUN: dlc-opt %s -split-input-file -verify-diagnostics
// What each verifier refuses.
func.func @f(%x: tensor<2x3xf32>, %w: tensor<4x5xf32>) {
  // expected-error @+1 {{paired dimensions differ: 3 and 4}}
  %y = dl.dot %x, %w contract [1] x [0] : (tensor<2x3xf32>, tensor<4x5xf32>) -> tensor<2x5xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>, %w: tensor<3x5xf32>) {
  // expected-error @+1 {{batch and contracted dimensions do not pair up}}
  %y = dl.dot %x, %w contract [1] x [0, 1] : (tensor<2x3xf32>, tensor<3x5xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>, %w: tensor<3x5xf64>) {
  // expected-error @+1 {{operands differ in element type}}
  %y = dl.dot %x, %w contract [1] x [0] : (tensor<2x3xf32>, tensor<3x5xf64>) -> tensor<2x5xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>, %w: tensor<3x5xf32>) {
  // expected-error @+1 {{result should be 'tensor<2x5xf32>'}}
  %y = dl.dot %x, %w contract [1] x [0] : (tensor<2x3xf32>, tensor<3x5xf32>) -> tensor<5x2xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{changes the number of elements: 6 to 8}}
  %y = dl.reshape %x : tensor<2x3xf32> -> tensor<8xf32>
  return
}

// -----

func.func @f(%x: tensor<?x3xf32>) {
  // expected-error @+1 {{the batch stays in front}}
  %y = dl.reshape %x : tensor<?x3xf32> -> tensor<3xf32>
  return
}

// -----

func.func @f(%x: tensor<2xf32>) {
  // expected-error @+1 {{cannot change the element type}}
  %y = dl.reshape %x : tensor<2xf32> -> tensor<2xi32>
  return
}

// -----

func.func @f(%x: tensor<3xf32>) {
  // expected-error @+1 {{cannot stretch dimension 0}}
  %y = dl.broadcast %x dims [1] : tensor<3xf32> -> tensor<2x4xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{needs one ascending dimension of the result for each of the operand}}
  %y = dl.broadcast %x dims [1, 0] : tensor<2x3xf32> -> tensor<3x2xf32>
  return
}

// -----

func.func @f(%x: tensor<3xf32>) {
  // expected-error @+1 {{cannot change the element type}}
  %y = dl.broadcast %x dims [1] : tensor<3xf32> -> tensor<2x3xf64>
  return
}

// -----

func.func @f(%x: tensor<3xf32>) {
  // expected-error @+1 {{no unknown dimension but a leading batch}}
  %y = dl.broadcast %x dims [0] : tensor<3xf32> -> tensor<3x?xf32>
  return
}

// -----

func.func @f(%x: tensor<3x?xf32>) {
  // expected-error @+1 {{no unknown dimension but a leading batch}}
  %y = dl.exp %x : tensor<3x?xf32>
  return
}

// -----

func.func @f(%x: tensor<3xi32>) {
  // expected-error @+1 {{must be tensor of f32 or f64}}
  %y = dl.exp %x : tensor<3xi32>
  return
}

// -----

func.func @f(%x: tensor<3xi32>) {
  // expected-error @+1 {{must be tensor of f32 or f64}}
  %y = dl.pow %x, %x : tensor<3xi32>
  return
}

// -----

func.func @f(%x: tensor<3xf32>) {
  // expected-error @+1 {{must be tensor of i1}}
  %y = dl.and %x, %x : tensor<3xf32>
  return
}

// -----

func.func @f(%x: tensor<3xf32>) {
  // expected-error @+1 {{must be tensor of i1}}
  %y = dl.not %x : tensor<3xf32>
  return
}

// -----

func.func @f(%x: tensor<3xi16>) {
  // expected-error @+1 {{must be tensor of f32, f64, i32, i8 or i1}}
  %y = dl.neg %x : tensor<3xi16>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{needs a permutation of its dimensions}}
  %y = dl.transpose %x [0, 0] : tensor<2x3xf32> -> tensor<2x2xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{result dimension 0 should be 3}}
  %y = dl.transpose %x [1, 0] : tensor<2x3xf32> -> tensor<2x3xf32>
  return
}

// -----

func.func @f(%x: tensor<?x3xf32>) {
  // expected-error @+1 {{no unknown dimension but a leading batch}}
  %y = dl.transpose %x [1, 0] : tensor<?x3xf32> -> tensor<3x?xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{cannot change the element type}}
  %y = dl.transpose %x [1, 0] : tensor<2x3xf32> -> tensor<3x2xi32>
  return
}

// -----

func.func @f(%x: tensor<9xf32>) {
  // expected-error @+1 {{reaches outside dimension 0}}
  %y = dl.slice %x starts [7] strides [1] : tensor<9xf32> -> tensor<3xf32>
  return
}

// -----

func.func @f(%x: tensor<?xf32>) {
  // expected-error @+1 {{takes the batch whole}}
  %y = dl.slice %x starts [1] strides [1] : tensor<?xf32> -> tensor<?xf32>
  return
}

// -----

func.func @f(%x: tensor<9xf32>) {
  // expected-error @+1 {{needs a start and a stride for each dimension}}
  %y = dl.slice %x starts [7] strides [1, 1] : tensor<9xf32> -> tensor<2xf32>
  return
}

// -----

func.func @f(%x: tensor<9xf32>) {
  // expected-error @+1 {{cannot change the element type}}
  %y = dl.slice %x starts [7] strides [1] : tensor<9xf32> -> tensor<2xf64>
  return
}

// -----

func.func @f(%x: tensor<3xf32>) {
  // expected-error @+1 {{does not fit into dimension 0}}
  %y = dl.pad %x low [1] interior [1] : tensor<3xf32> -> tensor<5xf32>
  return
}

// -----

func.func @f(%x: tensor<?xf32>) {
  // expected-error @+1 {{cannot pad the batch}}
  %y = dl.pad %x low [1] interior [0] : tensor<?xf32> -> tensor<?xf32>
  return
}

// -----

func.func @f(%x: tensor<3xf32>) {
  // expected-error @+1 {{needs 'low' and 'interior' for each dimension}}
  %y = dl.pad %x low [] interior [] : tensor<3xf32> -> tensor<5xf32>
  return
}

// -----

func.func @f(%x: tensor<3xf32>) {
  // expected-error @+1 {{cannot change the element type}}
  %y = dl.pad %x low [1] interior [0] : tensor<3xf32> -> tensor<5xi32>
  return
}

// -----

func.func @f(%x: tensor<3xf32>, %y: tensor<2xf32>) {
  // expected-error @+1 {{result should have size 5}}
  %z = dl.concat %x, %y dim 0 : (tensor<3xf32>, tensor<2xf32>) -> tensor<6xf32>
  return
}

// -----

func.func @f(%x: tensor<3xf32>, %y: tensor<2xi32>) {
  // expected-error @+1 {{cannot change the element type}}
  %z = dl.concat %x, %y dim 0 : (tensor<3xf32>, tensor<2xi32>) -> tensor<5xf32>
  return
}

// -----

func.func @f(%x: tensor<3xf32>) {
  // expected-error @+1 {{cannot join along dimension 1}}
  %z = dl.concat %x, %x dim 1 : (tensor<3xf32>, tensor<3xf32>) -> tensor<6xf32>
  return
}

// -----

func.func @f(%x: tensor<3x1xf32>, %y: tensor<3x2xf32>) {
  // expected-error @+1 {{operands differ in dimension 1}}
  %z = dl.concat %x, %y dim 0 : (tensor<3x1xf32>, tensor<3x2xf32>) -> tensor<6x2xf32>
  return
}

// -----

func.func @f(%t: tensor<4x8xf32>, %i: tensor<3xi32>) {
  // expected-error @+1 {{result has the wrong shape}}
  %y = dl.gather %t, %i : (tensor<4x8xf32>, tensor<3xi32>) -> tensor<4x8xf32>
  return
}

// -----

func.func @f(%t: tensor<4x8xf32>, %i: tensor<3xi32>) {
  // expected-error @+1 {{cannot change the element type}}
  %y = dl.gather %t, %i : (tensor<4x8xf32>, tensor<3xi32>) -> tensor<3x8xf64>
  return
}

// -----

func.func @f(%t: tensor<?x8xf32>, %i: tensor<3xi32>) {
  // expected-error @+1 {{needs a table of at least one row}}
  %y = dl.gather %t, %i : (tensor<?x8xf32>, tensor<3xi32>) -> tensor<3x8xf32>
  return
}

// -----

func.func @f(%t: tensor<4x8xf32>, %i: tensor<3xf32>) {
  // expected-error @+1 {{must be tensor of i32}}
  %y = dl.gather %t, %i : (tensor<4x8xf32>, tensor<3xf32>) -> tensor<3x8xf32>
  return
}

// -----

func.func @f(%i: tensor<3xi32>, %u: tensor<2x8xf32>) {
  // expected-error @+1 {{updates have the wrong shape}}
  %y = dl.scatter_add %i, %u : (tensor<3xi32>, tensor<2x8xf32>) -> tensor<4x8xf32>
  return
}

// -----

func.func @f(%i: tensor<3xi32>, %u: tensor<3x8xf32>) {
  // expected-error @+1 {{cannot change the element type}}
  %y = dl.scatter_add %i, %u : (tensor<3xi32>, tensor<3x8xf32>) -> tensor<4x8xf64>
  return
}

// -----

func.func @f(%i: tensor<3xi32>) {
  // expected-error @+1 {{makes chunks of a power of two}}
  %k = dl.sort %i rows 4 : tensor<3xi32> -> tensor<1x48xi32>
  return
}

// -----

func.func @f(%i: tensor<3xi32>) {
  // expected-error @+1 {{has no keys of 32 bits for 2097152 rows}}
  %k = dl.sort %i rows 2097152 : tensor<3xi32> -> tensor<1x1024xi32>
  return
}

// -----

func.func @f(%i: tensor<3xi32>) {
  // expected-error @+1 {{has no keys of 32 bits for 0 rows}}
  %k = dl.sort %i rows 0 : tensor<3xi32> -> tensor<1x1024xi32>
  return
}

// -----

func.func @f(%i: tensor<33xi32>) {
  // expected-error @+1 {{has room for 32 of 33 indices}}
  %k = dl.sort %i rows 4 : tensor<33xi32> -> tensor<2x16xi32>
  return
}

// -----

func.func @f(%k: tensor<2x16xi32>, %u: tensor<20x8xf32>) {
  // expected-error @+1 {{updates have the wrong shape}}
  %y = dl.segment_sum %k, %u : (tensor<2x16xi32>, tensor<20x8xf32>) -> tensor<4x9xf32>
  return
}

// -----

func.func @f(%k: tensor<32xi32>, %u: tensor<20x8xf32>) {
  // expected-error @+1 {{needs chunks of a power of two}}
  %y = dl.segment_sum %k, %u : (tensor<32xi32>, tensor<20x8xf32>) -> tensor<4x8xf32>
  return
}

// -----

func.func @f(%k: tensor<2x16xi32>, %u: tensor<20x8xf32>) {
  // expected-error @+1 {{cannot change the element type}}
  %y = dl.segment_sum %k, %u : (tensor<2x16xi32>, tensor<20x8xf32>) -> tensor<4x8xf64>
  return
}

// -----

func.func @f(%k: tensor<2x16xi32>, %u: tensor<20xf32>) {
  // expected-error @+1 {{needs a table of at least one row}}
  %y = dl.segment_sum %k, %u : (tensor<2x16xi32>, tensor<20xf32>) -> tensor<f32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{needs ascending dimensions of its operand}}
  %y = dl.reduce_sum %x dims [1, 0] : tensor<2x3xf32> -> tensor<f32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{needs ascending dimensions of its operand}}
  %y = dl.reduce_max %x dims [2] : tensor<2x3xf32> -> tensor<2x3xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{result should be 'tensor<2xf32>'}}
  %y = dl.reduce_min %x dims [1] : tensor<2x3xf32> -> tensor<3xf32>
  return
}

// -----

func.func @f() {
  // expected-error @+1 {{has no dimension 1}}
  %y = dl.iota dim 1 : tensor<3xi32>
  return
}

// -----

func.func @f() {
  // expected-error @+1 {{knows the distributions 'uniform' and 'normal'}}
  %y = dl.random "cauchy" stream 0 : tensor<3xf32>
  return
}

// -----

func.func @f() {
  // expected-error @+1 {{unknown number 'day'}}
  %y = dl.runtime "day" : tensor<f32>
  return
}

// -----

func.func @f() {
  // expected-error @+1 {{is a scalar}}
  %y = dl.runtime "step" : tensor<1xf32>
  return
}

// -----

func.func @f() {
  // expected-error @+1 {{knows no @w}}
  %w = dl.read @w : tensor<3xf32>
  return
}

// -----

dl.variable @w "param" : tensor<4xf32>
func.func @f(%x: tensor<3xf32>) {
  // expected-error @+1 {{type should be 'tensor<4xf32>'}}
  dl.assign @w, %x : tensor<3xf32>
  return
}

// -----

dl.field @x : tensor<4xf32>
func.func @f() {
  // expected-error @+1 {{type should be 'tensor<?x4xf32>'}}
  %x = dl.input @x : tensor<4xf32>
  return
}

// -----

// expected-error @+1 {{is of no known kind: 'weight'}}
dl.variable @w "weight" : tensor<4xf32>

// -----

// expected-error @+1 {{has a size that is known}}
dl.variable @w "param" : tensor<?xf32>

// -----

// expected-error @+1 {{is declared as one example, without the batch}}
dl.field @x : tensor<?x4xf32>

// -----

func.func @f(%x: tensor<f32>) {
  // expected-error @+1 {{needs a value to differentiate}}
  %y:2 = dl.grad (%x) {
  ^bb0(%a: tensor<f32>):
    dl.yield
  } : (tensor<f32>) -> (tensor<f32>, tensor<f32>)
  return
}

// -----

func.func @f(%x: tensor<f32>) {
  // expected-error @+1 {{region arguments should be the operands}}
  %y:2 = dl.grad (%x) {
  ^bb0(%a: tensor<f64>):
    dl.yield %a : tensor<f64>
  } : (tensor<f32>) -> (tensor<f64>, tensor<f32>)
  return
}

// -----

func.func @f(%x: tensor<f32>) {
  // expected-error @+1 {{results should be the yielded values and one derivative for each operand}}
  %y:2 = dl.grad (%x) {
  ^bb0(%a: tensor<f32>):
    dl.yield %a : tensor<f32>
  } : (tensor<f32>) -> (tensor<f32>, tensor<f64>)
  return
}

// -----

func.func @f(%x: tensor<f32>, %i: tensor<i32>) {
  // expected-error @+1 {{can only differentiate a floating-point value}}
  %y:2 = dl.grad (%x) {
  ^bb0(%a: tensor<f32>):
    dl.yield %i : tensor<i32>
  } : (tensor<f32>) -> (tensor<i32>, tensor<f32>)
  return
}

// -----

func.func @f(%x: tensor<f32>) {
  // expected-error @+1 {{needs a value to differentiate}}
  %y:2 = dl.grad (%x) {
  ^bb0(%a: tensor<f32>):
    %b = dl.exp %a : tensor<f32>
  } : (tensor<f32>) -> (tensor<f32>, tensor<f32>)
  return
}

// -----

func.func @f(%x: tensor<4xf32>) {
  // expected-error @+1 {{is of no known kind: 'scan'}}
  %y = dl.kernel "scan" "label" (%x) {
  ^bb0(%a: tensor<4xf32>):
    %b = dl.exp %a : tensor<4xf32>
    dl.yield %b : tensor<4xf32>
  } : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @f(%x: tensor<4xf32>) {
  // expected-error @+1 {{does not hold the ops of its kind}}
  %y = dl.kernel "contract" "label" (%x) {
  ^bb0(%a: tensor<4xf32>):
    %b = dl.exp %a : tensor<4xf32>
    dl.yield %b : tensor<4xf32>
  } : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @f(%x: tensor<4xf32>) {
  // expected-error @+1 {{does not hold the ops of its kind}}
  %y = dl.kernel "segments" "label" (%x) {
  ^bb0(%a: tensor<4xf32>):
    %b = dl.exp %a : tensor<4xf32>
    dl.yield %b : tensor<4xf32>
  } : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @f(%x: tensor<4xf32>) {
  // expected-error @+1 {{does not hold the ops of its kind}}
  %y = dl.kernel "sort" "label" (%x) {
  ^bb0(%a: tensor<4xf32>):
    %b = dl.exp %a : tensor<4xf32>
    dl.yield %b : tensor<4xf32>
  } : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @f(%x: tensor<4xf32>) {
  // expected-error @+1 {{does not hold the ops of its kind}}
  %y = dl.kernel "reduce" "label" (%x) {
  ^bb0(%a: tensor<4xf32>):
    %b = dl.exp %a : tensor<4xf32>
    dl.yield %b : tensor<4xf32>
  } : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @f(%x: tensor<4xf32>) {
  // expected-error @+1 {{does not hold the ops of its kind}}
  %y = dl.kernel "map" "label" (%x) {
  ^bb0(%a: tensor<4xf32>):
    %b = dl.reduce_sum %a dims [0] : tensor<4xf32> -> tensor<f32>
    dl.yield %b : tensor<f32>
  } : (tensor<4xf32>) -> tensor<f32>
  return
}

// -----

func.func @f(%x: tensor<4xf32>) {
  // expected-error @+1 {{needs a result}}
  %y = dl.kernel "map" "label" (%x) {
  ^bb0(%a: tensor<4xf32>):
    %b = dl.exp %a : tensor<4xf32>
  } : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @f(%x: tensor<4xf32>) {
  // expected-error @+1 {{results should be the yielded values}}
  %y = dl.kernel "map" "label" (%x) {
  ^bb0(%a: tensor<4xf32>):
    %b = dl.exp %a : tensor<4xf32>
    dl.yield %b : tensor<4xf32>
  } : (tensor<4xf32>) -> tensor<5xf32>
  return
}

// -----

func.func @f(%x: tensor<4xf32>) {
  // expected-error @+1 {{needs a region argument for each operand}}
  %y = dl.kernel "map" "label" (%x) {
  ^bb0(%a: tensor<4xf32>, %c: tensor<4xf32>):
    %b = dl.exp %a : tensor<4xf32>
    dl.yield %b : tensor<4xf32>
  } : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @f(%x: tensor<5xf32>) {
  // expected-error @+1 {{a region argument does not fit its operand}}
  %y = dl.kernel "map" "label" (%x) {
  ^bb0(%a: tensor<4xf32>):
    %b = dl.exp %a : tensor<4xf32>
    dl.yield %b : tensor<4xf32>
  } : (tensor<5xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @f(%x: tensor<4xf32>) {
  %y = dl.kernel "map" "label" (%x) {
  ^bb0(%a: tensor<4xf32>):
    // expected-error @+1 {{cannot be part of a kernel}}
    dl.output "y", %a : tensor<4xf32>
    %b = dl.exp %a : tensor<4xf32>
    dl.yield %b : tensor<4xf32>
  } : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

// expected-error @+1 {{expects parent op to be one of 'dl.grad, dl.kernel'}}
"dl.yield"() : () -> ()

// -----

func.func @f(%x: tensor<4xf32>) {
  // expected-error @+1 {{does not hold the ops of its kind}}
  %y = dl.kernel "rows" "label" (%x) {
  ^bb0(%a: tensor<4xf32>):
    %b = dl.exp %a : tensor<4xf32>
    dl.yield %b : tensor<4xf32>
  } : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @f(%x: tensor<4xf32>) {
  // expected-error @+1 {{has a result outside of its loops}}
  %y:2 = dl.kernel "map" "label" (%x) {
  ^bb0(%a: tensor<4xf32>):
    %b = dl.broadcast %a dims [1] : tensor<4xf32> -> tensor<2x4xf32>
    dl.yield %a, %b : tensor<4xf32>, tensor<2x4xf32>
  } : (tensor<4xf32>) -> (tensor<4xf32>, tensor<2x4xf32>)
  return
}

// -----

func.func @f(%x: tensor<3x4xf32>) {
  // expected-error @+1 {{has a result outside of its loops}}
  %y = dl.kernel "rows" "label" (%x) {
  ^bb0(%a: tensor<3x4xf32>):
    %b = dl.reduce_sum %a dims [0] : tensor<3x4xf32> -> tensor<4xf32>
    dl.yield %b : tensor<4xf32>
  } : (tensor<3x4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @f(%x: tensor<3x4xf32>, %v: tensor<4xf32>) {
  %y = dl.kernel "contract" "label" (%x, %v) {
  ^bb0(%a: tensor<3x4xf32>, %c: tensor<4xf32>):
    // expected-error @+1 {{cannot be part of a kernel}}
    %b = dl.dot %a, %c contract [1] x [0] : (tensor<3x4xf32>, tensor<4xf32>) -> tensor<3xf32>
    dl.yield %b : tensor<3xf32>
  } : (tensor<3x4xf32>, tensor<4xf32>) -> tensor<3xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xbf16>, %w: tensor<3x5xf16>) {
  // expected-error @+1 {{operands differ in element type}}
  %y = dl.dot %x, %w contract [1] x [0] : (tensor<2x3xbf16>, tensor<3x5xf16>) -> tensor<2x5xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xbf16>, %w: tensor<3x5xbf16>) {
  // expected-error @+1 {{result #0 must be tensor of f32 or f64}}
  %y = dl.dot %x, %w contract [1] x [0] : (tensor<2x3xbf16>, tensor<3x5xbf16>) -> tensor<2x5xbf16>
  return
}

// -----

func.func @f(%x: tensor<2x3xf16>) {
  // expected-error @+1 {{must be tensor of f32, f64, i32, i8 or i1}}
  %y = dl.add %x, %x : tensor<2x3xf16>
  return
}

// -----

// What users see is never of 16 bits.
// expected-error @+1 {{type attribute of tensor of f32, f64, i32, i8 or i1}}
dl.variable @w "param" : tensor<2x3xbf16>
