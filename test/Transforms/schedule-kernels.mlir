// RUN: dlc-opt %s -dl-group-kernels -dl-schedule-kernels | FileCheck %s
dl.variable @a "state" : tensor<4x4xf32>
dl.variable @b "state" : tensor<4x4xf32>
dl.field @x : tensor<4xf32>

// @a is overwritten when @b has seen its old value, although the update of @a stands first; a barrier lets all threads read.
// CHECK-LABEL: func.func @order
// CHECK: dl.kernel "map" "map 4x4: sub"
// CHECK: } : (tensor<4x4xf32>, tensor<4x4xf32>)
// CHECK: dl.kernel "map" "map 4x4: exp"
// CHECK: } {barrier} : (tensor<4x4xf32>)
// CHECK-NOT: dl.kernel
// CHECK: dl.assign @a, %{{.*}} {in_place}
// CHECK: dl.assign @b, %{{.*}} {in_place}
func.func @order() {
  %a = dl.read @a : tensor<4x4xf32>
  %b = dl.read @b : tensor<4x4xf32>
  %na = dl.exp %a : tensor<4x4xf32>
  %nb = dl.sub %b, %a : tensor<4x4xf32>
  dl.assign @a, %na : tensor<4x4xf32>
  dl.assign @b, %nb : tensor<4x4xf32>
  return
}

// Two that exchange their values: one is kept aside and copied at the end.
// CHECK-LABEL: func.func @exchange
// CHECK: dl.kernel "map" "map 4x4: copy"
// CHECK: dl.kernel "map" "map 4x4: copy"
// CHECK: } {barrier}
// CHECK: %[[ASIDE:.*]] = dl.kernel "map" "map copy"
// CHECK: dl.copy
// CHECK: } {barrier}
// CHECK: dl.assign @{{.}}, %[[ASIDE]] {in_place}
func.func @exchange() {
  %a = dl.read @a : tensor<4x4xf32>
  %b = dl.read @b : tensor<4x4xf32>
  dl.assign @a, %b : tensor<4x4xf32>
  dl.assign @b, %a : tensor<4x4xf32>
  return
}

// A value that is read at other places than where it is written cannot be written in place, whatever stands between.
// CHECK-LABEL: func.func @elsewhere
// CHECK: dl.kernel "map" "map 4x4: select"
// CHECK: dl.kernel "map" "map copy"
// CHECK: dl.assign @a, %{{.*}} {in_place}
func.func @elsewhere() {
  %a = dl.read @a : tensor<4x4xf32>
  %c = dl.constant dense<0.0> : tensor<4x4xf32>
  %m = dl.gt %a, %c : tensor<4x4xf32>
  %t = dl.transpose %m [1, 0] : tensor<4x4xi1> -> tensor<4x4xi1>
  %n = dl.select %t, %a, %c : tensor<4x4xi1>, tensor<4x4xf32>
  dl.assign @a, %n : tensor<4x4xf32>
  return
}

// Kernels over the batch share one partition of the rows: the second reads what the same thread wrote. The sum over the batch
// reads what others wrote.
// CHECK-LABEL: func.func @rows
// CHECK: dl.kernel "contract"
// CHECK: } {rows} :
// CHECK: dl.kernel "rows"
// CHECK: } {rows} :
// CHECK: dl.kernel "reduce"
// CHECK: } {barrier} :
func.func @rows() attributes {dl.batch = 16 : i64} {
  %x = dl.input @x : tensor<?x4xf32>
  %a = dl.read @a : tensor<4x4xf32>
  %p = dl.dot %x, %a contract [1] x [0] : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  %s = dl.reduce_sum %p dims [1] : tensor<?x4xf32> -> tensor<?xf32>
  %r = dl.broadcast %s dims [0] : tensor<?xf32> -> tensor<?x4xf32>
  %d = dl.div %p, %r : tensor<?x4xf32>
  %t = dl.reduce_sum %d dims [0] : tensor<?x4xf32> -> tensor<4xf32>
  dl.output "t", %t : tensor<4xf32>
  return
}
