//===- MistakeKernels.cpp - Kernels that are wrong whatever runs beside them ------------------===//
#include "EmulatorKernels.h"

#include <cstring>

/// Calls that no kernel may make, by number.
KERNEL(misuse, 1)(int64_t which) {
  char *memory = shared<char>();
  int lane = emu_laneid();
  switch (which) {
  case 0:
    return emu_cp_async(memory, memory, 12, 12);
  case 1:
    return emu_cp_async(memory, memory, 8, 9);
  case 2:
    return emu_cp_async_wait(-1);
  case 3:
    return emu_barrier_n(16, 32);
  case 4:
    return emu_barrier_n(1, 33);
  case 5:
    return emu_barrier_n(1, lane % 2 ? 32 : 64);
  case 6:
    return emu_cluster_wait();
  case 7:
    emu_cluster_arrive();
    return emu_cluster_arrive();
  case 8:
    emu_cluster_map(memory, 1);
    return;
  case 9:
    emu_cluster_map(memory - 1, 0);
    return;
  case 10:
    if (lane < 16)
      emu_shfl_bfly_i32(0xffff, lane, 16, 31);
    return;
  case 11:
    emu_ballot(1, true);
    return;
  case 12:
    emu_atomic_add_i32(reinterpret_cast<int *>(memory + 2), 1);
    return;
  case 13:
    return emu_check_aligned(memory + 8, 16);
  case 14:
    uint32_t out[4];
    return emu_ldmatrix(out, memory, 3, 0);
  }
}

KERNEL(writeSharedAt, 1)(int64_t offset) {
  if (thread() == 0)
    shared<char>()[offset] = 1;
}

KERNEL(trap, 0)() {
  if (thread() == 7)
    emu_trap("seven");
}

namespace {
__attribute__((noinline)) void useMuchStack(char *out) {
  char large[33 << 10];
  std::memset(large, thread(), sizeof(large));
  __asm__ volatile("" : : "r"(large) : "memory");
  *out = large[0];
}
} // namespace

/// Thread 33 uses more stack than there is; the stack beyond is one that is done with.
KERNEL(overflowStack, 1)(char *out) {
  if (thread() == 33)
    useMuchStack(out);
}
