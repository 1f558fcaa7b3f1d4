// RUN: dlc-opt %s -dl-group-kernels | FileCheck %s
// RUN: dlc-opt %s -dl-group-kernels=launches | FileCheck %s --check-prefix=GPU
// One kernel of each kind, with what is fused into it.
dl.variable @w "param" : tensor<8x4xf32>
dl.variable @b "param" : tensor<4xf32>
dl.variable @t "param" : tensor<5x4xf32>
dl.field @x : tensor<8xf32>
dl.field @k : tensor<i32>

// Bias and activation behind the product, while its result is in registers; the bias is read as it is.
// CHECK-LABEL: func.func @contract
// CHECK: dl.kernel "contract" "contract batchx4 k=8: dot add max"(%{{.*}}, %{{.*}}, %{{.*}}) {
// CHECK-NEXT: ^bb0(%{{.*}}: tensor<?x8xf32>, %{{.*}}: tensor<8x4xf32>, %[[B:.*]]: tensor<4xf32>):
// CHECK: dl.dot
// CHECK: dl.broadcast %[[B]]
// CHECK: dl.add
// CHECK: dl.max
// CHECK: dl.yield %{{[^,]*}} : tensor<?x4xf32>
// CHECK-NOT: dl.kernel
func.func @contract() attributes {dl.batch = 16 : i64} {
  %x = dl.input @x : tensor<?x8xf32>
  %w = dl.read @w : tensor<8x4xf32>
  %b = dl.read @b : tensor<4xf32>
  %p = dl.dot %x, %w contract [1] x [0] : (tensor<?x8xf32>, tensor<8x4xf32>) -> tensor<?x4xf32>
  %bb = dl.broadcast %b dims [1] : tensor<4xf32> -> tensor<?x4xf32>
  %s = dl.add %p, %bb : tensor<?x4xf32>
  %c = dl.constant dense<0.0> : tensor<f32>
  %z = dl.broadcast %c dims [] : tensor<f32> -> tensor<?x4xf32>
  %y = dl.max %s, %z : tensor<?x4xf32>
  dl.output "y", %y : tensor<?x4xf32>
  return
}

// A whole softmax stays on its rows.
// CHECK-LABEL: func.func @rows
// CHECK: dl.kernel "rows" "rows batchx8: exp reduce_sum div"
// CHECK-NOT: dl.kernel
func.func @rows() attributes {dl.batch = 16 : i64} {
  %x = dl.input @x : tensor<?x8xf32>
  %e = dl.exp %x : tensor<?x8xf32>
  %s = dl.reduce_sum %e dims [1] : tensor<?x8xf32> -> tensor<?xf32>
  %r = dl.broadcast %s dims [0] : tensor<?xf32> -> tensor<?x8xf32>
  %y = dl.div %e, %r : tensor<?x8xf32>
  dl.output "y", %y : tensor<?x8xf32>
  return
}

// What feeds a sum over the batch, the sum, and an update with it.
// CHECK-LABEL: func.func @reduce
// CHECK: dl.kernel "reduce" "reduce batchx8: mul reduce_sum exp"
// CHECK-NOT: dl.kernel
func.func @reduce() attributes {dl.batch = 16 : i64} {
  %x = dl.input @x : tensor<?x8xf32>
  %m = dl.mul %x, %x : tensor<?x8xf32>
  %s = dl.reduce_sum %m dims [0] : tensor<?x8xf32> -> tensor<8xf32>
  %y = dl.exp %s : tensor<8xf32>
  dl.output "y", %y : tensor<8xf32>
  return
}

// On a GPU the update is done with a row's sum in the hand.
// GPU-LABEL: func.func @scatter
// GPU: dl.kernel "map" "map batchx4: gather mul"
// GPU: dl.kernel "scatter" "scatter 5x4: scatter_add sub"
// GPU-NOT: dl.kernel
// GPU: return
// CHECK-LABEL: func.func @scatter
// CHECK: dl.kernel "map" "map batchx4: gather mul"
// CHECK: dl.kernel "scatter" "scatter 5x4: scatter_add"
// CHECK: dl.kernel "map" "map 5x4: sub"
// CHECK-NOT: dl.kernel
func.func @scatter() attributes {dl.batch = 16 : i64} {
  %t = dl.read @t : tensor<5x4xf32>
  %k = dl.input @k : tensor<?xi32>
  %g = dl.gather %t, %k : (tensor<5x4xf32>, tensor<?xi32>) -> tensor<?x4xf32>
  %u = dl.mul %g, %g : tensor<?x4xf32>
  %s = dl.scatter_add %k, %u : (tensor<?xi32>, tensor<?x4xf32>) -> tensor<5x4xf32>
  %n = dl.sub %t, %s : tensor<5x4xf32>
  dl.assign @t, %n : tensor<5x4xf32>
  return
}

// Re-indexing costs nothing to repeat: it is in the kernel that reads.
// CHECK-LABEL: func.func @views
// CHECK: dl.kernel "map" "map 4x8: exp"(%{{.*}}) {
// CHECK: dl.transpose
// CHECK: dl.exp
// CHECK-NOT: dl.kernel
func.func @views() {
  %w = dl.read @w : tensor<8x4xf32>
  %t = dl.transpose %w [1, 0] : tensor<8x4xf32> -> tensor<4x8xf32>
  %y = dl.exp %t : tensor<4x8xf32>
  dl.output "y", %y : tensor<4x8xf32>
  return
}
