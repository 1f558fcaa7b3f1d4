// RUN: dlc-opt %s -dl-group-kernels -dl-schedule-kernels -dl-plan-memory -convert-dl-kernels-to-loops | FileCheck %s
// The largest of bytes starts at 0, of whole numbers at the smallest: bytes are unsigned.
dl.variable @bytes "state" : tensor<2xi8>
dl.variable @numbers "state" : tensor<2xi32>
dl.field @b : tensor<2x5xi8>
dl.field @n : tensor<2x5xi32>
// CHECK-DAG: arith.constant dense<0> : vector<16xi8>
// CHECK-DAG: arith.constant dense<-2147483648> : vector<16xi32>
// CHECK-DAG: arith.cmpi ugt, %{{.*}} : vector<16xi8>
// CHECK-DAG: arith.cmpi sgt, %{{.*}} : vector<16xi32>
func.func @train() attributes {dl.batch = 4 : i64} {
  %b = dl.input @b : tensor<?x2x5xi8>
  %mb = dl.reduce_max %b dims [0, 2] : tensor<?x2x5xi8> -> tensor<2xi8>
  dl.assign @bytes, %mb : tensor<2xi8>
  %n = dl.input @n : tensor<?x2x5xi32>
  %mn = dl.reduce_max %n dims [0, 2] : tensor<?x2x5xi32> -> tensor<2xi32>
  dl.assign @numbers, %mn : tensor<2xi32>
  return
}
