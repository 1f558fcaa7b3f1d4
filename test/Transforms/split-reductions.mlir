// RUN: dlc-opt %s -dl-split-reductions | FileCheck %s
// RUN: dlc-opt %s -dl-split-reductions -dl-group-kernels | FileCheck %s --check-prefix=KERNELS
// Where results are few and terms many, a reduction is done in two.
dl.variable @w "param" : tensor<784x128xf32>
dl.variable @v "param" : tensor<100000xf32>
dl.variable @u "param" : tensor<100000x8xf32>
dl.variable @prime "param" : tensor<99991xf32>
dl.variable @filters "param" : tensor<3x5x32x64xf32>
dl.field @image : tensor<28x28x16xf32>
dl.field @row : tensor<100000xf32>

// What is squared and summed is one kernel, whose rows are shared among the whole device.
// CHECK-LABEL: func.func @matrix
// CHECK: %[[S:.*]] = dl.mul
// CHECK: %[[P:.*]] = dl.reduce_sum %[[S]] dims [1] : tensor<784x128xf32> -> tensor<784xf32>
// CHECK: dl.reduce_sum %[[P]] dims [0] : tensor<784xf32> -> tensor<f32>
// KERNELS-LABEL: func.func @matrix
// KERNELS: %[[P:.*]] = dl.kernel "rows" "rows 784x128: mul reduce_sum"
// KERNELS: dl.kernel "reduce" "reduce 784: reduce_sum"(%[[P]])
func.func @matrix() {
  %w = dl.read @w : tensor<784x128xf32>
  %s = dl.mul %w, %w : tensor<784x128xf32>
  %y = dl.reduce_sum %s dims [0, 1] : tensor<784x128xf32> -> tensor<f32>
  dl.output "y", %y : tensor<f32>
  return
}

// A long line is seen as a matrix, by what is computed of it as well; a maximum is split as a sum is.
// CHECK-LABEL: func.func @line
// CHECK-DAG: %[[V:.*]] = dl.reshape %{{.*}} : tensor<100000xf32> -> tensor<[[P:[0-9]+]]x[[T:[0-9]+]]xf32>
// CHECK-DAG: %[[C:.*]] = dl.broadcast %{{.*}} dims [] : tensor<f32> -> tensor<[[P]]x[[T]]xf32>
// CHECK-DAG: %[[H:.*]] = dl.constant dense<5.000000e-01> : tensor<[[P]]x[[T]]xf32>
// CHECK-DAG: %[[D:.*]] = dl.sub %[[V]], %[[C]] : tensor<[[P]]x[[T]]xf32>
// CHECK: %[[S:.*]] = dl.mul %[[D]], %[[H]] : tensor<[[P]]x[[T]]xf32>
// CHECK: %[[M:.*]] = dl.reduce_max %[[S]] dims [1]
// CHECK: dl.reduce_max %[[M]] dims [0]
// CHECK: return
// KERNELS-LABEL: func.func @line
// KERNELS: dl.kernel "rows" "rows {{.*}}: sub mul reduce_max"
// KERNELS: dl.kernel "reduce" "reduce {{[0-9]+}}: reduce_max"
// KERNELS-NOT: dl.kernel
// KERNELS: return
func.func @line() {
  %v = dl.read @v : tensor<100000xf32>
  %c = dl.runtime "step" : tensor<f32>
  %b = dl.broadcast %c dims [] : tensor<f32> -> tensor<100000xf32>
  %d = dl.sub %v, %b : tensor<100000xf32>
  %h = dl.constant dense<0.5> : tensor<100000xf32>
  %s = dl.mul %d, %h : tensor<100000xf32>
  %y = dl.reduce_max %s dims [0] : tensor<100000xf32> -> tensor<f32>
  dl.output "y", %y : tensor<f32>
  return
}

// The same over leading dimensions.
// CHECK-LABEL: func.func @columns
// CHECK: dl.reduce_sum %{{.*}} dims [1] : tensor<[[P:[0-9]+]]x[[T:[0-9]+]]x8xf32> -> tensor<[[P]]x8xf32>
// CHECK: dl.reduce_sum %{{.*}} dims [0] : tensor<[[P]]x8xf32> -> tensor<8xf32>
func.func @columns() {
  %u = dl.read @u : tensor<100000x8xf32>
  %y = dl.reduce_sum %u dims [0] : tensor<100000x8xf32> -> tensor<8xf32>
  dl.output "y", %y : tensor<8xf32>
  return
}

