// RUN: dlc-opt %s -dl-simplify | FileCheck %s

// A repeated scalar goes to the right of a product, but so does a constant: they must not chase each other.
// CHECK-LABEL: func.func @constant_and_scale
func.func @constant_and_scale(%s: tensor<f32>) -> tensor<2xf32> {
  // CHECK: dl.mul
  %table = dl.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %r = dl.broadcast %s dims [] : tensor<f32> -> tensor<2xf32>
  %y = dl.mul %table, %r : tensor<2xf32>
  return %y : tensor<2xf32>
}
