//===- TensorMap.cpp - cuTensorMapEncodeTiled -------------------------------------------------===//
#include "TensorMap.h"
#include "Driver.h"

#include <cstring>

using namespace emulator;

namespace {
/// By the number of a data type: unsigned of 8, 16, 32 bits, int32, 64 bits twice, f16, f32, f64,
/// bf16, f32 without subnormals, tf32 with and without them.
constexpr int kElementBytes[] = {1, 2, 4, 4, 8, 8, 2, 4, 8, 2, 4, 4, 4};
constexpr uint64_t kMostElements = 1ull << 32, kMostStride = 1ull << 40;

/// What the driver's documentation demands of a tensor and a box; without interleaving.
bool isValid(const TensorMap &map, const unsigned *elementStrides) {
  if (map.rank < 1 || map.rank > 5 || reinterpret_cast<uintptr_t>(map.address) % 16)
    return false;
  for (int d = 0; d < map.rank; ++d)
    if (!map.dims[d] || map.dims[d] > kMostElements || !map.box[d] || map.box[d] > 256 ||
        elementStrides[d] != 1)
      return false;
  for (int d = 0; d + 1 < map.rank; ++d) {
    uint64_t inner = d ? map.strides[d - 1] * map.dims[d] : map.elementBytes * map.dims[0];
    if (map.strides[d] % 16 || map.strides[d] >= kMostStride || map.strides[d] < inner)
      return false;
  }
  int innerBytes = map.box[0] * map.elementBytes;
  return innerBytes % 16 == 0 && (!map.swizzle || innerBytes <= 16 << map.swizzle);
}
} // namespace

int cuTensorMapEncodeTiled(void *out, int elementType, unsigned rank, void *address,
                           const uint64_t *dims, const uint64_t *strides, const unsigned *box,
                           const unsigned *elementStrides, int interleave, int swizzle,
                           int promotion, int fill) {
  return call(__func__, Call::Query, [&] {
    if (!out || reinterpret_cast<uintptr_t>(out) % 64 || !dims || !box || !elementStrides ||
        rank < 1 || rank > 5 || (rank > 1 && !strides))
      return CUDA_ERROR_INVALID_VALUE;
    if (elementType < 0 || elementType > 12 || swizzle < 0 || swizzle > 3 || promotion < 0 ||
        promotion > 3)
      return CUDA_ERROR_INVALID_VALUE;
    if (interleave || fill) // of what there is, only what dlc uses
      return CUDA_ERROR_NOT_SUPPORTED;
    TensorMap map = {};
    map.mark = kTensorMapMark;
    map.address = static_cast<char *>(address);
    map.rank = static_cast<uint8_t>(rank);
    map.elementBytes = static_cast<uint8_t>(kElementBytes[elementType]);
    map.swizzle = static_cast<uint8_t>(swizzle);
    for (unsigned d = 0; d < rank; ++d) {
      map.dims[d] = dims[d];
      map.box[d] = box[d] > 256 ? 0 : static_cast<uint16_t>(box[d]);
      if (d + 1 < rank)
        map.strides[d] = strides[d];
    }
    if (!isValid(map, elementStrides))
      return CUDA_ERROR_INVALID_VALUE;
    std::memset(out, 0, 128);
    std::memcpy(out, &map, sizeof(map));
    return CUDA_SUCCESS;
  });
}
