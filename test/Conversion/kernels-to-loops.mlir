// RUN: dlc-opt %s -convert-dl-kernels-to-loops="vector-bytes=32 registers=16" | FileCheck %s
dl.variable @w "param" {offset = 0 : i64} : tensor<8x16xf32>
dl.field @x : tensor<8xf32>

// The function calls one after the other, and the barrier of the frame where one is due.
// CHECK-LABEL: func.func @train(
// CHECK: call @train.k0(
// CHECK: llvm.call %{{.*}}(%{{.*}}, %{{.*}}) : !llvm.ptr, (!llvm.ptr, i64) -> ()
// CHECK: call @train.k1(
// CHECK-NOT: llvm.call
// CHECK: call @train.k2(

// Equal kernels share their loops; the product's tile fits 16 registers of 8 floats, and sums by fma in the order of k.
// CHECK-LABEL: func.func @kernel_0(
// CHECK-SAME: %{{.*}}: !llvm.ptr, %[[THREAD:.*]]: i64, %[[THREADS:.*]]: i64, %[[X:.*]]: !llvm.ptr, %[[W:.*]]: !llvm.ptr, %[[Y:.*]]: !llvm.ptr)
// CHECK: scf.for {{.*}} iter_args({{.*}}) -> (vector<8xf32>
// CHECK: llvm.load %{{.*}} : !llvm.ptr -> vector<8xf32>
// CHECK: vector.fma %{{.*}} : vector<8xf32>
// CHECK: scf.yield
// CHECK-NOT: scf.for
// CHECK: llvm.store %{{.*}} : vector<8xf32>, !llvm.ptr
// CHECK: return
// CHECK-NOT: func.func @kernel_2
// A kernel's own function says where its tensors lie.
// CHECK-LABEL: func.func @train.k0(
// CHECK: call @kernel_0(
// CHECK-LABEL: func.func @kernel_1(
// CHECK-LABEL: func.func @train.k1(
// CHECK: call @kernel_1(
// CHECK-LABEL: func.func @train.k2(
// CHECK: call @kernel_1(
// CHECK-NOT: dl.
// CHECK-NOT: alloc
func.func @train() attributes {dl.batch = 16 : i64} {
  %x = dl.input @x : tensor<?x8xf32>
  %w = dl.read @w : tensor<8x16xf32>
  %p = dl.kernel "contract" "p" (%x, %w) {
  ^bb0(%a: tensor<?x8xf32>, %b: tensor<8x16xf32>):
    %c = dl.dot %a, %b contract [1] x [0] : (tensor<?x8xf32>, tensor<8x16xf32>) -> tensor<?x16xf32>
    dl.yield %c : tensor<?x16xf32>
  } {offsets = array<i64: 512>, rows} : (tensor<?x8xf32>, tensor<8x16xf32>) -> tensor<?x16xf32>
  %q = dl.kernel "reduce" "q" (%p) {
  ^bb0(%a: tensor<?x16xf32>):
    %s = dl.reduce_sum %a dims [0] : tensor<?x16xf32> -> tensor<16xf32>
    dl.yield %s : tensor<16xf32>
  } {barrier, offsets = array<i64: 1536>} : (tensor<?x16xf32>) -> tensor<16xf32>
  %r = dl.kernel "reduce" "r" (%p) {
  ^bb0(%a: tensor<?x16xf32>):
    %s = dl.reduce_sum %a dims [0] : tensor<?x16xf32> -> tensor<16xf32>
    dl.yield %s : tensor<16xf32>
  } {offsets = array<i64: 1600>} : (tensor<?x16xf32>) -> tensor<16xf32>
  dl.output "q", %q {offset = 1536 : i64} : tensor<16xf32>
  dl.output "r", %r {offset = 1600 : i64} : tensor<16xf32>
  return
}
