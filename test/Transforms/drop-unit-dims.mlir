// RUN: dlc-opt %s -dl-drop-unit-dims | FileCheck %s

// Arithmetic happens on the shape without dimensions of size 1; only views of the result have them.
// CHECK-LABEL: func.func @elementwise
// CHECK-SAME: %[[A:.*]]: tensor<?x1xf32>, %[[B:.*]]: tensor<?x1xf32>
func.func @elementwise(%a: tensor<?x1xf32>, %b: tensor<?x1xf32>) -> tensor<?x1xf32> {
  // CHECK-DAG: %[[A1:.*]] = dl.reshape %[[A]] : tensor<?x1xf32> -> tensor<?xf32>
  // CHECK-DAG: %[[B1:.*]] = dl.reshape %[[B]] : tensor<?x1xf32> -> tensor<?xf32>
  // CHECK: %[[S:.*]] = dl.add %[[A1]], %[[B1]] : tensor<?xf32>
  // CHECK: dl.exp %[[S]] : tensor<?xf32>
  // CHECK: dl.reshape %{{.*}} : tensor<?xf32> -> tensor<?x1xf32>
  %s = dl.add %a, %b : tensor<?x1xf32>
  %y = dl.exp %s : tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// CHECK-LABEL: func.func @reduction
func.func @reduction(%a: tensor<?x1x4x1xf32>) -> (tensor<?x1xf32>, tensor<?x1x4xf32>) {
  // CHECK: dl.reduce_sum %{{.*}} dims [1] : tensor<?x4xf32> -> tensor<?xf32>
  %s = dl.reduce_sum %a dims [2, 3] : tensor<?x1x4x1xf32> -> tensor<?x1xf32>
  // A sum over one element is that element.
  // CHECK-NOT: dl.reduce_max
  %m = dl.reduce_max %a dims [3] : tensor<?x1x4x1xf32> -> tensor<?x1x4xf32>
  return %s, %m : tensor<?x1xf32>, tensor<?x1x4xf32>
}

// CHECK-LABEL: func.func @views
func.func @views(%a: tensor<3x1xf32>) -> (tensor<1x3xf32>, tensor<1x3x2xf32>) {
  // A transposition that moves unit dimensions only is none.
  // CHECK-NOT: dl.transpose
  %t = dl.transpose %a [1, 0] : tensor<3x1xf32> -> tensor<1x3xf32>
  // CHECK: dl.broadcast %{{.*}} dims [0] : tensor<3xf32> -> tensor<3x2xf32>
  %b = dl.broadcast %a dims [1, 2] : tensor<3x1xf32> -> tensor<1x3x2xf32>
  return %t, %b : tensor<1x3xf32>, tensor<1x3x2xf32>
}

// CHECK-LABEL: func.func @random
func.func @random() -> tensor<1x5xf32> {
  // CHECK: dl.random "uniform" stream 2 : tensor<5xf32>
  %r = dl.random "uniform" stream 2 : tensor<1x5xf32>
  return %r : tensor<1x5xf32>
}

// A repeated scalar is made in its shape at once: its views and it must not chase each other.
// CHECK-LABEL: func.func @scalar
func.func @scalar(%s: tensor<f32>, %one: tensor<1xf32>) -> (tensor<?x1xf32>, tensor<1x3xf32>) {
  // CHECK: dl.broadcast %{{.*}} dims [] : tensor<f32> -> tensor<?x1xf32>
  %y = dl.broadcast %s dims [] : tensor<f32> -> tensor<?x1xf32>
  // CHECK: dl.broadcast %{{.*}} dims [] : tensor<f32> -> tensor<1x3xf32>
  %z = dl.broadcast %one dims [0] : tensor<1xf32> -> tensor<1x3xf32>
  return %y, %z : tensor<?x1xf32>, tensor<1x3xf32>
}