// Between the dimensions where that takes the fewest turns: of the batch's images, each is summed by itself.
// CHECK-LABEL: func.func @dims
// CHECK: dl.reduce_sum %{{.*}} dims [2, 3] : tensor<3x5x32x64xf32> -> tensor<3x5xf32>
// CHECK: dl.reduce_sum %{{.*}} dims [0, 1] : tensor<3x5xf32> -> tensor<f32>
// CHECK: dl.reduce_sum %{{.*}} dims [1, 2] : tensor<?x28x28x16xf32> -> tensor<?x16xf32>
// CHECK: dl.reduce_sum %{{.*}} dims [0] : tensor<?x16xf32> -> tensor<16xf32>
func.func @dims() attributes {dl.batch = 64 : i64} {
  %f = dl.read @filters : tensor<3x5x32x64xf32>
  %y = dl.reduce_sum %f dims [0, 1, 2, 3] : tensor<3x5x32x64xf32> -> tensor<f32>
  dl.output "y", %y : tensor<f32>
  %i = dl.input @image : tensor<?x28x28x16xf32>
  %z = dl.reduce_sum %i dims [0, 1, 2] : tensor<?x28x28x16xf32> -> tensor<16xf32>
  dl.output "z", %z : tensor<16xf32>
  return
}

// What has many results, few terms, a size without factors, or would have to be written to be seen otherwise, stays; so do a batch's
// rows, with all that follows.
// CHECK-LABEL: func.func @whole
// CHECK: dl.reduce_sum %{{.*}} dims [1] : tensor<784x128xf32> -> tensor<784xf32>
// CHECK: dl.reduce_sum %{{.*}} dims [0] : tensor<784xf32> -> tensor<f32>
// CHECK: dl.reduce_sum %{{.*}} dims [0] : tensor<99991xf32> -> tensor<f32>
// CHECK: dl.reduce_sum %{{.*}} dims [1] : tensor<8x100000xf32> -> tensor<8xf32>
// CHECK: dl.reduce_sum %{{.*}} dims [1] : tensor<?x100000xf32> -> tensor<?xf32>
// CHECK-NOT: dl.reduce_sum
// CHECK: return
func.func @whole() attributes {dl.batch = 8 : i64} {
  %w = dl.read @w : tensor<784x128xf32>
  %a = dl.reduce_sum %w dims [1] : tensor<784x128xf32> -> tensor<784xf32>
  %b = dl.reduce_sum %a dims [0] : tensor<784xf32> -> tensor<f32>
  dl.output "b", %b : tensor<f32>
  %p = dl.read @prime : tensor<99991xf32>
  %c = dl.reduce_sum %p dims [0] : tensor<99991xf32> -> tensor<f32>
  dl.output "c", %c : tensor<f32>
  %u = dl.read @u : tensor<100000x8xf32>
  %t = dl.transpose %u [1, 0] : tensor<100000x8xf32> -> tensor<8x100000xf32>
  %d = dl.reduce_sum %t dims [1] : tensor<8x100000xf32> -> tensor<8xf32>
  dl.output "d", %d : tensor<8xf32>
  %r = dl.input @row : tensor<?x100000xf32>
  %e = dl.reduce_sum %r dims [1] : tensor<?x100000xf32> -> tensor<?xf32>
  dl.output "e", %e : tensor<?xf32>
  return
}

// Steps that use one value twice take no more time for that.
// CHECK-LABEL: func.func @chain
// CHECK-COUNT-24: dl.mul %{{.*}} : tensor<{{[0-9]+}}x{{[0-9]+}}xf32>
// CHECK-NEXT: dl.reduce_sum
func.func @chain() {
  %s0 = dl.read @v : tensor<100000xf32>
  %s1 = dl.mul %s0, %s0 : tensor<100000xf32>
  %s2 = dl.mul %s1, %s1 : tensor<100000xf32>
  %s3 = dl.mul %s2, %s2 : tensor<100000xf32>
  %s4 = dl.mul %s3, %s3 : tensor<100000xf32>
  %s5 = dl.mul %s4, %s4 : tensor<100000xf32>
  %s6 = dl.mul %s5, %s5 : tensor<100000xf32>
  %s7 = dl.mul %s6, %s6 : tensor<100000xf32>
  %s8 = dl.mul %s7, %s7 : tensor<100000xf32>
  %s9 = dl.mul %s8, %s8 : tensor<100000xf32>
  %s10 = dl.mul %s9, %s9 : tensor<100000xf32>
  %s11 = dl.mul %s10, %s10 : tensor<100000xf32>
  %s12 = dl.mul %s11, %s11 : tensor<100000xf32>
  %s13 = dl.mul %s12, %s12 : tensor<100000xf32>
  %s14 = dl.mul %s13, %s13 : tensor<100000xf32>
  %s15 = dl.mul %s14, %s14 : tensor<100000xf32>
  %s16 = dl.mul %s15, %s15 : tensor<100000xf32>
  %s17 = dl.mul %s16, %s16 : tensor<100000xf32>
  %s18 = dl.mul %s17, %s17 : tensor<100000xf32>
  %s19 = dl.mul %s18, %s18 : tensor<100000xf32>
  %s20 = dl.mul %s19, %s19 : tensor<100000xf32>
  %s21 = dl.mul %s20, %s20 : tensor<100000xf32>
  %s22 = dl.mul %s21, %s21 : tensor<100000xf32>
  %s23 = dl.mul %s22, %s22 : tensor<100000xf32>
  %s24 = dl.mul %s23, %s23 : tensor<100000xf32>
  %y = dl.reduce_sum %s24 dims [0] : tensor<100000xf32> -> tensor<f32>
  dl.output "y", %y : tensor<f32>
  return
}
