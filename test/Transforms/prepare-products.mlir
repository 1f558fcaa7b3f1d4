// RUN: dlc-opt %s -dl-prepare-products | FileCheck %s

// A product with one column has nothing to reuse: it becomes a sum, which fuses.
// CHECK-LABEL: func.func @column
func.func @column(%x: tensor<?x8xf32>, %w: tensor<8x1xf32>) -> tensor<?x1xf32> {
  // CHECK-NOT: dl.dot
  // CHECK: dl.mul %{{.*}} : tensor<?x1x8xf32>
  // CHECK: dl.reduce_sum %{{.*}} dims [2] : tensor<?x1x8xf32> -> tensor<?x1xf32>
  %y = dl.dot %x, %w contract [1] x [0] : (tensor<?x8xf32>, tensor<8x1xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// So does one with a single term to sum.
// CHECK-LABEL: func.func @outer
func.func @outer(%x: tensor<?x1xf32>, %w: tensor<1x4xf32>) -> tensor<?x4xf32> {
  // CHECK-NOT: dl.dot
  // CHECK: dl.reduce_sum %{{.*}} dims [2] : tensor<?x4x1xf32> -> tensor<?x4xf32>
  %y = dl.dot %x, %w contract [1] x [0] : (tensor<?x1xf32>, tensor<1x4xf32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

// The batch stays in front where it is summed.
// CHECK-LABEL: func.func @over_batch
func.func @over_batch(%x: tensor<?x8xf32>, %d: tensor<?x1xf32>) -> tensor<8x1xf32> {
  // CHECK-NOT: dl.dot
  // CHECK: dl.reduce_sum %{{.*}} dims [0] : tensor<?x8x1xf32> -> tensor<8x1xf32>
  %y = dl.dot %x, %d contract [0] x [0] : (tensor<?x8xf32>, tensor<?x1xf32>) -> tensor<8x1xf32>
  return %y : tensor<8x1xf32>
}

// CHECK-LABEL: func.func @product
func.func @product(%x: tensor<?x8xf32>, %w: tensor<8x4xf32>) -> tensor<?x4xf32> {
  // CHECK-NEXT: dl.dot %arg0, %arg1 contract [1] x [0]
  %y = dl.dot %x, %w contract [1] x [0] : (tensor<?x8xf32>, tensor<8x4xf32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

// The right side is read along its last dimension: where that is summed, a transposed copy takes its place.
// CHECK-LABEL: func.func @transposed
func.func @transposed(%x: tensor<?x4xf32>, %w: tensor<8x4xf32>) -> tensor<?x8xf32> {
  // CHECK: %[[COPY:.*]] = dl.transpose %arg1 [1, 0]
  // CHECK: dl.dot %arg0, %[[COPY]] contract [1] x [0]
  %y = dl.dot %x, %w contract [1] x [1] : (tensor<?x4xf32>, tensor<8x4xf32>) -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}
