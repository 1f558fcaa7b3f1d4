// RUN: dlc-opt %s -dl-simplify | FileCheck %s

// Elementwise ops on constants are computed.
// CHECK-LABEL: func.func @constants
func.func @constants() -> (tensor<f64>, tensor<3xf32>) {
  // CHECK-DAG: dl.constant dense<1.000000e+00> : tensor<f64>
  // CHECK-DAG: dl.constant dense<2.500000e+00> : tensor<{{.*}}f32>
  // CHECK-NOT: dl.exp
  // CHECK-NOT: dl.mul
  %zero = dl.constant dense<0.0> : tensor<f64>
  %e = dl.exp %zero : tensor<f64>
  %a = dl.constant dense<5.0> : tensor<3xf32>
  %b = dl.constant dense<0.5> : tensor<3xf32>
  %c = dl.mul %a, %b : tensor<3xf32>
  return %e, %c : tensor<f64>, tensor<3xf32>
}

// Constants that differ from element to element stay as they are.
// CHECK-LABEL: func.func @table
func.func @table() -> tensor<2xf32> {
  // CHECK: dl.exp
  %a = dl.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %e = dl.exp %a : tensor<2xf32>
  return %e : tensor<2xf32>
}
