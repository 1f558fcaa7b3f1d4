// Products by warpgroups: which ones, in which tile, with which tensor maps; who brings and who multiplies.
// RUN: dlc-opt %s --dl-plan-memory --dl-plan-launches=device=sm_90a | FileCheck %s --check-prefix=PLAN
// RUN: dlc-opt %s --dl-plan-memory --dl-plan-launches=device=sm_90a --convert-dl-kernels-to-device | FileCheck %s
// A device without warpgroups, or one kernel for all steps, has none.
// RUN: dlc-opt %s --dl-plan-memory --dl-plan-launches=device=sm_90 | FileCheck %s --check-prefix=OTHER
// RUN: dlc-opt %s --dl-plan-memory --dl-plan-launches="device=sm_90a loop=persistent" | FileCheck %s --check-prefix=OTHER
// OTHER-NOT: tensor_maps
dl.variable @a "param" : tensor<512x512xf32>
dl.variable @b "param" : tensor<512x520xf32>
dl.variable @c "param" : tensor<3x256x256xf32>
dl.variable @odd "param" : tensor<512x500xf32>

func.func @train() {
  %a32 = dl.read @a : tensor<512x512xf32>
  %b32 = dl.read @b : tensor<512x520xf32>
  %c32 = dl.read @c : tensor<3x256x256xf32>
  %odd32 = dl.read @odd : tensor<512x500xf32>
  %a = dl.kernel "map" "to 16 bits" (%a32) {
  ^bb0(%x: tensor<512x512xf32>):
    %h = dl.cast %x : tensor<512x512xf32> -> tensor<512x512xbf16>
    dl.yield %h : tensor<512x512xbf16>
  } : (tensor<512x512xf32>) -> tensor<512x512xbf16>
  %b = dl.kernel "map" "to 16 bits" (%b32) {
  ^bb0(%x: tensor<512x520xf32>):
    %h = dl.cast %x : tensor<512x520xf32> -> tensor<512x520xbf16>
    dl.yield %h : tensor<512x520xbf16>
  } : (tensor<512x520xf32>) -> tensor<512x520xbf16>
  %c = dl.kernel "map" "to 16 bits" (%c32) {
  ^bb0(%x: tensor<3x256x256xf32>):
    %h = dl.cast %x : tensor<3x256x256xf32> -> tensor<3x256x256xf16>
    dl.yield %h : tensor<3x256x256xf16>
  } : (tensor<3x256x256xf32>) -> tensor<3x256x256xf16>
  %odd = dl.kernel "map" "to 16 bits" (%odd32) {
  ^bb0(%x: tensor<512x500xf32>):
    %h = dl.cast %x : tensor<512x500xf32> -> tensor<512x500xbf16>
    dl.yield %h : tensor<512x500xbf16>
  } : (tensor<512x500xf32>) -> tensor<512x500xbf16>

  // Terms beside each other on the left, columns on the right: the last 8 of 520 make a tile of their own.
  // PLAN:      dl.kernel "contract" "terms by columns"
  // PLAN:      launch = {blocks = 40 : i64, shared_bytes = 98368 : i64, threads = 256 : i64
  // PLAN-SAME: tensor_maps = [{box = array<i64: 64, 64, 1>, input = 0 : i64, sizes = array<i64: 512, 512, 1>, type = "bf16"},
  // PLAN-SAME:                {box = array<i64: 64, 64, 1>, input = 1 : i64, sizes = array<i64: 520, 512, 1>, type = "bf16"}]
  %0 = dl.kernel "contract" "terms by columns" (%a, %b) {
  ^bb0(%x: tensor<512x512xbf16>, %y: tensor<512x520xbf16>):
    %r = dl.dot %x, %y contract [1] x [0] : (tensor<512x512xbf16>, tensor<512x520xbf16>) -> tensor<512x520xf32>
    dl.yield %r : tensor<512x520xf32>
  } : (tensor<512x512xbf16>, tensor<512x520xbf16>) -> tensor<512x520xf32>

  // A batch of products, terms beside each other in both.
  // PLAN:      dl.kernel "contract" "batch"
  // PLAN:      blocks = 24 : i64
  // PLAN-SAME: tensor_maps = [{box = array<i64: 64, 64, 1>, input = 0 : i64, sizes = array<i64: 256, 256, 3>, type = "f16"},
  // PLAN-SAME:                {box = array<i64: 64, 128, 1>, input = 0 : i64, sizes = array<i64: 256, 256, 3>, type = "f16"}]
  %1 = dl.kernel "contract" "batch" (%c) {
  ^bb0(%x: tensor<3x256x256xf16>):
    %r = dl.dot %x, %x batch [0] x [0] contract [2] x [2] : (tensor<3x256x256xf16>, tensor<3x256x256xf16>) -> tensor<3x256x256xf32>
    dl.yield %r : tensor<3x256x256xf32>
  } : (tensor<3x256x256xf16>) -> tensor<3x256x256xf32>

  // Rows of 1000 bytes: a tensor map cannot have them.
  // PLAN:     dl.kernel "contract" "odd"
  // PLAN-NOT: tensor_maps
  %2 = dl.kernel "contract" "odd" (%a, %odd) {
  ^bb0(%x: tensor<512x512xbf16>, %y: tensor<512x500xbf16>):
    %r = dl.dot %x, %y contract [1] x [0] : (tensor<512x512xbf16>, tensor<512x500xbf16>) -> tensor<512x500xf32>
    dl.yield %r : tensor<512x500xf32>
  } : (tensor<512x512xbf16>, tensor<512x500xbf16>) -> tensor<512x500xf32>

  // Converted where it is read: it is not in memory as a copy would take it.
  // PLAN:     dl.kernel "contract" "converted"
  // PLAN-NOT: tensor_maps
  %3 = dl.kernel "contract" "converted" (%a, %2) {
  ^bb0(%x: tensor<512x512xbf16>, %y: tensor<512x500xf32>):
    %h = dl.cast %y : tensor<512x500xf32> -> tensor<512x500xbf16>
    %r = dl.dot %x, %h contract [1] x [0] : (tensor<512x512xbf16>, tensor<512x500xbf16>) -> tensor<512x500xf32>
    dl.yield %r : tensor<512x500xf32>
  } : (tensor<512x512xbf16>, tensor<512x500xf32>) -> tensor<512x500xf32>
  dl.output "a", %0 : tensor<512x520xf32>
  dl.output "b", %1 : tensor<3x256x256xf32>
  dl.output "c", %3 : tensor<512x500xf32>
  return
}

