//===- DeviceFunctions.h - What compiled kernels call -----------------------------------------===//
//
// Each stands for an intrinsic of NVVM and checks what the hardware or its tools would: that
// addresses are aligned and lie in the block's shared memory, and that all lanes named arrive.
// A mistake ends the launch with a message. Names and types are the contract with the compiler.
//
//===------------------------------------------------------------------------------------------===//
#ifndef EMULATOR_DEVICEFUNCTIONS_H
#define EMULATOR_DEVICEFUNCTIONS_H

#include <cstdint>

extern "C" {
#pragma GCC visibility push(default)

// Who runs. DeviceFunctions.cpp.
int emu_tid_x();
int emu_tid_y();
int emu_tid_z();
int emu_ntid_x();
int emu_ntid_y();
int emu_ntid_z();
int emu_ctaid_x();
int emu_ctaid_y();
int emu_ctaid_z();
int emu_nctaid_x();
int emu_nctaid_y();
int emu_nctaid_z();
int emu_laneid();
/// This block's shared memory, aligned to 1024 bytes.
void *emu_shared();
void emu_trap(const char *message);
/// What stands before a load or a store of a vector: fails where a GPU would.
void emu_check_aligned(const void *address, int bytes);
void emu_nanosleep(int nanoseconds);

// Between threads of a grid, through memory. DeviceFunctions.cpp. Memory is sequentially
// consistent here; a load with acquire is where a thread that polls lets others run.
int emu_atomic_add_i32(int *address, int value);
void emu_red_release_add_i32(int *address, int value);
int emu_load_acquire_i32(const int *address);
void emu_store_release_i32(int *address, int value);
void emu_fence_gpu();
void emu_fence_cta();
void emu_grid_dependency_wait();
void emu_grid_dependency_launch();

// Copies from global to shared memory. DeviceFunctions.cpp.
/// `bytes` is 4, 8 or 16; those from `sourceBytes` on are filled with 0.
void emu_cp_async(void *shared, const void *global, int bytes, int sourceBytes);
void emu_cp_async_commit();
/// Waits until at most `groups` of the groups committed last are under way.
void emu_cp_async_wait(int groups);
void emu_cp_async_wait_all();

// Barriers in shared memory, and copies of tensors that they count. BulkCopies.cpp.
void emu_mbarrier_init(void *barrier, int threads);
int64_t emu_mbarrier_arrive(void *barrier);
int64_t emu_mbarrier_arrive_expect(void *barrier, int bytes);
/// Waits, though not for ever: true if the phase of that parity is over.
bool emu_mbarrier_try_wait(void *barrier, int parity);
void emu_fence_mbarrier_init();
void emu_fence_proxy_async();
/// What `map` (cuTensorMapEncodeTiled) has from (x, y, z) on, x innermost.
void emu_tma_load_3d(void *shared, void *barrier, const void *map, int x, int y, int z,
                     int16_t multicastMask, int64_t cacheHint, bool multicast, bool hinted,
                     int group);

// Between the lanes of a warp. Collectives.cpp. `clamp` is the last operand of PTX's shfl.
int emu_shfl_bfly_i32(int mask, int value, int laneMask, int clamp);
int emu_shfl_down_i32(int mask, int value, int delta, int clamp);
int emu_shfl_up_i32(int mask, int value, int delta, int clamp);
int emu_shfl_idx_i32(int mask, int value, int lane, int clamp);
float emu_shfl_bfly_f32(int mask, float value, int laneMask, int clamp);
float emu_shfl_down_f32(int mask, float value, int delta, int clamp);
float emu_shfl_up_f32(int mask, float value, int delta, int clamp);
float emu_shfl_idx_f32(int mask, float value, int lane, int clamp);
/// Of `predicate` the lowest bit counts: compiled code leaves the others undefined.
int emu_ballot(int mask, int predicate);
void emu_warp_sync(int mask);

// Between the threads of a block and of a cluster. Collectives.cpp.
void emu_barrier();
void emu_barrier_n(int id, int threads);
/// The same place in the shared memory of the cluster's block with that rank.
void *emu_cluster_map(void *shared, int rank);
int emu_cluster_rank();
int emu_cluster_size();
void emu_cluster_arrive();
void emu_cluster_wait();

// Small matrices, held by a warp. Matrices.cpp.
/// Loads 1, 2 or 4 matrices of 8 by 8 16-bit elements; lane 8 i + r gives row r of matrix i.
void emu_ldmatrix(uint32_t *out, const void *row, int count, int transposed);
/// One lane's part of c += a b, in PTX's layout.
struct EmuMma {
  uint32_t a[4];
  uint32_t b[2];
  float c[4];
};
void emu_mma_m16n8k16_bf16(void *mma);
void emu_mma_m16n8k16_f16(void *mma);
void emu_mma_m16n8k8_tf32(void *mma);

// Products of four warps. Warpgroups.cpp.
/// c (64 x columns) += a (64 x 16) b (16 x columns), both in shared memory, of bf16 or f16. This
/// thread's sums are `columns / 2`. A product under way has no sums: `sums` is 0xff until a wait.
void emu_wgmma(float *sums, uint64_t a, uint64_t b, int columns, int isF16, int transposeA,
               int transposeB);
void emu_wgmma_fence();
void emu_wgmma_commit();
/// Waits until at most `groups` of the groups committed last are under way.
void emu_wgmma_wait(float *sums, int count, int groups);
void emu_setmaxnreg_dec(int registers);
void emu_setmaxnreg_inc(int registers);

#pragma GCC visibility pop
}

#endif // EMULATOR_DEVICEFUNCTIONS_H
