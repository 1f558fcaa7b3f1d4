// RUN: dlc-opt %s -dl-prepare-products=any-layout -dl-group-kernels=fuse-loads | FileCheck %s
// On a GPU a product reads its operands in any order, and prepares data while it loads them.
dl.variable @w "param" : tensor<8x4xf32>
dl.variable @b "param" : tensor<8xf32>
dl.variable @wide "param" : tensor<8x2000xf32>
dl.field @x : tensor<2x4xi8>

// Pixels become numbers in both products that use them; the weight is read the other way round.
// CHECK-LABEL: func.func @fused
// CHECK: dl.kernel "contract" {{.*}}
// CHECK-NEXT: ^bb0(%[[X:.*]]: tensor<?x8xi8>, %[[B:.*]]: tensor<8xf32>, %[[W:.*]]: tensor<8x4xf32>):
// CHECK: dl.cast %[[X]]
// CHECK: dl.broadcast %[[B]]
// CHECK: dl.sub
// CHECK: dl.dot %{{.*}}, %[[W]] contract [1] x [0]
// CHECK: dl.kernel "contract"
// CHECK: dl.dot %{{.*}}, %{{.*}} contract [1] x [1]
// CHECK: dl.kernel "contract"
// CHECK: dl.cast
// CHECK: dl.dot %{{.*}}, %{{.*}} contract [0] x [0]
// CHECK-NOT: dl.kernel
// CHECK: return
func.func @fused() attributes {dl.batch = 16 : i64} {
  %pixels = dl.input @x : tensor<?x2x4xi8>
  %flat = dl.reshape %pixels : tensor<?x2x4xi8> -> tensor<?x8xi8>
  %w = dl.read @w : tensor<8x4xf32>
  %b = dl.read @b : tensor<8xf32>
  %c = dl.cast %flat : tensor<?x8xi8> -> tensor<?x8xf32>
  %bb = dl.broadcast %b dims [1] : tensor<8xf32> -> tensor<?x8xf32>
  %x = dl.sub %c, %bb : tensor<?x8xf32>
  %y = dl.dot %x, %w contract [1] x [0] : (tensor<?x8xf32>, tensor<8x4xf32>) -> tensor<?x4xf32>
  %dx = dl.dot %y, %w contract [1] x [1] : (tensor<?x4xf32>, tensor<8x4xf32>) -> tensor<?x8xf32>
  %dw = dl.dot %x, %dx contract [0] x [0] : (tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<8x8xf32>
  dl.output "dw", %dw : tensor<8x8xf32>
  return
}

// Where 2000 columns need each number, or something else than a product, it is stored once.
// CHECK-LABEL: func.func @stored
// CHECK: dl.kernel "map"
// CHECK-NEXT: ^bb0
// CHECK-NEXT: dl.cast
// CHECK: dl.kernel "contract"
// CHECK: dl.kernel "map"
// CHECK-NEXT: ^bb0
// CHECK: dl.mul
// CHECK: dl.exp
func.func @stored() attributes {dl.batch = 16 : i64} {
  %pixels = dl.input @x : tensor<?x2x4xi8>
  %flat = dl.reshape %pixels : tensor<?x2x4xi8> -> tensor<?x8xi8>
  %w = dl.read @wide : tensor<8x2000xf32>
  %x = dl.cast %flat : tensor<?x8xi8> -> tensor<?x8xf32>
  %y = dl.dot %x, %w contract [1] x [0] : (tensor<?x8xf32>, tensor<8x2000xf32>) -> tensor<?x2000xf32>
  dl.output "y", %y : tensor<?x2000xf32>
  %z = dl.cast %flat : tensor<?x8xi8> -> tensor<?x8xf32>
  %zz = dl.mul %z, %z : tensor<?x8xf32>
  %e = dl.exp %zz : tensor<?x8xf32>
  dl.output "e", %e : tensor<?x8xf32>
  return
}
