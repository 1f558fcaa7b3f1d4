//===- TensorMap.h - What cuTensorMapEncodeTiled writes ---------------------------------------===//
#ifndef EMULATOR_TENSORMAP_H
#define EMULATOR_TENSORMAP_H

#include <cstddef>
#include <cstdint>

namespace emulator {

constexpr uint64_t kTensorMapMark = 0x70616d726f736e65; // tells a map from other bytes

/// The emulator's form of the 128 bytes. Dimensions are listed from the innermost on.
struct TensorMap {
  uint64_t mark;
  char *address;
  uint64_t dims[5];
  uint64_t strides[4]; // bytes, from the second dimension on
  uint16_t box[5];
  uint8_t rank, elementBytes, swizzle; // swizzle: 0 none, 1 to 3 of 32, 64 or 128 bytes

  size_t boxBytes() const {
    size_t bytes = elementBytes;
    for (int d = 0; d < rank; ++d)
      bytes *= box[d];
    return bytes;
  }
};
static_assert(sizeof(TensorMap) <= 128);

/// Where what belongs to a shared memory address lies under a swizzle (TensorMap::swizzle): within
/// 1024, 512 or 256 bytes, units of 16 bytes change places by the line of 128 bytes that they are
/// in.
inline uintptr_t swizzled(uintptr_t address, int swizzle) {
  uintptr_t lines = (1u << swizzle) - 1;
  return address ^ (address >> 7 & lines) << 4;
}

/// What an address must be a multiple of for that.
inline uintptr_t swizzleAlignment(int swizzle) { return 128u << swizzle; }

} // namespace emulator
#endif // EMULATOR_TENSORMAP_H
