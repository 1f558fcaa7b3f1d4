// RUN: dlc-opt %s -dl-differentiate | FileCheck %s
// A value that is used twice gets both contributions; what the broadcast repeated is summed.
// CHECK-LABEL: func.func @f
func.func @f(%x: tensor<3xf32>, %b: tensor<f32>) -> (tensor<3xf32>, tensor<f32>) {
  // CHECK-NOT: dl.grad
  // CHECK: dl.mul
  // CHECK: %[[DB:.*]] = dl.reduce_sum %{{.*}} dims [0] : tensor<3xf32> -> tensor<f32>
  // CHECK: dl.add
  %r:3 = dl.grad (%x, %b) {
  ^bb0(%xa: tensor<3xf32>, %ba: tensor<f32>):
    %bb = dl.broadcast %ba dims [] : tensor<f32> -> tensor<3xf32>
    %s = dl.mul %xa, %xa : tensor<3xf32>
    %t = dl.mul %s, %bb : tensor<3xf32>
    %l = dl.reduce_sum %t dims [0] : tensor<3xf32> -> tensor<f32>
    dl.yield %l : tensor<f32>
  } : (tensor<3xf32>, tensor<f32>) -> (tensor<f32>, tensor<3xf32>, tensor<f32>)
  return %r#1, %r#2 : tensor<3xf32>, tensor<f32>
}
