//===- Philox.h - Counter-based random numbers ----------------------------------------------===//
//
// Philox4x32-10 of Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC
// 2011. The same function as in compiled code: any number can be had at any time from its counter
// and the seed.
//
//===----------------------------------------------------------------------------------------===//
#ifndef DLRT_PHILOX_H
#define DLRT_PHILOX_H

#include <cstdint>

namespace dlrt {

/// Ten rounds on a counter of four words with a key of two.
inline void philoxRounds(uint32_t counter[4], uint32_t keyLow, uint32_t keyHigh) {
  for (int round = 0; round < 10; ++round) {
    uint64_t product0 = uint64_t(0xD2511F53) * counter[0];
    uint64_t product1 = uint64_t(0xCD9E8D57) * counter[2];
    uint32_t next[4] = {uint32_t(product1 >> 32) ^ counter[1] ^ keyLow, uint32_t(product1),
                        uint32_t(product0 >> 32) ^ counter[3] ^ keyHigh, uint32_t(product0)};
    for (int i = 0; i < 4; ++i)
      counter[i] = next[i];
    keyLow += 0x9E3779B9;
    keyHigh += 0xBB67AE85;
  }
}

/// Four random words for an element, a step and a stream, keyed by the seed.
inline void philox(uint64_t element, uint64_t step, uint32_t stream, uint64_t seed,
                   uint32_t out[4]) {
  out[0] = uint32_t(element);
  out[1] = uint32_t(element >> 32);
  out[2] = uint32_t(step);
  out[3] = stream;
  philoxRounds(out, uint32_t(seed), uint32_t(seed >> 32));
}

} // namespace dlrt
#endif // DLRT_PHILOX_H
