//===- EmulatorKernels.cpp - Kernels of all kinds ---------------------------------------------===//
#include "EmulatorKernels.h"

#include <cstring>

namespace {
constexpr int kAll = -1;
} // namespace

//===----------------------------------------------------------------------------------------===//
// The simplest of kernels
//===----------------------------------------------------------------------------------------===//

/// address[index] += value, by the first thread.
KERNEL(addAt, 3)(int *address, int64_t index, int64_t value) {
  if (global() == 0)
    address[index] += static_cast<int>(value);
}

/// *to = *from, by the first thread of a kernel that may start early.
KERNEL(copyEarly, 3)(int *to, const int *from, int64_t waits) {
  if (waits)
    emu_grid_dependency_wait();
  if (global() == 0)
    *to = *from;
}

KERNEL(multiply, 3)(const float *a, const float *b, float *out) {
  out[global()] = a[global()] * b[global()];
}

//===----------------------------------------------------------------------------------------===//
// Warps
//===----------------------------------------------------------------------------------------===//

/// out (warps): the sum of each warp's part of in (threads).
KERNEL(sumWarps, 2)(const float *in, float *out) {
  float sum = in[global()];
  for (int offset = 16; offset; offset /= 2)
    sum += emu_shfl_bfly_f32(kAll, sum, offset, 31);
  if (emu_laneid() == 0)
    out[global() / 32] = sum;
}

/// out (4, 32): lane numbers moved by each kind of shuffle, in segments of 8 lanes.
KERNEL(shuffles, 1)(int *out) {
  int lane = emu_laneid(), segments = 0x18 << 8;
  out[lane] = emu_shfl_up_i32(kAll, lane, 3, segments);
  out[32 + lane] = emu_shfl_down_i32(kAll, lane, 3, segments | 31);
  out[64 + lane] = emu_shfl_bfly_i32(kAll, lane, 5, segments | 31);
  out[96 + lane] = emu_shfl_idx_i32(kAll, lane, 11, segments | 31);
}

/// out (32): halves of a warp vote apart from each other.
KERNEL(voteInHalves, 1)(int *out) {
  int lane = emu_laneid();
  int half = lane < 16 ? 0x0000ffff : 0xffff0000;
  out[lane] = emu_ballot(half, 0x50 | (lane % 3 == 0)); // more bits than count
  emu_warp_sync(kAll);
}

/// out (3): lanes 0 and 1 exchange numbers, but before that lane 1 meets lane 2.
KERNEL(exchangeInChain, 1)(int *out) {
  int lane = emu_laneid(), met = 0;
  if (lane == 1 || lane == 2)
    met = emu_ballot(0b110, true);
  if (lane < 2)
    met += 100 * emu_shfl_bfly_i32(0b11, 5 + lane, 1, 31);
  if (lane < 3)
    out[lane] = met;
}

/// out (16): half of the lanes leave, the others wait for each other and exchange numbers.
KERNEL(syncWithoutHalf, 1)(int *out) {
  int lane = emu_laneid();
  if (lane % 2)
    return;
  shared<int>()[lane] = lane;
  emu_warp_sync(kAll);
  out[lane / 2] = shared<int>()[30 - lane];
}

/// A shuffle whose last lane has left.
KERNEL(shuffleWithoutLane, 1)(int *out) {
  if (emu_laneid() == 31)
    return;
  out[emu_laneid()] = emu_shfl_bfly_i32(kAll, emu_laneid(), 1, 31);
}

/// Half of a warp at a shuffle, half at a vote, with the same mask.
KERNEL(divergedWarp, 1)(int *out) {
  int lane = emu_laneid();
  out[lane] = lane < 16 ? emu_shfl_bfly_i32(kAll, lane, 1, 31) : emu_ballot(kAll, true);
}

//===----------------------------------------------------------------------------------------===//
// Blocks
//===----------------------------------------------------------------------------------------===//

/// out: each block's part of in, reversed. Without its barrier if `mistake`.
KERNEL(reverseBlocks, 3)(const int *in, int *out, int64_t mistake) {
  shared<int>()[thread()] = in[global()];
  if (!mistake)
    emu_barrier();
  out[global()] = shared<int>()[emu_ntid_x() - 1 - thread()];
}

