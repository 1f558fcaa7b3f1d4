// RUN: dlc-opt %s -dl-mixed-precision=operands=bf16 | FileCheck %s
// RUN: dlc-opt %s -dl-mixed-precision=operands=bf16 -dl-group-kernels=fuse-loads | FileCheck %s --check-prefix=KERNEL
// RUN: dlc-opt %s -dl-mixed-precision=operands=f16 | FileCheck %s --check-prefix=F16
// F16: tensor<64x10xf16>
// F16-NOT: bf16
dl.field @x : tensor<32xf32>
dl.variable @small "param" : tensor<32x64xf32>
dl.variable @wide "param" : tensor<32x512xf32>
dl.variable @v "param" : tensor<64x10xf32>

// What two products read, and else only relu's derivative, lies in memory in 16 bits alone: the product that makes it stores it so.
// A weight that each product reads once is converted on its way. The other side's rows and columns say how often that is.
// CHECK-LABEL: func.func @activation
// KERNEL-LABEL: func.func @activation
func.func @activation() attributes {dl.batch = 128 : i64} {
  %x = dl.input @x : tensor<?x32xf32>
  %w = dl.read @small : tensor<32x64xf32>
  %v = dl.read @v : tensor<64x10xf32>
  %p = dl.dot %x, %w contract [1] x [0] : (tensor<?x32xf32>, tensor<32x64xf32>) -> tensor<?x64xf32>
  %c = dl.constant dense<0.0> : tensor<f32>
  %zero = dl.broadcast %c dims [] : tensor<f32> -> tensor<?x64xf32>
  // CHECK: dl.dot %{{.*}} : (tensor<?x32xbf16>, tensor<32x64xbf16>) -> tensor<?x64xf32>
  // CHECK: %[[H:.*]] = dl.max
  // CHECK-NEXT: %[[CONVERTED:.*]] = dl.cast %[[H]] : tensor<?x64xf32> -> tensor<?x64xbf16>
  // CHECK-NEXT: %[[STORED:.*]] = dl.copy %[[CONVERTED]]
  // KERNEL: dl.kernel "contract" "contract batchx64 k=32: dot max copy"(%{{[0-9]+}}, %{{[0-9]+}}) {
  // KERNEL-NEXT: ^bb0(%[[X:.*]]: tensor<?x32xf32>, %[[W:.*]]: tensor<32x64xf32>):
  // KERNEL-DAG: dl.cast %[[X]] : tensor<?x32xf32> -> tensor<?x32xbf16>
  // KERNEL-DAG: dl.cast %[[W]] : tensor<32x64xf32> -> tensor<32x64xbf16>
  // KERNEL: dl.yield %{{[0-9]+}} : tensor<?x64xbf16>
  // KERNEL: -> tensor<?x64xbf16>
  %h = dl.max %p, %zero : tensor<?x64xf32>
  // CHECK: %[[V:.*]] = dl.cast %{{.*}} : tensor<64x10xf32> -> tensor<64x10xbf16>
  // CHECK-NEXT: dl.dot %[[STORED]], %[[V]]
  %y = dl.dot %h, %v contract [1] x [0] : (tensor<?x64xf32>, tensor<64x10xf32>) -> tensor<?x10xf32>
  // CHECK: dl.dot %[[STORED]], %{{.*}} contract [0] x [0]
  %g = dl.dot %h, %y contract [0] x [0] : (tensor<?x64xf32>, tensor<?x10xf32>) -> tensor<64x10xf32>
  // CHECK: %[[SEEN:.*]] = dl.cast %[[STORED]] : tensor<?x64xbf16> -> tensor<?x64xf32>
  // CHECK-NEXT: dl.gt %[[SEEN]]
  // KERNEL: dl.kernel "contract" "contract batchx64 k=10: dot select"
  // KERNEL-NEXT: ^bb0(%{{.*}}: tensor<?x10xbf16>, %{{.*}}: tensor<64x10xf32>, %[[H:.*]]: tensor<?x64xbf16>):
  // KERNEL: dl.cast %[[H]] : tensor<?x64xbf16> -> tensor<?x64xf32>
  %m = dl.gt %h, %zero : tensor<?x64xf32>
  %q = dl.dot %y, %v contract [1] x [1] : (tensor<?x10xf32>, tensor<64x10xf32>) -> tensor<?x64xf32>
  %d = dl.select %m, %q, %zero : tensor<?x64xi1>, tensor<?x64xf32>
  dl.output "g", %g : tensor<64x10xf32>
  dl.output "d", %d : tensor<?x64xf32>
  return
}

// A weight that a product reads four times, for 512 rows, is converted first, and once.
// CHECK-LABEL: func.func @weight
func.func @weight() attributes {dl.batch = 512 : i64} {
  %x = dl.input @x : tensor<?x32xf32>
  // CHECK: %[[W:.*]] = dl.read @wide
  // CHECK-NEXT: %[[CONVERTED:.*]] = dl.cast %[[W]]
  // CHECK-NEXT: %[[STORED:.*]] = dl.copy %[[CONVERTED]]
  // CHECK: dl.dot %{{.*}}, %[[STORED]]
  %w = dl.read @wide : tensor<32x512xf32>
  %y = dl.dot %x, %w contract [1] x [0] : (tensor<?x32xf32>, tensor<32x512xf32>) -> tensor<?x512xf32>
  dl.output "y", %y : tensor<?x512xf32>
  return
}

// What is also needed in f32 is stored twice where two reads by products pay for it, under whatever shape they see it.
// CHECK-LABEL: func.func @both
// KERNEL-LABEL: func.func @both
func.func @both() attributes {dl.batch = 32 : i64} {
  %x = dl.input @x : tensor<?x32xf32>
  // CHECK: %[[T:.*]] = dl.tanh
  // CHECK: %[[STORED:.*]] = dl.copy
  // CHECK: %[[VIEW:.*]] = dl.reshape %[[STORED]] : tensor<?x32xbf16> -> tensor<?x2x16xbf16>
  // CHECK: dl.dot %[[VIEW]], %{{.*}} batch [0] x [0] contract [2] x [2] : (tensor<?x2x16xbf16>, tensor<?x2x16xbf16>)
  // CHECK: dl.mul %[[T]], %[[T]]
  // KERNEL: dl.kernel "map" "map batchx32: tanh copy mul"
  // KERNEL: -> (tensor<?x32xbf16>, tensor<?x32xf32>)
  %t = dl.tanh %x : tensor<?x32xf32>
  %r = dl.reshape %t : tensor<?x32xf32> -> tensor<?x2x16xf32>
  %y = dl.dot %r, %r batch [0] x [0] contract [2] x [2] : (tensor<?x2x16xf32>, tensor<?x2x16xf32>) -> tensor<?x2x2xf32>
  %s = dl.mul %t, %t : tensor<?x32xf32>
  dl.output "y", %y : tensor<?x2x2xf32>
  dl.output "s", %s : tensor<?x32xf32>
  return
}

// Products of f64 stay as they are.
// CHECK-LABEL: func.func @double
func.func @double() {
  // CHECK-NOT: dl.cast
  // CHECK: return
  %a = dl.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf64>
  %y = dl.dot %a, %a contract [1] x [0] : (tensor<2x2xf64>, tensor<2x2xf64>) -> tensor<2x2xf64>
  dl.output "y", %y : tensor<2x2xf64>
  return
}
