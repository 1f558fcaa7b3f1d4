//===- Peak.cpp -----------------------------------------------------------------------------===//
#include "Peak.h"
#include "Commands.h"

#include <algorithm>

using namespace dlrt;

namespace {
constexpr int64_t kIterations = 200000;

/// Independent chains of multiply-adds: two units of four or five cycles are busy with ten. More
/// would not fit the sixteen registers that the compiler gives them, and a chain through memory
/// halves the rate now and then.
constexpr int kChains = 12;

/// `kIterations` multiply-adds in each of the chains of vectors of `Bytes` bytes.
template <typename T, int Bytes> [[gnu::always_inline]] inline T chains(T start) {
  typedef T Vector __attribute__((vector_size(Bytes)));
  Vector sums[kChains];
  Vector factor = Vector{} + start, addend = Vector{} + start;
  for (int chain = 0; chain < kChains; ++chain)
    sums[chain] = Vector{} + static_cast<T>(chain);
  for (int64_t i = 0; i < kIterations; ++i) {
#pragma clang loop unroll(full)
    for (int chain = 0; chain < kChains; ++chain) {
      sums[chain] = sums[chain] * factor + addend;
    }
  }
  Vector total{};
  for (int chain = 0; chain < kChains; ++chain)
    total += sums[chain];
  return total[0];
}

#if defined(__x86_64__)
#define LEVEL(name, features, bytes)                                                               \
  template <typename T> __attribute__((target(features))) T name(T start) {                        \
    return chains<T, bytes>(start);                                                                \
  }
LEVEL(wide, "avx512f,fma", 64)
LEVEL(middle, "avx2,fma", 32)
#endif
template <typename T> T narrow(T start) { return chains<T, 16>(start); }

struct Try {
  bool doublePrecision;
  double flop = 0; // of one thread
  volatile double sink = 0;

  template <typename T> void run(int64_t thread) {
    T (*function)(T) = narrow<T>;
    int bytes = 16;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f")) {
      function = wide<T>;
      bytes = 64;
    } else if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
      function = middle<T>;
      bytes = 32;
    }
#endif
    T result = function(static_cast<T>(0.5));
    if (thread == 0) {
      sink = static_cast<double>(result);
      flop = 2.0 * kIterations * kChains * (bytes / static_cast<int>(sizeof(T)));
    }
  }

  static void body(void *self, int64_t thread, int64_t) {
    Try &attempt = *static_cast<Try *>(self);
    attempt.doublePrecision ? attempt.run<double>(thread) : attempt.run<float>(thread);
  }
};
} // namespace

double dlrt::measurePeak(ThreadPool &pool, bool doublePrecision) {
  Try attempt{doublePrecision};
  double best = 0;
  for (int i = 0; i < 40; ++i) {
    double start = now();
    pool.run(Try::body, &attempt);
    best = std::max(best, attempt.flop * pool.threads() / (now() - start) * 1e-9);
  }
  return best;
}
