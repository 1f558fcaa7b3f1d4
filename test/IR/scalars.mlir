// RUN: dlc-opt %s | FileCheck %s
// Scalars have no dimension that could be the batch.
// CHECK-LABEL: func.func @scalars
func.func @scalars(%x: tensor<f32>, %v: tensor<3xf32>) -> (tensor<f32>, tensor<f32>, tensor<f32>) {
  // CHECK: dl.broadcast
  %a = dl.broadcast %x dims [] : tensor<f32> -> tensor<f32>
  // CHECK: dl.transpose
  %b = dl.transpose %x [] : tensor<f32> -> tensor<f32>
  // CHECK: dl.dot
  %c = dl.dot %v, %v contract [0] x [0] : (tensor<3xf32>, tensor<3xf32>) -> tensor<f32>
  return %a, %b, %c : tensor<f32>, tensor<f32>, tensor<f32>
}
