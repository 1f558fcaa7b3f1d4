//===- DeviceFunctions.cpp - Indices, memory shared by threads, copies ------------------------===//
#include "DeviceFunctions.h"
#include "Grid.h"

#include <algorithm>
#include <cstring>

using namespace emulator;

//===----------------------------------------------------------------------------------------===//
// Who runs
//===----------------------------------------------------------------------------------------===//

int emu_tid_x() { return grid.current().index.x; }
int emu_tid_y() { return grid.current().index.y; }
int emu_tid_z() { return grid.current().index.z; }
int emu_ntid_x() { return grid.launched().block.x; }
int emu_ntid_y() { return grid.launched().block.y; }
int emu_ntid_z() { return grid.launched().block.z; }
int emu_ctaid_x() { return grid.current().block->index.x; }
int emu_ctaid_y() { return grid.current().block->index.y; }
int emu_ctaid_z() { return grid.current().block->index.z; }
int emu_nctaid_x() { return grid.launched().grid.x; }
int emu_nctaid_y() { return grid.launched().grid.y; }
int emu_nctaid_z() { return grid.launched().grid.z; }
int emu_laneid() { return grid.current().lane; }
void *emu_shared() { return grid.current().block->shared; }

void emu_trap(const char *message) { grid.fail("trap: %s", message ? message : "no message"); }
void emu_check_aligned(const void *address, int bytes) {
  if (reinterpret_cast<uintptr_t>(address) % bytes)
    grid.fail("a vector at %p is not aligned to %d bytes", address, bytes);
}
void emu_nanosleep(int) {} // others run at the poll that follows

//===----------------------------------------------------------------------------------------===//
// Between threads of a grid
//===----------------------------------------------------------------------------------------===//

namespace {
void checkWord(const int *address, const char *what) {
  if (reinterpret_cast<uintptr_t>(address) % sizeof(int))
    grid.fail("%s: %p is not aligned to 4 bytes", what, static_cast<const void *>(address));
}

int add(int *address, int value, const char *what) {
  checkWord(address, what);
  int before = *address;
  *address = static_cast<int>(static_cast<unsigned>(before) + static_cast<unsigned>(value));
  grid.mayYield();
  return before;
}
} // namespace

int emu_atomic_add_i32(int *address, int value) { return add(address, value, "atomic add"); }

void emu_red_release_add_i32(int *address, int value) { add(address, value, "red.release"); }

int emu_load_acquire_i32(const int *address) {
  checkWord(address, "load.acquire");
  grid.yield();
  return *address;
}

void emu_store_release_i32(int *address, int value) {
  checkWord(address, "store.release");
  *address = value;
  grid.mayYield();
}

void emu_fence_gpu() {}
void emu_fence_cta() {}
void emu_grid_dependency_wait() { grid.waitForKernelBefore(); }
void emu_grid_dependency_launch() {}

//===----------------------------------------------------------------------------------------===//
// cp.async
//===----------------------------------------------------------------------------------------===//

namespace {
void carryOut(const AsyncCopy &copy) {
  std::memcpy(copy.shared, copy.global, copy.sourceBytes);
  std::memset(static_cast<char *>(copy.shared) + copy.sourceBytes, 0,
              copy.bytes - copy.sourceBytes);
}

/// Carries out the copies of this thread that belong to groups before `group`.
void carryOutBefore(uint64_t group) {
  std::vector<AsyncCopy> &copies = grid.current().copies;
  auto end = std::find_if(copies.begin(), copies.end(),
                          [&](const AsyncCopy &copy) { return copy.group >= group; });
  std::for_each(copies.begin(), end, carryOut);
  copies.erase(copies.begin(), end);
}
} // namespace

void emu_cp_async(void *shared, const void *global, int bytes, int sourceBytes) {
  if (bytes != 4 && bytes != 8 && bytes != 16)
    grid.fail("cp.async: %d bytes; 4, 8 or 16 are possible", bytes);
  if (sourceBytes < 0 || sourceBytes > bytes)
    grid.fail("cp.async: %d of %d bytes from the source", sourceBytes, bytes);
  if (reinterpret_cast<uintptr_t>(shared) % bytes)
    grid.fail("cp.async: the destination %p is not aligned to %d bytes", shared, bytes);
  if (reinterpret_cast<uintptr_t>(global) % bytes)
    grid.fail("cp.async: the source %p is not aligned to %d bytes", global, bytes);
  Thread &thread = grid.current();
  if (!thread.block->holds(shared, bytes))
    grid.fail("cp.async: the destination is outside of the block's shared memory, at offset %td",
              static_cast<char *>(shared) - thread.block->shared);
  AsyncCopy copy = {shared, global, bytes, sourceBytes, thread.copyGroup};
  if (grid.scheduled().copiesNow())
    carryOut(copy);
  else
    thread.copies.push_back(copy);
}

void emu_cp_async_commit() { ++grid.current().copyGroup; }

void emu_cp_async_wait(int groups) {
  if (groups < 0)
    grid.fail("cp.async.wait_group: %d groups", groups);
  uint64_t committed = grid.current().copyGroup;
  if (committed > uint64_t(groups))
    carryOutBefore(committed - groups);
}

void emu_cp_async_wait_all() { carryOutBefore(UINT64_MAX); }
