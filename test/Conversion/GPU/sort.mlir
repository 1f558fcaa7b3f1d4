// Indices that are sorted by blocks, and rows of a table that search them by warps.
// RUN: dlc-opt %s --dl-plan-memory --dl-plan-launches | FileCheck %s --check-prefix=PLAN
// RUN: dlc-opt %s --dl-plan-memory --dl-plan-launches --convert-dl-kernels-to-device | FileCheck %s
dl.field @i : tensor<64xi32>
dl.field @u : tensor<64x40xf32>

// A block for each chunk, with room for its keys; a warp for each 32 columns of a row.
// PLAN: dl.kernel "sort"
// PLAN: launch = {blocks = 4 : i64, shared_bytes = 4096 : i64, threads = 256 : i64}
// PLAN: dl.kernel "segments"
// PLAN: launch = {blocks = 17 : i64, shared_bytes = 0 : i64, threads = 256 : i64}

// A thread has four keys. Of the 55 steps, 19 are within a thread, 30 within a warp, and 6 exchange keys through shared memory.
// CHECK-LABEL: func.func private @kernel_0.body(
// CHECK: scf.for
// CHECK: arith.maxsi
// CHECK: arith.minsi
// CHECK: arith.muli
// CHECK: arith.constant 2147483647 : i32
// CHECK: arith.select
// CHECK-COUNT-120: llvm.call_intrinsic "llvm.nvvm.shfl.sync.bfly.i32"
// CHECK-NOT: shfl
// CHECK: call @kernel_0.body(
// Once more for what stands between them.
// RUN: dlc-opt %s --dl-plan-memory --dl-plan-launches --convert-dl-kernels-to-device | FileCheck %s --check-prefix=SHARED
// SHARED-LABEL: func.func private @kernel_0.body(
// SHARED-COUNT-12: llvm.call_intrinsic "llvm.nvvm.barrier.cta.sync.aligned.all"
// SHARED-NOT: barrier
// SHARED: call @kernel_0.body(

// Eleven steps to a segment's start and eleven to its end; then chunk by chunk, its updates in order.
// CHECK-LABEL: func.func private @kernel_1.body(
// CHECK: scf.for
// CHECK: scf.for {{.*}} iter_args
// CHECK-COUNT-22: llvm.load {{.*}} : !llvm.ptr -> i32
// CHECK: llvm.call_intrinsic "llvm.nvvm.vote.ballot.sync"
// CHECK: scf.while
// CHECK: math.cttz
// CHECK-COUNT-2: llvm.call_intrinsic "llvm.nvvm.shfl.sync.bfly.i32"
// CHECK: scf.for {{.*}} iter_args
// CHECK: llvm.load {{.*}} : !llvm.ptr -> i32
// CHECK: llvm.load {{.*}} : !llvm.ptr -> f32
// CHECK: arith.addf
// CHECK: llvm.store
func.func @train() attributes {dl.batch = 64 : i64} {
  %i = dl.input @i : tensor<?x64xi32>
  %u = dl.input @u : tensor<?x64x40xf32>
  %k = dl.kernel "sort" "sort" (%i) {
  ^bb0(%a: tensor<?x64xi32>):
    %s = dl.sort %a rows 65 : tensor<?x64xi32> -> tensor<4x1024xi32>
    dl.yield %s : tensor<4x1024xi32>
  } : (tensor<?x64xi32>) -> tensor<4x1024xi32>
  %y = dl.kernel "segments" "segments" (%k, %u) {
  ^bb0(%a: tensor<4x1024xi32>, %b: tensor<?x64x40xf32>):
    %s = dl.segment_sum %a, %b : (tensor<4x1024xi32>, tensor<?x64x40xf32>) -> tensor<65x40xf32>
    dl.yield %s : tensor<65x40xf32>
  } : (tensor<4x1024xi32>, tensor<?x64x40xf32>) -> tensor<65x40xf32>
  dl.output "y", %y : tensor<65x40xf32>
  return
}

// A thread of a table with so many rows has one key. Its elements are counted in 64 bits, keys are not.
// PLAN: launch = {blocks = 16 : i64, shared_bytes = 1024 : i64, threads = 256 : i64}
// PLAN: launch = {blocks = 2048 : i64, shared_bytes = 0 : i64, threads = 256 : i64, wide}
// CHECK-LABEL: func.func private @kernel_2.body(
// CHECK-COUNT-30: llvm.call_intrinsic "llvm.nvvm.shfl.sync.bfly.i32"
// CHECK-NOT: shfl
// CHECK: call @kernel_2.body(
// CHECK-LABEL: func.func private @kernel_3.body(
// CHECK-COUNT-18: llvm.load {{.*}} : !llvm.ptr -> i32
// CHECK: llvm.call_intrinsic "llvm.nvvm.vote.ballot.sync"
// CHECK: arith.trunci {{.*}} : i64 to i32
// CHECK: llvm.call_intrinsic "llvm.nvvm.shfl.sync.bfly.i32"
// CHECK: arith.extsi {{.*}} : i32 to i64
dl.variable @long "state" : tensor<4096xi32>
dl.variable @rows "param" : tensor<4096x256xf32>
func.func @init() {
  %i = dl.read @long : tensor<4096xi32>
  %u = dl.read @rows : tensor<4096x256xf32>
  %k = dl.kernel "sort" "sort" (%i) {
  ^bb0(%a: tensor<4096xi32>):
    %s = dl.sort %a rows 8388607 : tensor<4096xi32> -> tensor<16x256xi32>
    dl.yield %s : tensor<16x256xi32>
  } : (tensor<4096xi32>) -> tensor<16x256xi32>
  %y = dl.kernel "segments" "segments" (%k, %u) {
  ^bb0(%a: tensor<16x256xi32>, %b: tensor<4096x256xf32>):
    %s = dl.segment_sum %a, %b : (tensor<16x256xi32>, tensor<4096x256xf32>) -> tensor<8388607x256xf32>
    dl.yield %s : tensor<8388607x256xf32>
  } : (tensor<16x256xi32>, tensor<4096x256xf32>) -> tensor<8388607x256xf32>
  dl.output "y", %y : tensor<8388607x256xf32>
  return
}
