// What sorts is a GPU's, and a thread has at least one key.
// RUN: not dlc-opt %s --dl-plan-memory --convert-dl-kernels-to-loops 2>&1 | FileCheck %s --check-prefix=CPU
// RUN: not dlc-opt %s --dl-plan-memory --dl-plan-launches --convert-dl-kernels-to-device 2>&1 | FileCheck %s
// CPU: error: sorts, which GPUs do
// CHECK: error: sorts chunks of at least 256 keys
dl.variable @i "state" : tensor<100xi32>
func.func @train() {
  %i = dl.read @i : tensor<100xi32>
  %k = dl.kernel "sort" "sort" (%i) {
  ^bb0(%a: tensor<100xi32>):
    %s = dl.sort %a rows 65 : tensor<100xi32> -> tensor<1x128xi32>
    dl.yield %s : tensor<1x128xi32>
  } : (tensor<100xi32>) -> tensor<1x128xi32>
  dl.output "k", %k : tensor<1x128xi32>
  return
}
