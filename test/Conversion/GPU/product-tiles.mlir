// The tiles of products, chosen from outside. To be measured, a product says which one it is and what tiles it has, the one that is estimated to be best first.
// RUN: sed 's/TILES/dl.candidate = 0/' %s > %t.first
// RUN: sed 's/TILES/dl.candidate = 1/' %s > %t.second
// RUN: sed 's/TILES/dl.candidate = 7/' %s > %t.last
// RUN: dlc-opt %t.first --dl-plan-memory --dl-plan-launches=device=sm_90a > %t.choices
// RUN: FileCheck %s --check-prefix=FIRST --input-file=%t.choices
// RUN: dlc-opt %t.second --dl-plan-memory --dl-plan-launches=device=sm_90a | FileCheck %s --check-prefix=SECOND
// A product that has fewer tiles than are tried gets its first one.
// RUN: dlc-opt %t.last --dl-plan-memory --dl-plan-launches=device=sm_90a | FileCheck %s --check-prefix=LAST
// One kernel of all steps has no warpgroups to choose. Without measuring there is nothing to say.
// RUN: dlc-opt %t.first --dl-plan-memory --dl-plan-launches="device=sm_90a loop=persistent" | FileCheck %s --check-prefix=STAYS
// RUN: sed 's/TILES//' %s | dlc-opt --dl-plan-memory --dl-plan-launches=device=sm_90a | FileCheck %s --check-prefix=PLAIN --implicit-check-not=choices --implicit-check-not=measured
// What was measured counts for the very same product, wherever it is, and only if it is one of its tiles.
// RUN: sed -n '/product = "f32/{s/.*product = "\(f32[^"]*\)".*/s#TILES#dl.tiles = {"\1" = "16x16x64 by 4x4, 16 groups, 2 stages"}#/p;q}' %t.choices > %t.sed
// RUN: sed -f %t.sed %s | dlc-opt --dl-plan-memory --dl-plan-launches=device=sm_90a | FileCheck %s --check-prefix=TUNED
// RUN: sed -i s/16x16x64/16x16x65/ %t.sed
// RUN: sed -f %t.sed %s | dlc-opt --dl-plan-memory --dl-plan-launches=device=sm_90a | FileCheck %s --check-prefix=PLAIN --implicit-check-not=measured

// FIRST:      dl.kernel "contract" "half"
// FIRST:      choices = {product = "bf16 512x512 of 512 terms {{[0-9a-f]*}}", tiles = ["wgmma 64x128x64", "wgmma 128x128x64", "{{[0-9x]+}} by {{[0-9x]+, [^"]*stages}}",
// FIRST-SAME: launch = {blocks = 32 : i64, {{.*}}threads = 256 : i64, tile = array<i64: 64, 128, 64,
// FIRST:      dl.kernel "contract" "exact"
// FIRST:      choices = {product = "f32 64x32 of 96 terms [[EXACT:[0-9a-f]*]]", tiles = ["8x8x128 by 2x2, 16 groups, 2 stages",
// FIRST-SAME: tile = array<i64: 8, 8, 128, 2, 2, 16, 2
// FIRST:      dl.kernel "contract" "elsewhere"
// FIRST:      choices = {product = "f32 64x32 of 96 terms [[EXACT]]"
// FIRST:      dl.kernel "contract" "with relu"
// FIRST-NOT:  [[EXACT]]
// FIRST:      choices = {product = "f32 64x32 of 96 terms

// SECOND:      dl.kernel "contract" "half"
// SECOND:      launch = {blocks = 16 : i64, {{.*}}threads = 384 : i64, tile = array<i64: 128, 128, 64,
// SECOND:      dl.kernel "contract" "exact"
// SECOND-NOT:  array<i64: 8, 8,
// SECOND:      dl.kernel "contract" "elsewhere"

// LAST:      dl.kernel "contract" "half"
// LAST:      tile = array<i64: 64, 128, 64,
// LAST:      dl.kernel "contract" "exact"
// LAST:      tile = array<i64: 8, 8, 128,

// STAYS:      dl.kernel "contract" "half"
// STAYS-NOT:  wgmma
// STAYS:      dl.kernel "contract" "exact"