/// out (threads): `rounds` times, each thread takes its neighbour's number of the round before.
/// With `mistake`, the barrier is missing that keeps the next round's numbers from coming early.
KERNEL(passAround, 3)(int *out, int64_t rounds, int64_t mistake) {
  int value = thread();
  for (int round = 0; round < rounds; ++round) {
    shared<int>()[thread()] = value;
    emu_barrier();
    value = shared<int>()[(thread() + 1) % emu_ntid_x()];
    if (!mistake)
      emu_barrier();
  }
  out[thread()] = value;
}

/// out (blocks): block b adds 1 to what block b - 1 wrote, which nothing makes come first.
KERNEL(dependOnOtherBlock, 1)(int *out) {
  int block = emu_ctaid_x();
  out[block] = block ? out[block - 1] + 1 : 0;
}

/// Threads from `stay` on leave; the others meet.
KERNEL(leaveBeforeBarrier, 2)(int *out, int64_t stay) {
  if (thread() >= stay)
    return;
  shared<int>()[thread()] = thread();
  emu_barrier();
  out[thread()] = shared<int>()[stay - 1 - thread()];
}

/// Two groups of 64 threads each reverse their part, by barriers of their own.
KERNEL(namedBarriers, 1)(int *out) {
  int group = thread() / 64, place = thread() % 64;
  shared<int>()[thread()] = thread();
  emu_barrier_n(1 + group, 64);
  out[thread()] = shared<int>()[group * 64 + 63 - place];
}

/// A barrier for 64 threads, half of which leave: it counts those that arrive.
KERNEL(leaveNamedBarrier, 0)() {
  if (thread() < 32)
    emu_barrier_n(1, 64);
}

/// Thread 0 waits at another barrier than the rest.
KERNEL(deadlock, 0)() {
  if (thread() == 0)
    emu_barrier_n(3, 64);
  emu_barrier();
}

/// out (blocks): the indices of block and grid, of thread 5.
KERNEL(indices, 1)(int *out) {
  if (thread() != 5)
    return;
  int x = emu_ctaid_x(), y = emu_ctaid_y(), z = emu_ctaid_z();
  int block = x + emu_nctaid_x() * (y + emu_nctaid_y() * z);
  out[block] = emu_ntid_x() + 1000 * x + 10000 * y + 100000 * z + 1000000 * emu_nctaid_z();
}

/// out (warps, 10): each warp takes ten numbers, one after the other.
KERNEL(takeNumbers, 2)(int *counter, int *out) {
  for (int i = 0; i < 10; ++i)
    if (emu_laneid() == 0)
      out[thread() / 32 * 10 + i] = emu_atomic_add_i32(counter, 1);
}

/// out (warps): pairs of warps pass a ball ten times, then each warp takes a number. `balls` holds
/// one per pair.
KERNEL(playInPairs, 3)(int *balls, int *counter, int *out) {
  int warp = thread() / 32;
  if (emu_laneid())
    return;
  for (int i = 0; i < 10; ++i) {
    while (emu_load_acquire_i32(&balls[warp / 2]) != 2 * i + warp % 2)
      ;
    emu_store_release_i32(&balls[warp / 2], 2 * i + warp % 2 + 1);
  }
  out[warp] = emu_atomic_add_i32(counter, 1);
}

//===----------------------------------------------------------------------------------------===//
// Copies
//===----------------------------------------------------------------------------------------===//

/// out = in by shared memory, 4 floats a thread, the last of them 0. `mistake` 1: does not wait.
/// 2: waits for too few groups. 3: looks at what is there before, which the copy may overwrite.
KERNEL(copyThroughShared, 3)(const float *in, float *out, int64_t mistake) {
  float *mine = shared<float>() + 4 * thread();
  for (int i = 0; i < 4; ++i)
    mine[i] = -1;
  emu_cp_async(mine, in + 4 * global(), 8, 8);
  emu_cp_async_commit();
  emu_cp_async(mine + 2, in + 4 * global() + 2, 8, 4);
  emu_cp_async_commit();
  if (mistake == 2)
    emu_cp_async_wait(1);
  else if (mistake == 0)
    emu_cp_async_wait(0);
  std::memcpy(out + 4 * global(), mine, 16);
  if (mistake == 3)
    emu_cp_async_wait_all();
}

/// A copy to `offset` in shared memory, from 4 floats with `shift` bytes added.
KERNEL(copyTo, 3)(const char *in, int64_t offset, int64_t shift) {
  emu_cp_async(shared<char>() + offset, in + shift, 16, 16);
  emu_cp_async_wait_all();
}

//===----------------------------------------------------------------------------------------===//
// Grids and clusters
//===----------------------------------------------------------------------------------------===//

