//===- WarpgroupKernels.cpp - A product by wgmma, and ways to get it wrong --------------------===//
//
// The kernels' form is that of EmulatorKernels.h.
//
//===------------------------------------------------------------------------------------------===//
#include "DeviceFunctions.h"
#include "WarpgroupMistakes.h"

#include <initializer_list>

using namespace emulator;

namespace {
constexpr int kRows = 64, kColumns = 32, kStages = 2, kConsumers = 128;

/// Where things lie in shared memory, and how: lines or terms in groups of `width` bytes.
struct Layout {
  int64_t swizzle, mistake;
  int width() const { return 16 << swizzle; }
  int terms() const { return width() / 2; } // of a stage
  /// An operand's part of a stage: as many boxes as its lines take, `terms` by `width`.
  int boxes(int lines, bool transposed) const {
    return transposed ? (lines + terms() - 1) / terms() : 1;
  }
  int bytes(int lines, bool transposed) const {
    return (transposed ? boxes(lines, true) * terms() : lines) * width();
  }
};

uint64_t describe(const char *place, const Layout &layout, bool transposed, int term) {
  int width = layout.width(), mode = 4 - static_cast<int>(layout.swizzle);
  if (layout.mistake == OtherSwizzle)
    mode = mode == 1 ? 2 : 1;
  uint64_t address = reinterpret_cast<uintptr_t>(place) + (transposed ? term * width : term * 2);
  uint64_t leading = layout.terms() * width, stride = 8 * width;
  return (address & 0x3ffff) >> 4 | leading >> 4 << 16 | stride >> 4 << 32 | uint64_t(mode) << 62;
}

void waitFor(void *barrier, int parity) {
  while (!emu_mbarrier_try_wait(barrier, parity)) {
  }
}

struct Operand {
  const void *map;
  int lines;
  bool transposed;
};
} // namespace

extern "C" const int64_t multiplyTilesArguments __asm__("multiplyTiles.arguments") = 8;
extern "C" const int64_t multiplyTilesMaps __asm__("multiplyTiles.maps") = 2;

/// out (64, 32) = a (64, terms) b (terms, 32): four warps multiply what a fifth one has brought.
/// `transposed` has bits for a and b, whose lines lie beside each other instead of their terms.
extern "C" void multiplyTiles(float *out, int64_t terms, int64_t swizzle, int64_t transposed,
                              int64_t isF16, int64_t mistake, const void *mapA, const void *mapB) {
  Layout layout = {swizzle, mistake};
  Operand a = {mapA, kRows, (transposed & 1) != 0}, b = {mapB, kColumns, (transposed & 2) != 0};
  int bytesA = layout.bytes(kRows, a.transposed), bytesB = layout.bytes(kColumns, b.transposed);
  int stageBytes = (bytesA + bytesB + 1023) / 1024 * 1024;
  char *shared = static_cast<char *>(emu_shared());
  auto *full = reinterpret_cast<uint64_t *>(shared + kStages * stageBytes), *empty = full + kStages;
  if (mistake == MisalignedStage)
    shared += 16;
  if (emu_tid_x() == 0) {
    for (int stage = 0; stage < kStages; ++stage) {
      emu_mbarrier_init(&full[stage], 1);
      emu_mbarrier_init(&empty[stage], mistake == TooFewExpected ? 3 : 4);
    }
    emu_fence_mbarrier_init();
    if (mistake != NoProxyFence)
      emu_fence_proxy_async();
  }
  emu_barrier();
  int steps = static_cast<int>((terms + layout.terms() - 1) / layout.terms());

  if (emu_tid_x() == kConsumers) { // brings operands
    for (int step = 0; step < steps; ++step) {
      int stage = step % kStages, round = step / kStages, term = step * layout.terms();
      if (mistake != NoWaitForEmpty)
        waitFor(&empty[stage], (round & 1) ^ 1);
      if (mistake == NoExpectedBytes)
        emu_mbarrier_arrive(&full[stage]);
      else
        emu_mbarrier_arrive_expect(&full[stage], bytesA + bytesB - 16 * (mistake == TooFewBytes));
      char *place = shared + stage * stageBytes;
      for (const Operand &operand : {a, b}) {
        for (int box = 0; box < layout.boxes(operand.lines, operand.transposed); ++box) {
          int line = box * layout.terms();
          emu_tma_load_3d(place + box * layout.terms() * layout.width(), &full[stage], operand.map,
                          operand.transposed ? line : term, operand.transposed ? term : line, 0, 0,
                          0, false, false, 0);
        }
        place += bytesA;
      }
    }
  }
  if (emu_tid_x() >= kConsumers)
    return;

  float sums[kColumns / 2] = {};
  for (int step = 0; step < steps; ++step) {
    int stage = step % kStages, round = step / kStages;
    if (mistake != NoWaitForFull)
      waitFor(&full[stage], (round & 1) ^ (mistake == WrongParity));
    if (mistake != NoFence)
      emu_wgmma_fence();
    char *place = shared + (mistake == StageOffByOne ? (stage + 1) % kStages : stage) * stageBytes;
    for (int term = 0; term < layout.terms(); term += 16) {
      int seen = mistake == LanesDiffer && emu_laneid() == 5 ? 0 : term;
      emu_wgmma(sums, describe(place, layout, a.transposed, seen),
                describe(place + bytesA, layout, b.transposed, seen), kColumns, isF16 != 0,
                a.transposed, b.transposed);
    }
    if (mistake != NoCommit)
      emu_wgmma_commit();
    if (mistake == EmptyBeforeWait && emu_laneid() == 0)
      emu_mbarrier_arrive(&empty[stage]);
    if (mistake != NoWaitForSums)
      emu_wgmma_wait(sums, kColumns / 2, 0);
    if (mistake != EmptyBeforeWait && emu_laneid() == 0)
      emu_mbarrier_arrive(&empty[stage]);
  }
  int lane = emu_laneid(), row = emu_tid_x() / 32 * 16 + lane / 4, column = 2 * (lane % 4);
  for (int i = 0; i < kColumns / 2; ++i)
    out[(row + 8 * (i / 2 % 2)) * kColumns + column + 8 * (i / 4) + i % 2] = sums[i];
  if (mistake == NoWaitForSums) // too late
    emu_wgmma_wait(sums, kColumns / 2, 0);
}

extern "C" const int64_t shareRegistersArguments __asm__("shareRegisters.arguments") = 2;

/// A block of 12 warps, of which the first four give `fewer` registers back and the others get
/// `more`.
extern "C" void shareRegisters(int64_t fewer, int64_t more) {
  if (emu_tid_x() < 128)
    emu_setmaxnreg_dec(static_cast<int>(fewer));
  else
    emu_setmaxnreg_inc(static_cast<int>(more));
}
