// RUN: dlc-opt %s -dl-plan-memory -convert-dl-kernels-to-loops -verify-diagnostics -split-input-file
// A processor's loops walk along the last dimension of a product's right-hand side.
dl.field @x : tensor<4xf32>
dl.variable @w "param" : tensor<3x4xf32>
func.func @transposed() attributes {dl.batch = 8 : i64} {
  %x = dl.input @x : tensor<?x4xf32>
  %w = dl.read @w : tensor<3x4xf32>
  %y = dl.kernel "contract" "label" (%x, %w) {
  ^bb0(%a: tensor<?x4xf32>, %b: tensor<3x4xf32>):
    // expected-error @+1 {{a processor's product reads its operands from memory, and its right-hand side along the last dimension}}
    %p = dl.dot %a, %b contract [1] x [1] : (tensor<?x4xf32>, tensor<3x4xf32>) -> tensor<?x3xf32>
    dl.yield %p : tensor<?x3xf32>
  } : (tensor<?x4xf32>, tensor<3x4xf32>) -> tensor<?x3xf32>
  dl.output "y", %y : tensor<?x3xf32>
  return
}

// -----

dl.field @x : tensor<4xf32>
dl.variable @w "param" : tensor<4x3xf32>
func.func @computed() attributes {dl.batch = 8 : i64} {
  %x = dl.input @x : tensor<?x4xf32>
  %w = dl.read @w : tensor<4x3xf32>
  %y = dl.kernel "contract" "label" (%x, %w) {
  ^bb0(%a: tensor<?x4xf32>, %b: tensor<4x3xf32>):
    %s = dl.mul %a, %a : tensor<?x4xf32>
    // expected-error @+1 {{a processor's product reads its operands from memory}}
    %p = dl.dot %s, %b contract [1] x [0] : (tensor<?x4xf32>, tensor<4x3xf32>) -> tensor<?x3xf32>
    dl.yield %p : tensor<?x3xf32>
  } : (tensor<?x4xf32>, tensor<4x3xf32>) -> tensor<?x3xf32>
  dl.output "y", %y : tensor<?x3xf32>
  return
}