// PLAIN-LABEL: func.func @train
// PLAIN:      dl.kernel "contract" "half"
// PLAIN:      tile = array<i64: 64, 128, 64,
// PLAIN:      dl.kernel "contract" "exact"
// PLAIN:      tile = array<i64: 8, 8, 128,

// TUNED:      dl.measured_tiles = 2
// TUNED:      dl.kernel "contract" "half"
// TUNED:      tile = array<i64: 64, 128, 64,
// TUNED:      dl.kernel "contract" "exact"
// TUNED:      tile = array<i64: 16, 16, 64, 4, 4, 16, 2
// TUNED:      dl.kernel "contract" "elsewhere"
// TUNED:      tile = array<i64: 16, 16, 64, 4, 4, 16, 2
// TUNED:      dl.kernel "contract" "with relu"
// TUNED:      tile = array<i64: 8, 8, 128,
module attributes {TILES} {
dl.variable @a "param" : tensor<512x512xf32>
dl.variable @x "param" : tensor<64x96xf32>
dl.variable @y "param" : tensor<96x32xf32>
dl.variable @z "param" : tensor<96x32xf32>

func.func @train() {
  %a32 = dl.read @a : tensor<512x512xf32>
  %x = dl.read @x : tensor<64x96xf32>
  %y = dl.read @y : tensor<96x32xf32>
  %z = dl.read @z : tensor<96x32xf32>
  %a = dl.kernel "map" "to 16 bits" (%a32) {
  ^bb0(%s: tensor<512x512xf32>):
    %h = dl.cast %s : tensor<512x512xf32> -> tensor<512x512xbf16>
    dl.yield %h : tensor<512x512xbf16>
  } : (tensor<512x512xf32>) -> tensor<512x512xbf16>
  %0 = dl.kernel "contract" "half" (%a) {
  ^bb0(%s: tensor<512x512xbf16>):
    %r = dl.dot %s, %s contract [1] x [0] : (tensor<512x512xbf16>, tensor<512x512xbf16>) -> tensor<512x512xf32>
    dl.yield %r : tensor<512x512xf32>
  } : (tensor<512x512xbf16>) -> tensor<512x512xf32>
  %1 = dl.kernel "contract" "exact" (%x, %y) {
  ^bb0(%s: tensor<64x96xf32>, %t: tensor<96x32xf32>):
    %r = dl.dot %s, %t contract [1] x [0] : (tensor<64x96xf32>, tensor<96x32xf32>) -> tensor<64x32xf32>
    dl.yield %r : tensor<64x32xf32>
  } : (tensor<64x96xf32>, tensor<96x32xf32>) -> tensor<64x32xf32>
  %2 = dl.kernel "contract" "elsewhere" (%x, %z) {
  ^bb0(%other: tensor<64x96xf32>, %names: tensor<96x32xf32>):
    %r = dl.dot %other, %names contract [1] x [0] : (tensor<64x96xf32>, tensor<96x32xf32>) -> tensor<64x32xf32>
    dl.yield %r : tensor<64x32xf32>
  } : (tensor<64x96xf32>, tensor<96x32xf32>) -> tensor<64x32xf32>
  %3 = dl.kernel "contract" "with relu" (%x, %z) {
  ^bb0(%s: tensor<64x96xf32>, %t: tensor<96x32xf32>):
    %r = dl.dot %s, %t contract [1] x [0] : (tensor<64x96xf32>, tensor<96x32xf32>) -> tensor<64x32xf32>
    %zero = dl.constant dense<0.0> : tensor<64x32xf32>
    %m = dl.max %r, %zero : tensor<64x32xf32>
    dl.yield %m : tensor<64x32xf32>
  } : (tensor<64x96xf32>, tensor<96x32xf32>) -> tensor<64x32xf32>
  dl.output "a", %0 : tensor<512x512xf32>
  dl.output "b", %1 : tensor<64x32xf32>
  dl.output "c", %2 : tensor<64x32xf32>
  dl.output "d", %3 : tensor<64x32xf32>
  return
}
}
