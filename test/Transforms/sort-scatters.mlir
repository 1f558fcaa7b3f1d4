// RUN: dlc-opt %s -split-input-file -dl-sort-scatters | FileCheck %s
// RUN: dlc-opt %s -split-input-file -dl-sort-scatters -dl-group-kernels=launches | FileCheck %s --check-prefix=KERNELS
// Where a table's rows would look through many indices, they are sorted.

// 4096 indices are 128 turns of 32. Both tables have as many rows: the keys serve both.
// CHECK-LABEL: func.func @many
// CHECK: %[[K:.*]] = dl.sort %{{.*}} rows 65 : tensor<?x64xi32> -> tensor<4x1024xi32>
// CHECK: dl.segment_sum %[[K]], %{{.*}} : (tensor<4x1024xi32>, tensor<?x64x8xf32>) -> tensor<65x8xf32>
// CHECK-NOT: dl.sort
// CHECK: dl.segment_sum %[[K]], %{{.*}} : (tensor<4x1024xi32>, tensor<?x64xf32>) -> tensor<65xf32>
// CHECK-NOT: dl.scatter_add
// Sorting is a kernel that reads the data as it is.
// KERNELS-LABEL: func.func @many
// KERNELS: %[[K:.*]] = dl.kernel "sort" "sort 4x1024: sort"(%{{.*}}) {
// KERNELS: dl.kernel "segments" "segments 65x8: segment_sum"(%[[K]], %{{.*}}) {
// KERNELS: dl.kernel "segments" "segments 65: segment_sum"(%[[K]], %{{.*}}) {
dl.field @i : tensor<64xi32>
dl.field @u : tensor<64x8xf32>
dl.field @v : tensor<64xf32>
func.func @many() attributes {dl.batch = 64 : i64} {
  %i = dl.input @i : tensor<?x64xi32>
  %u = dl.input @u : tensor<?x64x8xf32>
  %v = dl.input @v : tensor<?x64xf32>
  %y = dl.scatter_add %i, %u : (tensor<?x64xi32>, tensor<?x64x8xf32>) -> tensor<65x8xf32>
  dl.output "y", %y : tensor<65x8xf32>
  %z = dl.scatter_add %i, %v : (tensor<?x64xi32>, tensor<?x64xf32>) -> tensor<65xf32>
  dl.output "z", %z : tensor<65xf32>
  return
}

// -----

// Of a batch of 32 it is half: not worth another kernel.
// CHECK-LABEL: func.func @few
// CHECK-NOT: dl.sort
// CHECK: dl.scatter_add
// KERNELS-LABEL: func.func @few
// KERNELS: dl.kernel "scatter"
dl.field @i : tensor<64xi32>
dl.field @u : tensor<64x8xf32>
func.func @few() attributes {dl.batch = 32 : i64} {
  %i = dl.input @i : tensor<?x64xi32>
  %u = dl.input @u : tensor<?x64x8xf32>
  %y = dl.scatter_add %i, %u : (tensor<?x64xi32>, tensor<?x64x8xf32>) -> tensor<65x8xf32>
  dl.output "y", %y : tensor<65x8xf32>
  return
}

// -----

// The same for a table of so many rows that the device goes through them seven times. Indices that are known on the spot need no
// memory to be sorted.
// CHECK-LABEL: func.func @long
// CHECK: dl.sort %{{.*}} rows 50000 : tensor<2048xi32> -> tensor<2x1024xi32>
// KERNELS-LABEL: func.func @long
// KERNELS-NOT: dl.kernel "map"
// KERNELS: dl.kernel "sort" {{.*}}() {
// KERNELS-NEXT: dl.iota
// KERNELS-NEXT: dl.sort
dl.variable @u "param" : tensor<2048x8xf32>
func.func @long() {
  %i = dl.iota dim 0 : tensor<2048xi32>
  %u = dl.read @u : tensor<2048x8xf32>
  %y = dl.scatter_add %i, %u : (tensor<2048xi32>, tensor<2048x8xf32>) -> tensor<50000x8xf32>
  dl.output "y", %y : tensor<50000x8xf32>
  return
}

// -----

// Rows that leave 8 of 31 bits to positions: chunks of 256. With 7 bits left, nothing is sorted.
// CHECK-LABEL: func.func @bits
// CHECK: dl.sort %{{.*}} rows 8388607 : tensor<4096xi32> -> tensor<16x256xi32>
// CHECK-NOT: dl.sort
// CHECK: dl.scatter_add %{{.*}} -> tensor<8388608xf32>
dl.variable @i "state" : tensor<4096xi32>
dl.variable @u "param" : tensor<4096xf32>
func.func @bits() {
  %i = dl.read @i : tensor<4096xi32>
  %u = dl.read @u : tensor<4096xf32>
  %y = dl.scatter_add %i, %u : (tensor<4096xi32>, tensor<4096xf32>) -> tensor<8388607xf32>
  dl.output "y", %y : tensor<8388607xf32>
  %z = dl.scatter_add %i, %u : (tensor<4096xi32>, tensor<4096xf32>) -> tensor<8388608xf32>
  dl.output "z", %z : tensor<8388608xf32>
  return
}

// -----

// The update of the table is done with a row's sum in the hand.
// CHECK-LABEL: func.func @update
// KERNELS-LABEL: func.func @update
// KERNELS: dl.kernel "sort"
// KERNELS: dl.kernel "segments" "segments 65x2x4: segment_sum mul sub"
// KERNELS-NOT: dl.kernel
// KERNELS: return
dl.field @i : tensor<64xi32>
dl.field @u : tensor<64x2x4xf32>
dl.variable @t "param" : tensor<65x2x4xf32>
func.func @update() attributes {dl.batch = 64 : i64} {
  %i = dl.input @i : tensor<?x64xi32>
  %u = dl.input @u : tensor<?x64x2x4xf32>
  %t = dl.read @t : tensor<65x2x4xf32>
  %y = dl.scatter_add %i, %u : (tensor<?x64xi32>, tensor<?x64x2x4xf32>) -> tensor<65x2x4xf32>
  %r = dl.constant dense<0.5> : tensor<f32>
  %b = dl.broadcast %r dims [] : tensor<f32> -> tensor<65x2x4xf32>
  %s = dl.mul %y, %b : tensor<65x2x4xf32>
  %n = dl.sub %t, %s : tensor<65x2x4xf32>
  dl.assign @t, %n : tensor<65x2x4xf32>
  return
}
