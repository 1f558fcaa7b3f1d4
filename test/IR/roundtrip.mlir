// RUN: dlc-opt %s | dlc-opt | FileCheck %s
dl.variable @w "param" : tensor<4x8xf32>
dl.field @x : tensor<4xi8>
// CHECK-LABEL: func.func @f
func.func @f() {
  // CHECK: dl.input @x : tensor<?x4xi8>
  %x8 = dl.input @x : tensor<?x4xi8>
  // CHECK: dl.cast %{{.*}} : tensor<?x4xi8> -> tensor<?x4xf32>
  %x = dl.cast %x8 : tensor<?x4xi8> -> tensor<?x4xf32>
  %w = dl.read @w : tensor<4x8xf32>
  // CHECK: dl.dot %{{.*}}, %{{.*}} contract [1] x [0] : (tensor<?x4xf32>, tensor<4x8xf32>) -> tensor<?x8xf32>
  %y = dl.dot %x, %w contract [1] x [0] : (tensor<?x4xf32>, tensor<4x8xf32>) -> tensor<?x8xf32>
  // CHECK: dl.reduce_sum %{{.*}} dims [1] : tensor<?x8xf32> -> tensor<?xf32>
  %s = dl.reduce_sum %y dims [1] : tensor<?x8xf32> -> tensor<?xf32>
  // CHECK: dl.output "y", %{{.*}} : tensor<?xf32>
  dl.output "y", %s : tensor<?xf32>
  return
}
// Products of operands of 16 bits are summed in f32.
// CHECK-LABEL: func.func @half
func.func @half(%x: tensor<?x4xf32>, %w: tensor<8x4xf16>) {
  // CHECK: dl.cast %{{.*}} : tensor<?x4xf32> -> tensor<?x4xbf16>
  %b = dl.cast %x : tensor<?x4xf32> -> tensor<?x4xbf16>
  // CHECK: dl.dot %{{.*}} : (tensor<?x4xbf16>, tensor<?x4xbf16>) -> tensor<4x4xf32>
  %g = dl.dot %b, %b contract [0] x [0] : (tensor<?x4xbf16>, tensor<?x4xbf16>) -> tensor<4x4xf32>
  // CHECK: dl.transpose %{{.*}} [1, 0] : tensor<8x4xf16> -> tensor<4x8xf16>
  %t = dl.transpose %w [1, 0] : tensor<8x4xf16> -> tensor<4x8xf16>
  // CHECK: dl.copy %{{.*}} : tensor<4x8xf16>
  %c = dl.copy %t : tensor<4x8xf16>
  // CHECK: dl.dot %{{.*}} : (tensor<8x4xf16>, tensor<4x8xf16>) -> tensor<8x8xf32>
  %s = dl.dot %w, %c contract [1] x [0] : (tensor<8x4xf16>, tensor<4x8xf16>) -> tensor<8x8xf32>
  return
}
