// RUN: dlc-opt %s -split-input-file -verify-diagnostics
func.func @f(%x: tensor<2x3xf32>, %w: tensor<4x5xf32>) {
  // expected-error @+1 {{paired dimensions differ: 3 and 4}}
  %y = dl.dot %x, %w contract [1] x [0] : (tensor<2x3xf32>, tensor<4x5xf32>) -> tensor<2x5xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{changes the number of elements: 6 to 8}}
  %y = dl.reshape %x : tensor<2x3xf32> -> tensor<8xf32>
  return
}

// -----

func.func @f(%x: tensor<3xf32>) {
  // expected-error @+1 {{cannot stretch dimension 0}}
  %y = dl.broadcast %x dims [1] : tensor<3xf32> -> tensor<2x4xf32>
  return
}

// -----

func.func @f() {
  // expected-error @+1 {{knows no @w}}
  %w = dl.read @w : tensor<3xf32>
  return
}
