// RUN: dlc-opt %s -dl-stream | FileCheck %s
// A deviation about the mean needs the mean first: two passes over the data, each with an accumulator of its own.

// CHECK-DAG: dl.variable @evaluate.accumulator.0 "accumulator" : tensor<f32>
// CHECK-DAG: dl.variable @evaluate.accumulator.1 "accumulator" : tensor<3xf32>
// CHECK-LABEL: func.func @evaluate.reset()
// CHECK-SAME: dl.batch = 64
// CHECK: %[[ZERO:.*]] = dl.constant dense<0.0
// CHECK: dl.assign @evaluate.accumulator.0, %[[ZERO]]
// A maximum starts at minus infinity.
// CHECK: dl.constant dense<0xFF800000>
// CHECK: dl.assign @evaluate.accumulator.1
// CHECK-LABEL: func.func @evaluate.0()
// CHECK: %[[PART:.*]] = dl.reduce_sum %{{.*}} dims [0, 1]
// CHECK: %[[BEFORE:.*]] = dl.read @evaluate.accumulator.0
// CHECK: %[[AFTER:.*]] = dl.add %[[BEFORE]], %[[PART]]
// CHECK: dl.assign @evaluate.accumulator.0, %[[AFTER]]
// CHECK-NOT: reduce_max
// CHECK-LABEL: func.func @evaluate.1()
// CHECK-NOT: reduce_sum
// CHECK: %[[SUM:.*]] = dl.read @evaluate.accumulator.0
// CHECK: dl.div %[[SUM]]
// CHECK: dl.reduce_max
// CHECK: dl.max
// CHECK: dl.assign @evaluate.accumulator.1
// CHECK-LABEL: func.func @evaluate.final()
// CHECK-NOT: dl.input
// CHECK: %[[MOST:.*]] = dl.read @evaluate.accumulator.1
// CHECK: dl.output "most", %[[MOST]]
// CHECK-NOT: func.func @evaluate()
dl.field @x : tensor<3xf32>
func.func @evaluate() attributes {dl.batch = 64 : i64} {
  %x = dl.input @x : tensor<?x3xf32>
  %n = dl.runtime "total_rows" : tensor<f32>
  %sum = dl.reduce_sum %x dims [0, 1] : tensor<?x3xf32> -> tensor<f32>
  %mean = dl.div %sum, %n : tensor<f32>
  %b = dl.broadcast %mean dims [] : tensor<f32> -> tensor<?x3xf32>
  %d = dl.sub %x, %b : tensor<?x3xf32>
  %most = dl.reduce_max %d dims [0] : tensor<?x3xf32> -> tensor<3xf32>
  dl.output "most", %most : tensor<3xf32>
  return
}
