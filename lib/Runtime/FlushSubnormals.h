//===- FlushSubnormals.h - Numbers too small for full precision count as 0 --------------------===//
//
// Running means and gradients fade away through the subnormal numbers, below 1.2e-38 in f32, where
// processors are several times slower, some a hundred times. Nothing is learned from them: kernels
// read and write 0 in their place, as XLA's do.
//
//===------------------------------------------------------------------------------------------===//
#ifndef DLRT_FLUSHSUBNORMALS_H
#define DLRT_FLUSHSUBNORMALS_H

#include <cstdint>

namespace dlrt {

/// While it lives, this thread's arithmetic takes and gives 0 for subnormal numbers.
class FlushSubnormals {
public:
  FlushSubnormals() : before(control()) { setControl(before | kFlush); }
  ~FlushSubnormals() { setControl(before); }
  FlushSubnormals(const FlushSubnormals &) = delete;
  FlushSubnormals &operator=(const FlushSubnormals &) = delete;

private:
#if defined(__x86_64__)
  static constexpr uint64_t kFlush = 0x8040; // of results and of operands: FTZ, DAZ
  static uint64_t control() { return __builtin_ia32_stmxcsr(); }
  static void setControl(uint64_t value) { __builtin_ia32_ldmxcsr(static_cast<unsigned>(value)); }
#elif defined(__aarch64__)
  static constexpr uint64_t kFlush = uint64_t(1) << 24; // FZ
  static uint64_t control() {
    uint64_t value;
    asm volatile("mrs %0, fpcr" : "=r"(value));
    return value;
  }
  static void setControl(uint64_t value) { asm volatile("msr fpcr, %0" : : "r"(value)); }
#endif

  uint64_t before;
};

} // namespace dlrt
#endif // DLRT_FLUSHSUBNORMALS_H