namespace {
/// Waits until all threads of the grid are here for the `round`th time.
void gridBarrier(int *arrived, int round) {
  emu_barrier();
  if (thread() == 0) {
    emu_fence_gpu();
    emu_red_release_add_i32(arrived, 1);
    while (emu_load_acquire_i32(arrived) < round * emu_nctaid_x())
      emu_nanosleep(20);
  }
  emu_barrier();
}
} // namespace

/// out (blocks): `rounds` times, each block takes its neighbour's number plus 1. `numbers` holds
/// two per block. Without the barrier between rounds if `mistake`.
KERNEL(passAroundGrid, 5)
(int *arrived, int *numbers, int *out, int64_t rounds, int64_t mistake) {
  int block = emu_ctaid_x(), blocks = emu_nctaid_x(), value = block;
  for (int round = 1; round <= rounds; ++round) {
    int *mine = numbers + round % 2 * blocks;
    if (thread() == 0)
      mine[block] = value;
    if (!mistake)
      gridBarrier(arrived, round);
    value = mine[(block + 1) % blocks] + 1;
  }
  if (thread() == 0)
    out[block] = value;
}

/// Polls for what nobody writes.
KERNEL(pollForEver, 1)(int *flag) {
  while (emu_load_acquire_i32(flag) != 1)
    emu_nanosleep(20);
}

/// out (blocks): each block of a cluster sends its number to the next, by shared memory. Some leave
/// before theirs was read if `mistake`.
KERNEL(passInCluster, 2)(int *out, int64_t mistake) {
  int rank = emu_cluster_rank(), size = emu_cluster_size();
  int *mine = shared<int>();
  if (thread() == 0)
    *mine = emu_ctaid_x();
  emu_cluster_arrive();
  emu_cluster_wait();
  if (mistake && rank == 0)
    return;
  int *next = static_cast<int *>(emu_cluster_map(mine, (rank + 1) % size));
  if (thread() == 0)
    out[emu_ctaid_x()] = *next;
  emu_cluster_arrive();
  emu_cluster_wait();
}

//===----------------------------------------------------------------------------------------===//
// Matrices
//===----------------------------------------------------------------------------------------===//

namespace {
/// c (16 x 8, f32) = a (16 x 16) b (16 x 8), of 16-bit elements.
void product16(const uint16_t *a, const uint16_t *b, float *c, void (*multiply)(void *)) {
  uint16_t *as = shared<uint16_t>(), *bs = as + 16 * 16;
  int lane = emu_laneid();
  for (int i = lane; i < 16 * 16; i += 32)
    as[i] = a[i];
  for (int i = lane; i < 16 * 8; i += 32)
    bs[i] = b[i];
  emu_barrier();
  EmuMma mma = {};
  emu_ldmatrix(mma.a, as + lane % 16 * 16 + lane / 16 * 8, 4, 0);
  emu_ldmatrix(mma.b, bs + lane % 16 * 8, 2, 1);
  multiply(&mma);
  for (int q = 0; q < 4; ++q)
    c[(lane / 4 + 8 * (q / 2)) * 8 + 2 * (lane % 4) + q % 2] = mma.c[q];
}
} // namespace

KERNEL(productBf16, 3)(const uint16_t *a, const uint16_t *b, float *c) {
  product16(a, b, c, emu_mma_m16n8k16_bf16);
}

KERNEL(productF16, 3)(const uint16_t *a, const uint16_t *b, float *c) {
  product16(a, b, c, emu_mma_m16n8k16_f16);
}

/// c (16 x 8) = a (16 x 8) b (8 x 8), of tf32 elements.
KERNEL(productTf32, 3)(const uint32_t *a, const uint32_t *b, float *c) {
  int g = emu_laneid() / 4, t = emu_laneid() % 4;
  EmuMma mma = {};
  for (int q = 0; q < 4; ++q)
    mma.a[q] = a[(g + 8 * (q % 2)) * 8 + t + 4 * (q / 2)];
  for (int q = 0; q < 2; ++q)
    mma.b[q] = b[(t + 4 * q) * 8 + g];
  emu_mma_m16n8k8_tf32(&mma);
  for (int q = 0; q < 4; ++q)
    c[(g + 8 * (q / 2)) * 8 + 2 * t + q % 2] = mma.c[q];
}

/// A matrix whose first row is at `offset` in shared memory.
KERNEL(loadMatrixAt, 1)(int64_t offset) {
  uint32_t out;
  emu_ldmatrix(&out, shared<char>() + offset + emu_laneid() % 8 * 16, 1, 0);
}
