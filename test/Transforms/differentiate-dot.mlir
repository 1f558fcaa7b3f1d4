// RUN: dlc-opt %s -dl-differentiate | FileCheck %s
// A product over the batch: the batch is in front of both derivatives, though it is last of what rhs leaves to lhs.
// CHECK-LABEL: func.func @over_batch
func.func @over_batch(%x: tensor<?x3xf32>, %w: tensor<?x4xf32>) -> (tensor<?x3xf32>, tensor<?x4xf32>) {
  // CHECK: dl.dot {{.*}} (tensor<?x4xf32>, tensor<3x4xf32>) -> tensor<?x3xf32>
  // CHECK: dl.dot {{.*}} (tensor<?x3xf32>, tensor<3x4xf32>) -> tensor<?x4xf32>
  %r:3 = dl.grad (%x, %w) {
  ^bb0(%a: tensor<?x3xf32>, %b: tensor<?x4xf32>):
    %y = dl.dot %a, %b contract [0] x [0] : (tensor<?x3xf32>, tensor<?x4xf32>) -> tensor<3x4xf32>
    %s = dl.mul %y, %y : tensor<3x4xf32>
    %l = dl.reduce_sum %s dims [0, 1] : tensor<3x4xf32> -> tensor<f32>
    dl.yield %l : tensor<f32>
  } : (tensor<?x3xf32>, tensor<?x4xf32>) -> (tensor<f32>, tensor<?x3xf32>, tensor<?x4xf32>)
  return %r#1, %r#2 : tensor<?x3xf32>, tensor<?x4xf32>
}
