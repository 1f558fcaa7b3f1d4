//===- Floats.h - Numbers of 16 bits ----------------------------------------------------------===//
#ifndef EMULATOR_FLOATS_H
#define EMULATOR_FLOATS_H

#include <cmath>
#include <cstdint>
#include <cstring>

namespace emulator {

inline float fromBits(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

inline float fromBF16(uint16_t bits) { return fromBits(uint32_t(bits) << 16); }

inline float fromF16(uint16_t bits) {
  uint32_t exponent = bits >> 10 & 31, mantissa = bits & 1023, sign = uint32_t(bits >> 15) << 31;
  if (exponent == 0)
    return std::copysign(static_cast<float>(mantissa) * 0x1p-24f, fromBits(sign | 0x3f800000));
  if (exponent == 31)
    return fromBits(sign | 0x7f800000 | mantissa << 13);
  return fromBits(sign | (exponent + 112) << 23 | mantissa << 13);
}

} // namespace emulator
#endif // EMULATOR_FLOATS_H
