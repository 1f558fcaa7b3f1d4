// Operands that are stored in 16 bits are copied to shared memory as they are, and read in either direction; values are rounded to bf16 in integers.
// RUN: dlc-opt %s --dl-plan-memory --dl-plan-launches --convert-dl-kernels-to-device | FileCheck %s
// RUN: not dlc-opt %s --dl-plan-memory --convert-dl-kernels-to-loops 2>&1 | FileCheck %s --check-prefix=CPU
// CPU: error: 'dl.yield' op has operands of 16 bits, which are for GPUs alone
dl.variable @x "param" : tensor<64x32xf32>
dl.variable @w "param" : tensor<64x32xf32>
dl.variable @y "state" : tensor<32x32xf32>

// CHECK-LABEL: func.func private @kernel_0.body(
// CHECK:         arith.cmpf uno
// CHECK:         %[[BITS:.*]] = arith.bitcast %{{.*}} : f32 to i32
// CHECK:         arith.trunci %{{.*}} : i32 to i16
// CHECK:         %[[HALF:.*]] = arith.bitcast %{{.*}} : i16 to bf16
// CHECK:         llvm.store %[[HALF]], %{{.*}} {alignment = 2 : i64} : bf16, !llvm.ptr
// CHECK-LABEL: func.func private @kernel_1.body(
// CHECK-NOT:     llvm.load %{{.*}} -> bf16
// CHECK:         llvm.call_intrinsic "llvm.nvvm.cp.async.cg.shared.global.16.s"
// CHECK:         llvm.call_intrinsic "llvm.nvvm.cp.async.commit.group"
// CHECK:         llvm.call_intrinsic "llvm.nvvm.cp.async.wait.group"
// CHECK:         llvm.call_intrinsic "llvm.nvvm.ldmatrix.sync.aligned.m8n8.x4.trans.b16"
// CHECK:         llvm.call_intrinsic "llvm.nvvm.mma.m16n8k16.row.col.bf16"
// CHECK-LABEL: func.func private @kernel_2.body(
// CHECK:         arith.truncf %{{.*}} : f32 to f16
// CHECK-LABEL: func.func private @kernel_3.body(
// CHECK:         llvm.call_intrinsic "llvm.nvvm.ldmatrix.sync.aligned.m8n8.x4.b16"
// CHECK:         llvm.call_intrinsic "llvm.nvvm.ldmatrix.sync.aligned.m8n8.x4.trans.b16"
// CHECK:         llvm.bitcast %{{.*}} : i32 to vector<2xf16>
// CHECK:         llvm.call_intrinsic "llvm.nvvm.mma.m16n8k16.row.col.f32.f32"
func.func @train() {
  %x = dl.read @x : tensor<64x32xf32>
  %w = dl.read @w : tensor<64x32xf32>
  %b:2 = dl.kernel "map" "to bf16" (%x, %w) {
  ^bb0(%a: tensor<64x32xf32>, %c: tensor<64x32xf32>):
    %ab = dl.cast %a : tensor<64x32xf32> -> tensor<64x32xbf16>
    %cb = dl.cast %c : tensor<64x32xf32> -> tensor<64x32xbf16>
    dl.yield %ab, %cb : tensor<64x32xbf16>, tensor<64x32xbf16>
  } : (tensor<64x32xf32>, tensor<64x32xf32>) -> (tensor<64x32xbf16>, tensor<64x32xbf16>)
  %p = dl.kernel "contract" "bf16" (%b#0, %b#1) {
  ^bb0(%a: tensor<64x32xbf16>, %c: tensor<64x32xbf16>):
    %r = dl.dot %a, %c contract [0] x [0] : (tensor<64x32xbf16>, tensor<64x32xbf16>) -> tensor<32x32xf32>
    dl.yield %r : tensor<32x32xf32>
  } : (tensor<64x32xbf16>, tensor<64x32xbf16>) -> tensor<32x32xf32>
  %h = dl.kernel "map" "to f16" (%p) {
  ^bb0(%a: tensor<32x32xf32>):
    %ah = dl.cast %a : tensor<32x32xf32> -> tensor<32x32xf16>
    dl.yield %ah : tensor<32x32xf16>
  } : (tensor<32x32xf32>) -> tensor<32x32xf16>
  %q = dl.kernel "contract" "f16" (%h) {
  ^bb0(%a: tensor<32x32xf16>):
    %r = dl.dot %a, %a contract [1] x [0] : (tensor<32x32xf16>, tensor<32x32xf16>) -> tensor<32x32xf32>
    dl.yield %r : tensor<32x32xf32>
  } : (tensor<32x32xf16>) -> tensor<32x32xf32>
  dl.assign @y, %q : tensor<32x32xf32>
  return
}
