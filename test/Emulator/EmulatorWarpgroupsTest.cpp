//===- EmulatorWarpgroupsTest.cpp - wgmma, copies of tensors, barriers that count them --------===//
#include "EmulatorTesting.h"
#include "WarpgroupMistakes.h"

#include <cmath>

using namespace emulator;

namespace {
constexpr int kRows = 64, kColumns = 32;

struct Map {
  alignas(64) char bytes[128];
};

/// What cuTensorMapEncodeTiled is given: a matrix of 16-bit numbers, as one of three dimensions.
struct Encoding {
  void *address = nullptr;
  int type = 9; // bf16; 6 is f16
  unsigned rank = 3;
  std::vector<uint64_t> dims = {64, 64, 1}, strides = {128, 64 * 128};
  std::vector<unsigned> box = {64, 64, 1}, steps = {1, 1, 1};
  int swizzle = 3;

  int into(void *map) const {
    return cuda().cuTensorMapEncodeTiled(map, type, rank, address, dims.data(), strides.data(),
                                         box.data(), steps.data(), 0, swizzle, 2, 0);
  }
};

class Warpgroups : public EmulatorTest {
protected:
  struct Product {
    int terms = 200, swizzle = 3, transposed = 0;
    bool isF16 = false;
    WarpgroupMistake mistake = NoMistake;
  };

  /// Small integers: every sum is exact.
  static int number(int line, int term) { return (line * 7 + term * 5) % 13 - 6; }
  static uint16_t bitsOf(int value, bool isF16) {
    float f = static_cast<float>(value);
    uint32_t bits;
    memcpy(&bits, &f, sizeof(bits));
    if (!isF16 || value == 0)
      return static_cast<uint16_t>(bits >> 16);
    return static_cast<uint16_t>((bits >> 16 & 0x8000) | ((bits >> 23 & 255) - 112) << 10 |
                                 (bits >> 13 & 1023));
  }

  Map operand(const Product &product, bool transposed, int lines) {
    int inner = transposed ? lines : product.terms, outer = transposed ? product.terms : lines;
    std::vector<uint16_t> values;
    for (int i = 0; i < outer; ++i)
      for (int j = 0; j < inner; ++j)
        values.push_back(bitsOf(transposed ? number(j, i) : number(i, j), product.isF16));
    uint64_t pitch = 2 * inner;
    unsigned across = (16u << product.swizzle) / 2;
    Encoding encoding;
    encoding.address = upload(values);
    encoding.type = product.isF16 ? 6 : 9;
    encoding.dims = {uint64_t(inner), uint64_t(outer), 1};
    encoding.strides = {pitch, pitch * outer};
    encoding.box = {across, transposed ? across : unsigned(lines), 1};
    encoding.swizzle = product.swizzle;
    Map map;
    EXPECT_EQ(encoding.into(&map), CUDA_SUCCESS);
    return map;
  }