// CHECK-LABEL: func.func private @kernel_4.body(
// CHECK-COUNT-8: "llvm.nvvm.mbarrier.init.shared"
// CHECK:       "llvm.nvvm.fence.mbarrier_init.release.cluster"
// CHECK:       "llvm.nvvm.fence.proxy.async.shared_cta"
// CHECK:       "llvm.nvvm.barrier.cta.sync.aligned.all"
// One thread brings a line of boxes for the left operand, and for the right one two boxes of 64 columns.
// CHECK:       "llvm.nvvm.mbarrier.try.wait.parity.scope.cta.space.cta"
// CHECK:       %[[BYTES:.*]] = arith.constant 24576 : i32
// CHECK:       "llvm.nvvm.mbarrier.arrive.expect.tx.scope.cta.space.cta"({{.*}}, %[[BYTES]])
// CHECK-COUNT-3: "llvm.nvvm.cp.async.bulk.tensor.g2s.tile.3d"
// The others multiply 16 terms at a time, and wait for the part before.
// CHECK:       } else {
// CHECK:       "llvm.nvvm.mbarrier.try.wait.parity.scope.cta.space.cta"
// CHECK:       "llvm.nvvm.wgmma.fence.sync.aligned"
// CHECK-COUNT-4: llvm.inline_asm has_side_effects "wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16 {{.*}}, 1, 1, 1, 0, 1;"
// CHECK:       "llvm.nvvm.wgmma.commit_group.sync.aligned"
// CHECK:       llvm.inline_asm has_side_effects "wgmma.wait_group.sync.aligned 1;"
// CHECK:       "llvm.nvvm.mbarrier.arrive.shared"
// CHECK:       llvm.inline_asm has_side_effects "wgmma.wait_group.sync.aligned 0;"
// CHECK:       func.func @kernel_4({{.*}}) attributes {dl.tensor_maps = 2 : i64, dl.threads = 256 : i64}
// CHECK-LABEL: func.func private @kernel_5.body(
// CHECK:       "wgmma.mma_async.sync.aligned.m64n128k16.f32.f16.f16 {{.*}}, 1, 1, 1, 0, 0;"
