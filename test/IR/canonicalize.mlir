// RUN: dlc-opt %s -canonicalize | FileCheck %s
// What each op becomes for itself, without a pass that knows of it.

// CHECK-LABEL: func.func @identities
// CHECK-SAME: %[[X:.*]]: tensor<?x4xf32>, %[[I:.*]]: tensor<4xi32>
func.func @identities(%x: tensor<?x4xf32>, %i: tensor<4xi32>) -> (tensor<?x4xf32>, tensor<?x4xf32>, tensor<4xi32>) {
  %z = dl.constant dense<0.0> : tensor<f32>
  %o = dl.constant dense<1.0> : tensor<f32>
  %zero = dl.broadcast %z dims [] : tensor<f32> -> tensor<?x4xf32>
  %one = dl.broadcast %o dims [] : tensor<f32> -> tensor<?x4xf32>
  %a = dl.add %x, %zero : tensor<?x4xf32>
  %b = dl.sub %a, %zero : tensor<?x4xf32>
  %c = dl.mul %one, %b : tensor<?x4xf32>
  %d = dl.div %c, %one : tensor<?x4xf32>
  %e = dl.neg %x : tensor<?x4xf32>
  %f = dl.neg %e : tensor<?x4xf32>
  %k = dl.constant dense<1> : tensor<4xi32>
  %m = dl.mul %i, %k : tensor<4xi32>
  // CHECK-NEXT: return %[[X]], %[[X]], %[[I]]
  return %d, %f, %m : tensor<?x4xf32>, tensor<?x4xf32>, tensor<4xi32>
}

// Of constants with equal elements everything elementwise is computed; bytes wrap, quotients by zero are zero.
// CHECK-LABEL: func.func @constants
func.func @constants() -> (tensor<2xf32>, tensor<2xi8>, tensor<2xi32>, tensor<2xf32>, tensor<2xi1>) {
  %a = dl.constant dense<3.0> : tensor<2xf32>
  %b = dl.constant dense<-2.0> : tensor<2xf32>
  %m = dl.max %a, %b : tensor<2xf32>
  %s = dl.sub %m, %b : tensor<2xf32>
  %u = dl.constant dense<200> : tensor<2xi8>
  %v = dl.add %u, %u : tensor<2xi8>
  %n = dl.constant dense<7> : tensor<2xi32>
  %z = dl.constant dense<0> : tensor<2xi32>
  %q = dl.div %n, %z : tensor<2xi32>
  %f = dl.cast %u : tensor<2xi8> -> tensor<2xf32>
  %t = dl.constant dense<true> : tensor<2xi1>
  %w = dl.not %t : tensor<2xi1>
  // CHECK-DAG: %[[S:.*]] = dl.constant dense<5.000000e+00> : tensor<2xf32>
  // CHECK-DAG: %[[V:.*]] = dl.constant dense<-112> : tensor<2xi8>
  // CHECK-DAG: %[[Q:.*]] = dl.constant dense<0> : tensor<2xi32>
  // CHECK-DAG: %[[F:.*]] = dl.constant dense<2.000000e+02> : tensor<2xf32>
  // CHECK-DAG: %[[W:.*]] = dl.constant dense<false> : tensor<2xi1>
  // CHECK: return %[[S]], %[[V]], %[[Q]], %[[F]], %[[W]]
  return %s, %v, %q, %f, %w : tensor<2xf32>, tensor<2xi8>, tensor<2xi32>, tensor<2xf32>, tensor<2xi1>
}

// A copy is memory of its own, and stop_gradient is for the differentiation: both stay.
// CHECK-LABEL: func.func @kept
func.func @kept() -> (tensor<2xf32>, tensor<2xf32>) {
  // CHECK: dl.copy
  // CHECK: dl.stop_gradient
  %a = dl.constant dense<3.0> : tensor<2xf32>
  %c = dl.copy %a : tensor<2xf32>
  %s = dl.stop_gradient %a : tensor<2xf32>
  return %c, %s : tensor<2xf32>, tensor<2xf32>
}

// CHECK-LABEL: func.func @cast
func.func @cast(%x: tensor<3xf32>) -> tensor<3xf32> {
  // CHECK-NOT: dl.cast
  %y = dl.cast %x : tensor<3xf32> -> tensor<3xf32>
  return %y : tensor<3xf32>
}

