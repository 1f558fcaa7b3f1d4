//===- Matrices.cpp - ldmatrix and mma.sync ---------------------------------------------------===//
#include "Collectives.h"
#include "DeviceFunctions.h"
#include "Floats.h"

#include <cstring>

using namespace emulator;

//===----------------------------------------------------------------------------------------===//
// ldmatrix
//===----------------------------------------------------------------------------------------===//

namespace {
struct MatrixLoad {
  uint32_t *out;
  const void *row;
  int count;
};

template <bool Transposed> void completeLoad(Warp &warp, uint32_t) {
  auto at = [&](int lane) { return static_cast<MatrixLoad *>(warp.operands[lane]); };
  int count = at(0)->count;
  for (int lane = 1; lane < kLanes; ++lane)
    if (at(lane)->count != count)
      grid.fail("ldmatrix: %d matrices, but %d in lane %d", count, at(lane)->count, lane);
  for (int matrix = 0; matrix < count; ++matrix) {
    uint16_t m[8][8];
    for (int r = 0; r < 8; ++r)
      std::memcpy(m[r], at(8 * matrix + r)->row, sizeof(m[r]));
    for (int lane = 0; lane < kLanes; ++lane) {
      int row = lane / 4, column = 2 * (lane % 4);
      uint32_t low = Transposed ? m[column][row] : m[row][column];
      uint32_t high = Transposed ? m[column + 1][row] : m[row][column + 1];
      at(lane)->out[matrix] = low | high << 16;
    }
  }
}

constexpr char kLoad[] = "ldmatrix", kLoadTransposed[] = "ldmatrix.trans";
} // namespace

void emu_ldmatrix(uint32_t *out, const void *row, int count, int transposed) {
  Thread &thread = grid.current();
  if (count != 1 && count != 2 && count != 4)
    grid.fail("ldmatrix: %d matrices; 1, 2 or 4 are possible", count);
  if (thread.lane < 8 * count) { // the other lanes' addresses do not matter
    if (reinterpret_cast<uintptr_t>(row) % 16)
      grid.fail("ldmatrix: the row at %p is not aligned to 16 bytes", row);
    if (!thread.block->holds(row, 16))
      grid.fail("ldmatrix: a row is outside of the block's shared memory, at offset %td",
                static_cast<const char *>(row) - thread.block->shared);
  }
  MatrixLoad mine = {out, row, count};
  if (transposed)
    meet(kLoadTransposed, kAllLanes, &mine, completeLoad<true>);
  else
    meet(kLoad, kAllLanes, &mine, completeLoad<false>);
}

//===----------------------------------------------------------------------------------------===//
// mma.sync
//===----------------------------------------------------------------------------------------===//

namespace {
// Operand types: how many elements a register holds, and the float that element `i` is.
struct Bf16 {
  static constexpr int kPerRegister = 2;
  static constexpr char kName[] = "mma.m16n8k16.bf16";
  static float get(uint32_t word, int i) { return fromBF16(static_cast<uint16_t>(word >> 16 * i)); }
};

struct F16 {
  static constexpr int kPerRegister = 2;
  static constexpr char kName[] = "mma.m16n8k16.f16";
  static float get(uint32_t word, int i) { return fromF16(static_cast<uint16_t>(word >> 16 * i)); }
};

struct Tf32 {
  static constexpr int kPerRegister = 1;
  static constexpr char kName[] = "mma.m16n8k8.tf32";
  /// Bits that the format lacks are ignored, not rounded.
  static float get(uint32_t word, int) { return fromBits(word & 0xffffe000); }
};

/// c (16 x 8) += a (16 x K) b (K x 8). Lane l holds, with g = l / 4 and t = l % 4:
///   a[q]: row g + 8 (q % 2), columns P t + i + K/2 (q / 2)
///   b[q]: rows P t + i + K/2 q, column g
///   c[q]: row g + 8 (q / 2), column 2 t + q % 2
/// where P elements i are in a register.
template <typename Type> void completeProduct(Warp &warp, uint32_t) {
  constexpr int P = Type::kPerRegister, K = 8 * P;
  float a[16][K], b[K][8];
  for (int lane = 0; lane < kLanes; ++lane) {
    const EmuMma &mma = *static_cast<EmuMma *>(warp.operands[lane]);
    int g = lane / 4, t = lane % 4;
    for (int q = 0; q < 4; ++q)
      for (int i = 0; i < P; ++i)
        a[g + 8 * (q % 2)][P * t + i + K / 2 * (q / 2)] = Type::get(mma.a[q], i);
    for (int q = 0; q < 2; ++q)
      for (int i = 0; i < P; ++i)
        b[P * t + i + K / 2 * q][g] = Type::get(mma.b[q], i);
  }
  for (int lane = 0; lane < kLanes; ++lane) {
    EmuMma &mma = *static_cast<EmuMma *>(warp.operands[lane]);
    for (int q = 0; q < 4; ++q) {
      int row = lane / 4 + 8 * (q / 2), column = 2 * (lane % 4) + q % 2;
      float sum = mma.c[q];
      for (int k = 0; k < K; ++k)
        sum += a[row][k] * b[k][column];
      mma.c[q] = sum;
    }
  }
}

template <typename Type> void multiply(void *mma) {
  meet(Type::kName, kAllLanes, mma, completeProduct<Type>);
}
} // namespace

void emu_mma_m16n8k16_bf16(void *mma) { multiply<Bf16>(mma); }
void emu_mma_m16n8k16_f16(void *mma) { multiply<F16>(mma); }
void emu_mma_m16n8k8_tf32(void *mma) { multiply<Tf32>(mma); }
