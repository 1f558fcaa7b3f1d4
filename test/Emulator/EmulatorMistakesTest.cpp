//===- EmulatorMistakesTest.cpp - Wrong kernels are found out ---------------------------------===//
#include "EmulatorTesting.h"

using namespace emulator;

namespace {
bool contains(const std::string &text, const std::string &part) {
  return text.find(part) != std::string::npos;
}
#define EXPECT_CONTAINS(text, part) EXPECT_PRED2(contains, text, part)

//===----------------------------------------------------------------------------------------===//
// Races: wrong results under some schedule
//===----------------------------------------------------------------------------------------===//

class Races : public EmulatorTest {
protected:
  /// Seeds of `kind`, of 20, for which `isRight` is false.
  template <typename Run> int caught(const std::string &kind, Run isRight) {
    int count = 0;
    for (int seed = 0; seed < 20; ++seed) {
      start(kind + std::to_string(seed));
      count += !isRight();
    }
    return count;
  }
};

TEST_F(Races, MissingBarrierAfterAWrite) {
  auto isRight = [&] {
    std::vector<int> in = iota(128), reversed(in.rbegin(), in.rend());
    int *source = upload(in), *out = upload(in);
    EXPECT_EQ(launch("reverseBlocks", {1, 128, 512}, source, out, 1), CUDA_SUCCESS);
    return download(out, 128) == reversed;
  };
  EXPECT_FALSE(isRight()); // what was not written yet is 0xff
  EXPECT_EQ(caught("random:", isRight), 20);
  EXPECT_EQ(caught("starve:", isRight), 20);
}

TEST_F(Races, MissingBarrierBeforeAWrite) {
  auto isRight = [&] {
    int *out = upload(std::vector<int>(128));
    EXPECT_EQ(launch("passAround", {1, 128, 512}, out, 4, 1), CUDA_SUCCESS);
    std::vector<int> values = download(out, 128);
    for (int i = 0; i < 128; ++i)
      if (values[i] != (i + 4) % 128)
        return false;
    return true;
  };
  EXPECT_GE(caught("random:", isRight), 10);
  EXPECT_GE(caught("starve:", isRight), 10);
}

TEST_F(Races, BlocksThatDependOnEachOther) {
  auto isRight = [&] {
    int *out = upload(std::vector<int>(8));
    EXPECT_EQ(launch("dependOnOtherBlock", {8, 32}, out), CUDA_SUCCESS);
    return download(out, 8) == iota(8);
  };
  EXPECT_TRUE(isRight()); // in order, nothing shows
  EXPECT_GE(caught("random:", isRight), 15);
}

TEST_F(Races, MissingBarrierOfAGrid) {
  auto isRight = [&] {
    int *arrived = upload(std::vector<int>{0}), *numbers = upload(std::vector<int>(16));
    int *out = upload(std::vector<int>(8));
    EXPECT_EQ(launch("passAroundGrid", {8, 64, 0, true}, arrived, numbers, out, 2, 1),
              CUDA_SUCCESS);
    std::vector<int> values = download(out, 8);
    for (int block = 0; block < 8; ++block)
      if (values[block] != (block + 2) % 8 + 2)
        return false;
    return true;
  };
  EXPECT_EQ(caught("random:", isRight), 20);
}

TEST_F(Races, BlockLeavesWhileItsMemoryIsRead) {
  auto isRight = [&] {
    int *out = upload(std::vector<int>(4));
    EXPECT_EQ(launch("passInCluster", {4, 64, 128, false, 4}, out, 1), CUDA_SUCCESS);
    return download(out, 4)[3] == 0;
  };
  EXPECT_GE(caught("random:", isRight), 2);
}

TEST_F(Races, CopiesWithoutAWait) {
  auto copies = [&](const char *schedule, int mistake) {
    start(schedule);
    std::vector<float> in(128, 7.0f);
    float *source = upload(in), *out = upload(in);
    EXPECT_EQ(launch("copyThroughShared", {1, 32, 512}, source, out, mistake), CUDA_SUCCESS);
    std::vector<float> copied = download(out, 4);
    return copied;
  };
  using Floats = std::vector<float>;
  // No wait; then a wait for too few groups: nothing of it shows where copies are early.
  EXPECT_EQ(copies("forward,early", 1), (Floats{7, 7, 7, 0}));
  EXPECT_EQ(copies("forward,late", 1), (Floats{-1, -1, -1, -1}));
  EXPECT_EQ(copies("forward", 1), (Floats{-1, -1, -1, -1}));
  EXPECT_EQ(copies("forward,early", 2), (Floats{7, 7, 7, 0}));
  EXPECT_EQ(copies("forward,late", 2), (Floats{7, 7, -1, -1}));
  // What the copy will overwrite, read after it was issued: only early copies show it.
  EXPECT_EQ(copies("forward,late", 3), (Floats{-1, -1, -1, -1}));
  EXPECT_EQ(copies("forward,early", 3), (Floats{7, 7, 7, 0}));
}

//===----------------------------------------------------------------------------------------===//
// Mistakes that end the launch
//===----------------------------------------------------------------------------------------===//

class Mistakes : public EmulatorTest {
protected:
  void SetUp() override {
    setenv("DLC_EMULATOR_PATIENCE", "10000", 1);
    start();
  }
};

TEST_F(Mistakes, Deadlock) {
  std::string message = failure("deadlock", {1, 64});
  EXPECT_CONTAINS(message, "deadlock: deadlock, nobody can run");
  EXPECT_CONTAINS(message,
                  "block (0,0,0): 63 threads wait at barrier 0, 1 thread waits at barrier 3");
}

TEST_F(Mistakes, LaneLeavesWhileOthersShuffle) {
  std::string message = failure("shuffleWithoutLane", {1, 64}, upload(std::vector<int>(64)));
  EXPECT_CONTAINS(message, "thread (31,0,0): exits, but lane 0 waits for it at shfl.bfly");
}

TEST_F(Mistakes, NamedBarrierCountsThoseThatArrive) {
  EXPECT_CONTAINS(failure("leaveNamedBarrier", {1, 64}),
                  "32 have exited, 32 threads wait at barrier 1");
}

TEST_F(Mistakes, ShuffleWithLanesThatNeverWere) {
  std::string message =
      failure("sumWarps", {1, 40}, upload(std::vector<float>(64)), upload(std::vector<float>(2)));
  EXPECT_CONTAINS(message, "lanes 0xffffff00 of mask 0xffffffff have exited or never were");
}

TEST_F(Mistakes, DivergedWarp) {
  std::string message = failure("divergedWarp", {}, upload(std::vector<int>(32)));
  EXPECT_CONTAINS(message, "vote.ballot with mask 0xffffffff, but lane 0 waits at shfl.bfly");
}

TEST_F(Mistakes, PollingForWhatNeverComes) {
  std::string message = failure("pollForEver", {1, 1}, upload(std::vector<int>{0}));
  EXPECT_CONTAINS(message, "nothing comes of polling");
}

TEST_F(Mistakes, GridBarrierWithoutCooperation) {
  int *arrived = upload(std::vector<int>{0}), *numbers = upload(std::vector<int>(16));
  int *out = upload(std::vector<int>(8));
  std::string message = failure("passAroundGrid", {8, 64}, arrived, numbers, out, 1, 0);
  EXPECT_CONTAINS(message, "nothing comes of polling");
}

TEST_F(Mistakes, MisalignedCopy) {
  char *in = upload(std::vector<char>(256));
  EXPECT_CONTAINS(failure("copyTo", {1, 1, 256}, in, 8, 0), "destination");
  start();
  in = upload(std::vector<char>(256));
  EXPECT_CONTAINS(failure("copyTo", {1, 1, 256}, in, 0, 8), "is not aligned to 16 bytes");
}

TEST_F(Mistakes, CopyBeyondSharedMemory) {
  char *in = upload(std::vector<char>(256));
  ASSERT_EQ(launch("copyTo", {1, 1, 256}, in, 240, 0), CUDA_SUCCESS);
  ASSERT_EQ(cuda().cuCtxSynchronize(), CUDA_SUCCESS);
  EXPECT_CONTAINS(failure("copyTo", {1, 1, 256}, in, 256, 0),
                  "outside of the block's shared memory, at offset 256");
}

TEST_F(Mistakes, MatrixOutsideOfSharedMemory) {
  ASSERT_EQ(launch("loadMatrixAt", {1, 32, 256}, 128), CUDA_SUCCESS);
  ASSERT_EQ(cuda().cuCtxSynchronize(), CUDA_SUCCESS);
  EXPECT_CONTAINS(failure("loadMatrixAt", {1, 32, 256}, 144), "ldmatrix: a row is outside");
  start();
  EXPECT_CONTAINS(failure("loadMatrixAt", {1, 32, 256}, 8), "is not aligned to 16 bytes");
}

TEST_F(Mistakes, WriteBesideSharedMemory) {
  EXPECT_CONTAINS(failure("writeSharedAt", {1, 32, 100}, 100), "after its 100 bytes of shared");
  start();
  EXPECT_CONTAINS(failure("writeSharedAt", {1, 32, 100}, -1), "before its 100 bytes of shared");
}

TEST_F(Mistakes, WriteBesideAnAllocation) {
  int *memory = upload(std::vector<int>(10));
  EXPECT_CONTAINS(failure("addAt", {}, memory, 10, 1),
                  "addAt: a write 0 bytes after an allocation of 40 bytes");
  start();
  memory = upload(std::vector<int>(10));
  EXPECT_CONTAINS(failure("addAt", {}, memory, -1, 1), "bytes before an allocation of 40 bytes");
}

TEST_F(Mistakes, HostWritesBesidePinnedMemory) {
  void *memory;
  ASSERT_EQ(cuda().cuMemAllocHost_v2(&memory, 100), CUDA_SUCCESS);
  static_cast<volatile char *>(memory)[102] = 1;
  ::testing::internal::CaptureStderr();
  EXPECT_EQ(cuda().cuMemFreeHost(memory), CUDA_ERROR_LAUNCH_FAILED);
  EXPECT_CONTAINS(::testing::internal::GetCapturedStderr(),
                  "at cuMemFreeHost: a write 2 bytes after an allocation of 100 bytes");
}

TEST_F(Mistakes, UseAfterFree) {
  int *memory = upload(std::vector<int>(10));
  ASSERT_EQ(cuda().cuMemFree_v2(address(memory)), CUDA_SUCCESS);
  EXPECT_DEATH(launch("addAt", {}, memory, 0, 1), "");
}

TEST_F(Mistakes, CallsThatNoKernelMayMake) {
  const char *messages[] = {
      "cp.async: 12 bytes",
      "cp.async: 9 of 8 bytes",
      "cp.async.wait_group: -1",
      "barrier 16; there are 16",
      "barrier 1 for 33 threads, in a block of 64",
      "barrier 1 for 32 threads, but others wait there for 64",
      "barrier.cluster.wait without an arrive",
      "barrier.cluster.arrive twice",
      "mapa: rank 1 in a cluster of 1",
      "mapa: the address is outside of the block's shared memory, at offset -1",
      "shfl.bfly: lane 0 reads lane 16, which is not in mask 0x0000ffff",
      "vote.ballot: lane 1 is not in its own mask 0x00000001",
      "atomic add: ",
      "is not aligned to 16 bytes",
      "ldmatrix: 3 matrices"};
  for (size_t i = 0; i < std::size(messages); ++i) {
    start();
    EXPECT_CONTAINS(failure("misuse", {1, 64, 256}, i), messages[i]);
  }
}

TEST_F(Mistakes, AreWhatEveryLaterCallReturns) {
  int *memory = upload(std::vector<int>{1}), *other = upload(std::vector<int>(10));
  void *stream, *function = find("addAt");
  DevicePointer more;
  ASSERT_EQ(cuda().cuStreamCreate(&stream, 0), CUDA_SUCCESS);
  failure("trap", {});
  EXPECT_EQ(cuda().cuMemAlloc_v2(&more, 16), CUDA_ERROR_LAUNCH_FAILED);
  EXPECT_EQ(cuda().cuMemsetD8Async(address(memory), 0, 4, stream), CUDA_ERROR_LAUNCH_FAILED);
  EXPECT_EQ(cuda().cuModuleGetFunction(&function, module, "addAt"), CUDA_ERROR_LAUNCH_FAILED);
  EXPECT_EQ(cuda().cuStreamQuery(stream), CUDA_ERROR_LAUNCH_FAILED);
  // What gives back does so.
  EXPECT_EQ(cuda().cuMemFree_v2(address(other)), CUDA_ERROR_LAUNCH_FAILED);
  EXPECT_EQ(cuda().cuStreamDestroy_v2(stream), CUDA_ERROR_LAUNCH_FAILED);
  std::string report = cuda().dlc_emulator_report();
  EXPECT_CONTAINS(report, " bytes=4 ");
  EXPECT_CONTAINS(report, " streams=0 ");
  // A new context works.
  void *context;
  EXPECT_EQ(cuda().cuDevicePrimaryCtxRelease_v2(0), CUDA_SUCCESS);
  EXPECT_EQ(cuda().cuDevicePrimaryCtxRetain(&context, 0), CUDA_SUCCESS);
  EXPECT_EQ(cuda().cuCtxSetCurrent(context), CUDA_SUCCESS);
  EXPECT_EQ(cuda().cuMemAlloc_v2(&more, 16), CUDA_SUCCESS);
}

TEST_F(Mistakes, Trap) { EXPECT_CONTAINS(failure("trap", {}), "thread (7,0,0): trap: seven"); }

TEST_F(Mistakes, StackOverflow) {
  std::string message = failure("overflowStack", {1, 64}, upload(std::vector<char>(1)));
  EXPECT_CONTAINS(message, "thread (33,0,0): its stack overflowed");
}
} // namespace
