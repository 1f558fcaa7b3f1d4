//===- EmulatorTest.cpp - Right kernels give right results ------------------------------------===//
#include "EmulatorTesting.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <set>

using namespace emulator;

namespace {
//===----------------------------------------------------------------------------------------===//
// Right kernels, under every schedule
//===----------------------------------------------------------------------------------------===//

class RightKernels : public EmulatorTest, public ::testing::WithParamInterface<std::string> {
protected:
  void SetUp() override { start(GetParam()); }
};

TEST_P(RightKernels, SumByShuffles) {
  std::vector<float> in(4 * 64);
  for (size_t i = 0; i < in.size(); ++i)
    in[i] = static_cast<float>(i % 7) - 2;
  float *source = upload(in), *sums = upload(std::vector<float>(8));
  ASSERT_EQ(launch("sumWarps", {4, 64}, source, sums), CUDA_SUCCESS);
  std::vector<float> out = download(sums, 8);
  for (int warp = 0; warp < 8; ++warp)
    EXPECT_EQ(out[warp], std::accumulate(&in[32 * warp], &in[32 * warp] + 32, 0.0f));
}

TEST_P(RightKernels, ShuffleInSegments) {
  int *out = upload(std::vector<int>(128));
  ASSERT_EQ(launch("shuffles", {}, out), CUDA_SUCCESS);
  std::vector<int> lanes = download(out, 128);
  for (int lane = 0; lane < 32; ++lane) {
    int place = lane % 8, first = lane - place;
    EXPECT_EQ(lanes[lane], place < 3 ? lane : lane - 3);
    EXPECT_EQ(lanes[32 + lane], place + 3 > 7 ? lane : lane + 3);
    EXPECT_EQ(lanes[64 + lane], lane ^ 5);
    EXPECT_EQ(lanes[96 + lane], first + 11 % 8);
  }
}

TEST_P(RightKernels, HalvesOfAWarpVoteApart) {
  int *out = upload(std::vector<int>(32));
  ASSERT_EQ(launch("voteInHalves", {}, out), CUDA_SUCCESS);
  std::vector<int> votes = download(out, 32);
  for (int lane = 0; lane < 32; ++lane)
    EXPECT_EQ(votes[lane], lane < 16 ? 0x00009249 : 0x49240000);
}

TEST_P(RightKernels, LanesMeetOthersInBetween) {
  int *out = upload(std::vector<int>(3));
  ASSERT_EQ(launch("exchangeInChain", {}, out), CUDA_SUCCESS);
  EXPECT_EQ(download(out, 3), (std::vector<int>{600, 506, 6}));
}

TEST_P(RightKernels, LanesThatLeftAreNotWaitedFor) {
  int *out = upload(std::vector<int>(16));
  ASSERT_EQ(launch("syncWithoutHalf", {1, 32, 128}, out), CUDA_SUCCESS);
  std::vector<int> values = download(out, 16);
  for (int i = 0; i < 16; ++i)
    EXPECT_EQ(values[i], 30 - 2 * i);
}

TEST_P(RightKernels, BarrierOfABlock) {
  std::vector<int> in = iota(3 * 96);
  int *source = upload(in), *out = upload(std::vector<int>(in.size()));
  ASSERT_EQ(launch("reverseBlocks", {3, 96, 96 * 4}, source, out, 0), CUDA_SUCCESS);
  std::vector<int> reversed = download(out, in.size());
  for (int i = 0; i < 3 * 96; ++i)
    EXPECT_EQ(reversed[i], i / 96 * 96 + 95 - i % 96);
}

TEST_P(RightKernels, BarrierInALoop) {
  int *out = upload(std::vector<int>(128));
  ASSERT_EQ(launch("passAround", {1, 128, 128 * 4}, out, 50, 0), CUDA_SUCCESS);
  std::vector<int> values = download(out, 128);
  for (int i = 0; i < 128; ++i)
    EXPECT_EQ(values[i], (i + 50) % 128);
}

TEST_P(RightKernels, BarrierDoesNotWaitForThoseThatLeft) {
  int *out = upload(std::vector<int>(40));
  ASSERT_EQ(launch("leaveBeforeBarrier", {1, 128, 512}, out, 40), CUDA_SUCCESS);
  std::vector<int> values = download(out, 40);
  for (int i = 0; i < 40; ++i)
    EXPECT_EQ(values[i], 39 - i);
}

TEST_P(RightKernels, NamedBarriers) {
  int *out = upload(std::vector<int>(128));
  ASSERT_EQ(launch("namedBarriers", {1, 128, 512}, out), CUDA_SUCCESS);
  std::vector<int> values = download(out, 128);
  for (int i = 0; i < 128; ++i)
    EXPECT_EQ(values[i], i / 64 * 64 + 63 - i % 64);
}

TEST_P(RightKernels, CopiesThatAreWaitedFor) {
  std::vector<float> in(4 * 64);
  for (size_t i = 0; i < in.size(); ++i)
    in[i] = i + 0.5f;
  float *source = upload(in), *out = upload(std::vector<float>(in.size()));
  ASSERT_EQ(launch("copyThroughShared", {2, 32, 512}, source, out, 0), CUDA_SUCCESS);
  std::vector<float> copied = download(out, in.size());
  for (size_t i = 0; i < in.size(); ++i)
    EXPECT_EQ(copied[i], i % 4 == 3 ? 0 : in[i]); // the last was not read: zero
}

TEST_P(RightKernels, BarrierOfAGrid) {
  int *arrived = upload(std::vector<int>{0}), *numbers = upload(std::vector<int>(16));
  int *out = upload(std::vector<int>(8));
  ASSERT_EQ(launch("passAroundGrid", {8, 64, 0, true}, arrived, numbers, out, 20, 0), CUDA_SUCCESS);
  std::vector<int> values = download(out, 8);
  for (int block = 0; block < 8; ++block)
    EXPECT_EQ(values[block], (block + 20) % 8 + 20);
}

TEST_P(RightKernels, Clusters) {
  int *out = upload(std::vector<int>(12));
  ASSERT_EQ(launch("passInCluster", {12, 64, 128, false, 4}, out, 0), CUDA_SUCCESS);
  std::vector<int> values = download(out, 12);
  for (int block = 0; block < 12; ++block)
    EXPECT_EQ(values[block], block / 4 * 4 + (block + 1) % 4);
}

INSTANTIATE_TEST_SUITE_P(Schedules, RightKernels, ::testing::ValuesIn(schedules()),
                         [](const auto &info) {
                           std::string name = info.param;
                           for (char &c : name)
                             c = std::isalnum(c) ? c : '_';
                           return name;
                         });

//===----------------------------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------------------------===//

uint32_t bits(float value) {
  uint32_t result;
  std::memcpy(&result, &value, sizeof(result));
  return result;
}

/// Small numbers that every format has exactly.
float element(int i) { return static_cast<float>(i * 37 % 23 - 11) / 8; }

uint16_t toBf16(float value) { return bits(value) >> 16; }
uint16_t toF16(float value) {
  uint32_t b = bits(value);
  return value == 0 ? 0 : (b >> 16 & 0x8000) | ((b >> 23 & 255) - 112) << 10 | (b >> 13 & 1023);
}

std::vector<float> plainProduct(int depth) {
  std::vector<float> c(16 * 8);
  for (int m = 0; m < 16; ++m)
    for (int n = 0; n < 8; ++n)
      for (int k = 0; k < depth; ++k)
        c[m * 8 + n] += element(m * depth + k) * element(1000 + k * 8 + n);
  return c;
}

class Products : public EmulatorTest {
protected:
  template <typename T> void run(const char *kernel, int depth, T (*convert)(float)) {
    std::vector<T> a(16 * depth), b(depth * 8);
    for (size_t i = 0; i < a.size(); ++i)
      a[i] = convert(element(i));
    for (size_t i = 0; i < b.size(); ++i)
      b[i] = convert(element(1000 + i));
    T *as = upload(a), *bs = upload(b);
    float *c = upload(std::vector<float>(16 * 8));
    ASSERT_EQ(launch(kernel, {1, 32, 1024}, as, bs, c), CUDA_SUCCESS);
    EXPECT_EQ(download(c, 16 * 8), plainProduct(depth));
  }
};

TEST_F(Products, Bf16) { run("productBf16", 16, toBf16); }
TEST_F(Products, F16) { run("productF16", 16, toF16); }
TEST_F(Products, Tf32) { run("productTf32", 8, bits); }

TEST_F(Products, Tf32CutsOffWhatItLacks) {
  std::vector<uint32_t> a(16 * 8, bits(1 + 0x1p-11f)), b(8 * 8, bits(1));
  uint32_t *as = upload(a), *bs = upload(b);
  float *c = upload(std::vector<float>(16 * 8));
  ASSERT_EQ(launch("productTf32", {1, 32, 1024}, as, bs, c), CUDA_SUCCESS);
  EXPECT_EQ(download(c, 16 * 8), std::vector<float>(16 * 8, 8.0f));
}

TEST_F(Products, F16KnowsItsSpecialNumbers) {
  std::vector<uint16_t> a(16 * 16), b(16 * 8);
  a[0] = 0x0001;  // row 0: the smallest subnormal, 2^-24
  a[16] = 0x7c00; // row 1: infinity
  a[32] = 0x8400; // row 2: -2^-14
  for (int n = 0; n < 8; ++n)
    b[n] = 0x3c00; // 1
  uint16_t *as = upload(a), *bs = upload(b);
  float *c = upload(std::vector<float>(16 * 8));
  ASSERT_EQ(launch("productF16", {1, 32, 1024}, as, bs, c), CUDA_SUCCESS);
  std::vector<float> out = download(c, 16 * 8);
  EXPECT_EQ(out[0], 0x1p-24f);
  EXPECT_EQ(out[8], INFINITY);
  EXPECT_EQ(out[16], -0x1p-14f);
}

//===----------------------------------------------------------------------------------------===//
// The rest
//===----------------------------------------------------------------------------------------===//

TEST_F(EmulatorTest, IndicesInThreeDimensions) {
  int *out = upload(std::vector<int>(2 * 3 * 4));
  void *parameters[] = {&out};
  ASSERT_EQ(
      cuda().cuLaunchKernel(find("indices"), 2, 3, 4, 6, 1, 1, 0, nullptr, parameters, nullptr),
      CUDA_SUCCESS);
  std::vector<int> values = download(out, 24);
  for (int i = 0; i < 24; ++i)
    EXPECT_EQ(values[i], 6 + 1000 * (i % 2) + 10000 * (i / 2 % 3) + 100000 * (i / 6) + 4000000);
}

TEST_F(EmulatorTest, SubnormalNumbersAreZeroInKernelsOnly) {
  float *small = upload(std::vector<float>(32, 1e-39f)), *one = upload(std::vector<float>(32, 1));
  float *out = upload(std::vector<float>(32, 1));
  ASSERT_EQ(launch("multiply", {}, small, one, out), CUDA_SUCCESS);
  EXPECT_EQ(download(out, 32), std::vector<float>(32));
  volatile float host = 1e-39f;
  EXPECT_EQ(bits(host * 0.5f), bits(0.5e-39f)); // as numbers, both could be taken as 0
}

TEST_F(EmulatorTest, MemoryIsNoNumberUntilWritten) {
  DevicePointer memory;
  ASSERT_EQ(cuda().cuMemAlloc_v2(&memory, 16), CUDA_SUCCESS);
  std::vector<int> out = download(reinterpret_cast<int *>(memory), 4);
  EXPECT_EQ(out, std::vector<int>(4, -1));
}

TEST_F(EmulatorTest, StarvedWarpComesLast) {
  std::set<int> starved;
  for (int seed = 0; seed < 10; ++seed) {
    start("starve:" + std::to_string(seed));
    int *counter = upload(std::vector<int>{0}), *out = upload(std::vector<int>(80));
    ASSERT_EQ(launch("takeNumbers", {1, 256}, counter, out), CUDA_SUCCESS);
    std::vector<int> numbers = download(out, 80);
    int last = (std::find(numbers.begin(), numbers.end(), 79) - numbers.begin()) / 10;
    for (int i = 0; i < 10; ++i)
      EXPECT_EQ(numbers[last * 10 + i], 70 + i);
    starved.insert(last);
  }
  EXPECT_GE(starved.size(), 4u);
}

TEST_F(EmulatorTest, StarvedWarpWaitsForThoseThatPoll) {
  for (int seed = 0; seed < 10; ++seed) {
    start("starve:" + std::to_string(seed));
    int *balls = upload(std::vector<int>(4)), *counter = upload(std::vector<int>{0});
    int *out = upload(std::vector<int>(8));
    ASSERT_EQ(launch("playInPairs", {1, 256}, balls, counter, out), CUDA_SUCCESS);
    std::vector<int> numbers = download(out, 8);
    int last = std::find(numbers.begin(), numbers.end(), 7) - numbers.begin();
    EXPECT_EQ(numbers[last ^ 1], 6); // its partner could not go on without it, all others could
  }
}

TEST_F(EmulatorTest, SameSeedSameOrder) {
  auto run = [&](const char *schedule) {
    start(schedule);
    int *out = upload(std::vector<int>(64));
    EXPECT_EQ(launch("dependOnOtherBlock", {64, 32}, out), CUDA_SUCCESS);
    return download(out, 64);
  };
  EXPECT_EQ(run("random:8"), run("random:8"));
  EXPECT_NE(run("random:8"), run("random:9"));
}
} // namespace
