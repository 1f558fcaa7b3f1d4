// RUN: dlc-opt %s -dl-loops-to-llvm | FileCheck %s
// All that is left is LLVM's dialect. In f32, exp is a polynomial; in f64 it is libm's, and so is erf, which LLVM does not know.
// CHECK-DAG: llvm.func @erf(f64) -> f64
// CHECK-LABEL: llvm.func @f(
// CHECK-NOT: llvm.intr.exp(%{{.*}}f32
// CHECK: llvm.intr.fma(%{{.*}}) : (vector<16xf32>
// CHECK: llvm.cond_br
// CHECK: llvm.intr.exp(%{{.*}}) : (f64) -> f64
// CHECK: llvm.call @erf(
// CHECK-NOT: {{(scf|vector|math|arith|func|cf)\.}}
func.func @f(%p: !llvm.ptr, %n: i64) {
  %zero = arith.constant 0 : i64
  %one = arith.constant 1 : i64
  %v = llvm.load %p : !llvm.ptr -> vector<16xf32>
  %e = math.exp %v : vector<16xf32>
  llvm.store %e, %p : vector<16xf32>, !llvm.ptr
  scf.for %i = %zero to %n step %one : i64 {
    %s = llvm.load %p : !llvm.ptr -> f64
    %x = math.exp %s : f64
    %y = math.erf %x : f64
    llvm.store %y, %p : f64, !llvm.ptr
  }
  return
}
