// RUN: not dlc-opt %s -split-input-file -dl-group-kernels 2>&1 | FileCheck %s --check-prefix=GRAPH
// RUN: not dlc-opt %s -split-input-file -dl-schedule-kernels 2>&1 | FileCheck %s --check-prefix=KERNELS
// RUN: not dlc-opt %s -split-input-file -dl-plan-memory 2>&1 | FileCheck %s --check-prefix=KERNELS
// RUN: not dlc-opt %s -split-input-file -convert-dl-kernels-to-loops 2>&1 | FileCheck %s --check-prefixes=KERNELS,PLAN
// RUN: not dlc-opt %s -split-input-file -dl-stream 2>&1 | FileCheck %s --check-prefix=STREAM
// A pass says which op is not in the form that it takes.

// GRAPH: error: a program's function is one block
// KERNELS: error: a program's function is one block
func.func private @declared()

// -----

// GRAPH: error: a program's function takes and returns nothing
// KERNELS: error: a program's function takes and returns nothing
// STREAM: error: a program's function takes and returns nothing
func.func @fit(%x: tensor<4xf32>) {
  return
}

// -----

func.func @train() {
  // GRAPH: error: is no op of a program
  // KERNELS: error: is no op of a program
  %c = arith.constant 1 : i64
  return
}

// -----

dl.variable @w "param" : tensor<f32>
func.func @train() {
  %w = dl.read @w : tensor<f32>
  // GRAPH: error: is no op of a graph without derivatives
  // KERNELS: error: is no op of a function of kernels
  %r:2 = dl.grad (%w) {
  ^bb0(%a: tensor<f32>):
    dl.yield %a : tensor<f32>
  } : (tensor<f32>) -> (tensor<f32>, tensor<f32>)
  dl.assign @w, %r#1 : tensor<f32>
  return
}

// -----

dl.variable @w "param" : tensor<f32>
func.func @train() {
  // PLAN: error: has no place in the arena
  %w = dl.read @w : tensor<f32>
  %y = dl.kernel "map" "map: exp" (%w) {
  ^bb0(%a: tensor<f32>):
    %b = dl.exp %a : tensor<f32>
    dl.yield %b : tensor<f32>
  } : (tensor<f32>) -> tensor<f32>
  dl.assign @w, %y : tensor<f32>
  return
}

// -----

dl.field @x : tensor<f32>
func.func @evaluate() {
  %x = dl.input @x : tensor<?xf32>
  // STREAM: error: a streamed function has no batched results
  dl.output "x", %x : tensor<?xf32>
  // KERNELS: error: is no op of a function of kernels
  return
}