  /// Launches the product; the message if it fails, "wrong" if its numbers are.
  std::string multiply(const Product &product) {
    Map a = operand(product, product.transposed & 1, kRows);
    Map b = operand(product, product.transposed & 2, kColumns);
    float *out = upload(std::vector<float>(kRows * kColumns));
    int64_t values[] = {int64_t(out),       product.terms, product.swizzle,
                        product.transposed, product.isF16, product.mistake};
    void *parameters[8] = {&values[0], &values[1], &values[2], &values[3],
                           &values[4], &values[5], &a,         &b};
    void *kernel = find("multiplyTiles");
    constexpr int kShared = 64 << 10;
    EXPECT_EQ(cuda().cuFuncSetAttribute(kernel, FUNC_MAX_DYNAMIC_SHARED_SIZE_BYTES, kShared), 0);
    testing::internal::CaptureStderr();
    EXPECT_EQ(
        cuda().cuLaunchKernel(kernel, 1, 1, 1, 160, 1, 1, kShared, nullptr, parameters, nullptr),
        CUDA_SUCCESS);
    int result = cuda().cuCtxSynchronize();
    std::string message = testing::internal::GetCapturedStderr();
    if (result != CUDA_SUCCESS)
      return message.empty() ? "failed" : message;
    std::vector<float> found = download(out, kRows * kColumns);
    for (int m = 0; m < kRows; ++m)
      for (int n = 0; n < kColumns; ++n) {
        int sum = 0;
        for (int k = 0; k < product.terms; ++k)
          sum += number(m, k) * number(n, k);
        if (found[m * kColumns + n] != static_cast<float>(sum))
          return "wrong";
      }
    return "";
  }
};

TEST_F(Warpgroups, EveryLayout) {
  for (int transposed = 0; transposed < 4; ++transposed)
    for (int swizzle = 1; swizzle <= 3; ++swizzle)
      for (bool isF16 : {false, true}) {
        Product product = {200, swizzle, transposed, isF16};
        EXPECT_EQ(multiply(product), "") << transposed << ", swizzle " << swizzle << ", " << isF16;
      }
}

TEST_F(Warpgroups, EverySchedule) {
  for (const std::string &schedule : schedules()) {
    start(schedule);
    EXPECT_EQ(multiply({}), "") << schedule;
  }
}

TEST_F(Warpgroups, MistakesThatAlwaysShow) {
  struct {
    WarpgroupMistake mistake;
    const char *message;
  } cases[] = {
      {NoWaitForFull, "more threads than the 1 that the barrier expects"},
      {WrongParity, "deadlock"},
      {NoExpectedBytes, "deadlock"},
      {TooFewBytes, "deadlock"},
      {StageOffByOne, "wrong"},
      {NoWaitForSums, "wrong"},
      {OtherSwizzle, "wrong"},
      {MisalignedStage, "is not aligned to 1024 bytes"},
      {NoFence, "no wgmma.fence since the sums were touched"},
      {NoProxyFence, "without fence.proxy.async behind it"},
      {NoCommit, "exits while products of its warp are under way"},
      {LanesDiffer, "lanes 0 and 5 do not say the same"},
  };
  for (auto [mistake, message] : cases) {
    start();
    Product product;
    product.mistake = mistake;
    std::string found = multiply(product);
    EXPECT_NE(found.find(message), std::string::npos) << mistake << ": " << found;
  }
}

TEST_F(Warpgroups, RacesShowUnderSomeSchedule) {
  for (WarpgroupMistake mistake : {NoWaitForEmpty, EmptyBeforeWait, TooFewExpected}) {
    int caught = 0;
    for (int seed = 0; seed < 20; ++seed)
      for (const char *kind : {"random:", "starve:"}) {
        start(kind + std::to_string(seed));
        Product product;
        product.mistake = mistake;
        caught += !multiply(product).empty();
      }
    EXPECT_GE(caught, 10) << mistake;
  }
}

TEST_F(Warpgroups, RegistersAreShared) {
  EXPECT_EQ(launch("shareRegisters", {1, 384}, 40, 232), CUDA_SUCCESS);
  EXPECT_EQ(cuda().cuCtxSynchronize(), CUDA_SUCCESS);
  struct {
    int fewer, more;
    const char *message;
  } cases[] = {{44, 232, "setmaxnreg: 44 registers"},
               {176, 232, "setmaxnreg: fewer registers than the 168"},
               {40, 160, "setmaxnreg: more registers than the 168"},
               {40, 240, "deadlock"}};
  for (auto [fewer, more, message] : cases) {
    setenv("DLC_EMULATOR_PATIENCE", "100", 1);
    start();
    testing::internal::CaptureStderr();
    launch("shareRegisters", {1, 384}, fewer, more);
    EXPECT_NE(cuda().cuCtxSynchronize(), CUDA_SUCCESS);
    std::string found = testing::internal::GetCapturedStderr();
    EXPECT_NE(found.find(message), std::string::npos) << found;
  }
}

TEST_F(Warpgroups, TensorMapsAreChecked) {
  Encoding good;
  good.address = upload(std::vector<uint16_t>(64 * 64));
  Map map;
  EXPECT_EQ(good.into(&map), CUDA_SUCCESS);
  EXPECT_EQ(good.into(map.bytes + 16), CUDA_ERROR_INVALID_VALUE);
  auto refuses = [&](auto change) {
    Encoding bad = good;
    change(bad);
    EXPECT_EQ(bad.into(&map), CUDA_ERROR_INVALID_VALUE);
  };
  refuses([](Encoding &e) { e.address = static_cast<char *>(e.address) + 8; });
  refuses([](Encoding &e) { e.rank = 6; });
  refuses([](Encoding &e) { e.dims[1] = 0; });
  refuses([](Encoding &e) { e.strides[0] = 136; });
  refuses([](Encoding &e) { e.strides[0] = 112; });
  refuses([](Encoding &e) { e.box[1] = 257; });
  refuses([](Encoding &e) { e.box[0] = 72; }); // more than the swizzle spans
  refuses([](Encoding &e) { e.box[0] = 4; });
  refuses([](Encoding &e) { e.type = 13; });
}
} // namespace
