// RUN: dlc-opt %s -dl-plan-memory | FileCheck %s
// Variables come first. %p and %r are never in use at the same time, with a barrier between, and share a place; %q is in use
// beside both. A batched tensor has room for whole tiles of 16 rows. What is put out stays to the end.
// CHECK: dl.arena_bytes = 3200
// CHECK: dl.variable @w "param" {offset = 0 : i64}
// CHECK: dl.variable @v "param" {offset = 128 : i64}
// CHECK: } {offsets = array<i64: 1152>} : (tensor<?x16xf32>)
// CHECK: } {barrier, offsets = array<i64: 2176>}
// CHECK: } {barrier, offsets = array<i64: 1152>}
// CHECK: } {offsets = array<i64: 128>}
// CHECK: dl.output "r", %{{.*}} {offset = 1152 : i64}
dl.variable @w "param" : tensor<f32>
dl.variable @v "param" : tensor<16x16xf32>
dl.field @x : tensor<16xf32>
func.func @train() attributes {dl.batch = 10 : i64} {
  %x = dl.input @x : tensor<?x16xf32>
  %v = dl.read @v : tensor<16x16xf32>
  %p = dl.kernel "map" "p" (%x) {
  ^bb0(%a: tensor<?x16xf32>):
    %b = dl.exp %a : tensor<?x16xf32>
    dl.yield %b : tensor<?x16xf32>
  } : (tensor<?x16xf32>) -> tensor<?x16xf32>
  %q = dl.kernel "map" "q" (%p) {
  ^bb0(%a: tensor<?x16xf32>):
    %b = dl.sin %a : tensor<?x16xf32>
    dl.yield %b : tensor<?x16xf32>
  } {barrier} : (tensor<?x16xf32>) -> tensor<?x16xf32>
  %r = dl.kernel "map" "r" (%q) {
  ^bb0(%a: tensor<?x16xf32>):
    %b = dl.cos %a : tensor<?x16xf32>
    dl.yield %b : tensor<?x16xf32>
  } {barrier} : (tensor<?x16xf32>) -> tensor<?x16xf32>
  %n = dl.kernel "map" "n" (%v) {
  ^bb0(%a: tensor<16x16xf32>):
    %b = dl.exp %a : tensor<16x16xf32>
    dl.yield %b : tensor<16x16xf32>
  } : (tensor<16x16xf32>) -> tensor<16x16xf32>
  dl.output "r", %r : tensor<?x16xf32>
  dl.assign @v, %n {in_place} : tensor<16x16xf32>
  return
}