// CHECK-LABEL: func.func @broadcast
func.func @broadcast(%x: tensor<4xf32>, %u: tensor<1x4xf32>) -> (tensor<4xf32>, tensor<2x3x4xf32>, tensor<5x4x6xf32>, tensor<?x4xf32>) {
  // CHECK: %[[K:.*]] = dl.constant dense<2.000000e+00> : tensor<f32>
  %same = dl.broadcast %x dims [0] : tensor<4xf32> -> tensor<4xf32>
  // Two become one.
  // CHECK: dl.broadcast %arg0 dims [2] : tensor<4xf32> -> tensor<2x3x4xf32>
  %b = dl.broadcast %x dims [1] : tensor<4xf32> -> tensor<3x4xf32>
  %c = dl.broadcast %b dims [1, 2] : tensor<3x4xf32> -> tensor<2x3x4xf32>
  // CHECK: dl.broadcast %arg1 dims [0, 1] : tensor<1x4xf32> -> tensor<5x4x6xf32>
  %d = dl.broadcast %u dims [0, 1] : tensor<1x4xf32> -> tensor<5x4xf32>
  %e = dl.broadcast %d dims [0, 1] : tensor<5x4xf32> -> tensor<5x4x6xf32>
  // A constant of equal elements is repeated as a scalar.
  // CHECK: dl.broadcast %[[K]] dims [] : tensor<f32> -> tensor<?x4xf32>
  %k = dl.constant dense<2.0> : tensor<4xf32>
  %f = dl.broadcast %k dims [1] : tensor<4xf32> -> tensor<?x4xf32>
  return %same, %c, %e, %f : tensor<4xf32>, tensor<2x3x4xf32>, tensor<5x4x6xf32>, tensor<?x4xf32>
}

// CHECK-LABEL: func.func @reshape
func.func @reshape(%x: tensor<2x6xf32>, %s: tensor<f32>) -> (tensor<2x6xf32>, tensor<3x2xf32>, tensor<?x1xf32>) {
  // There and back is nothing.
  // CHECK-NOT: dl.reshape
  %a = dl.reshape %x : tensor<2x6xf32> -> tensor<12xf32>
  %b = dl.reshape %a : tensor<12xf32> -> tensor<2x6xf32>
  // CHECK: dl.constant dense<{{\[\[}}1.0{{.*}}2.0{{.*}}], [3.0{{.*}}> : tensor<3x2xf32>
  %k = dl.constant dense<[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]> : tensor<6xf32>
  %c = dl.reshape %k : tensor<6xf32> -> tensor<3x2xf32>
  // CHECK: dl.broadcast %{{.*}} dims [] : tensor<f32> -> tensor<?x1xf32>
  %r = dl.broadcast %s dims [] : tensor<f32> -> tensor<?xf32>
  %d = dl.reshape %r : tensor<?xf32> -> tensor<?x1xf32>
  return %b, %c, %d : tensor<2x6xf32>, tensor<3x2xf32>, tensor<?x1xf32>
}

// CHECK-LABEL: func.func @transpose
func.func @transpose(%x: tensor<2x3x4xf32>) -> (tensor<2x3x4xf32>, tensor<3x4x2xf32>) {
  %a = dl.transpose %x [0, 1, 2] : tensor<2x3x4xf32> -> tensor<2x3x4xf32>
  // CHECK: dl.transpose %arg0 [1, 2, 0] : tensor<2x3x4xf32> -> tensor<3x4x2xf32>
  // CHECK-NOT: dl.transpose
  %b = dl.transpose %x [2, 0, 1] : tensor<2x3x4xf32> -> tensor<4x2x3xf32>
  %c = dl.transpose %b [2, 0, 1] : tensor<4x2x3xf32> -> tensor<3x4x2xf32>
  return %a, %c : tensor<2x3x4xf32>, tensor<3x4x2xf32>
}

// CHECK-LABEL: func.func @slice
func.func @slice(%x: tensor<4xf32>) -> tensor<4xf32> {
  // CHECK-NOT: dl.slice
  %y = dl.slice %x starts [0] strides [1] : tensor<4xf32> -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// A transposed operand is read in another order instead, if the free dimensions keep theirs.
// CHECK-LABEL: func.func @dot
func.func @dot(%x: tensor<?x8xf32>, %w: tensor<4x8xf32>) -> tensor<?x4xf32> {
  // CHECK-NOT: dl.transpose
  // CHECK: dl.dot %arg0, %arg1 contract [1] x [1]
  %t = dl.transpose %w [1, 0] : tensor<4x8xf32> -> tensor<8x4xf32>
  %y = dl.dot %x, %t contract [1] x [0] : (tensor<?x8xf32>, tensor<8x4xf32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}
