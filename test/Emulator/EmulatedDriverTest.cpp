//===- EmulatedDriverTest.cpp - Devices, memory, launches, failures on demand --------------===//
#include "EmulatorTesting.h"

#include <cstring>
#include <set>
#include <thread>

using namespace emulator;

namespace {
class EmulatedDriverTest : public EmulatorTest {};

//===----------------------------------------------------------------------------------------===//
// What there is
//===----------------------------------------------------------------------------------------===//

TEST_F(EmulatedDriverTest, DescribesItself) {
  const Api &api = cuda();
  int count = 0, device = -1, version = 0, major = -1, minor = -1, shared = 0, warp = 0;
  char name[64], uuid[16];
  size_t total = 0, free = 0;
  EXPECT_EQ(api.cuDriverGetVersion(&version), CUDA_SUCCESS);
  EXPECT_EQ(api.cuDeviceGetCount(&count), CUDA_SUCCESS);
  EXPECT_EQ(api.cuDeviceGet(&device, 0), CUDA_SUCCESS);
  EXPECT_EQ(api.cuDeviceGet(&device, 1), CUDA_ERROR_INVALID_DEVICE);
  EXPECT_EQ(api.cuDeviceGetName(name, sizeof(name), device), CUDA_SUCCESS);
  EXPECT_EQ(api.cuDeviceGetUuid_v2(uuid, device), CUDA_SUCCESS);
  EXPECT_EQ(api.cuDeviceTotalMem_v2(&total, device), CUDA_SUCCESS);
  EXPECT_EQ(api.cuMemGetInfo_v2(&free, &total), CUDA_SUCCESS);
  EXPECT_EQ(api.cuDeviceGetAttribute(&major, 75, device), CUDA_SUCCESS);
  EXPECT_EQ(api.cuDeviceGetAttribute(&minor, 76, device), CUDA_SUCCESS);
  EXPECT_EQ(api.cuDeviceGetAttribute(&shared, 97, device), CUDA_SUCCESS);
  EXPECT_EQ(api.cuDeviceGetAttribute(&warp, 10, device), CUDA_SUCCESS);
  EXPECT_EQ(count, 1);
  EXPECT_EQ(version, 13000);
  EXPECT_STREQ(name, "dlc emulator");
  EXPECT_EQ(major, 0);
  EXPECT_EQ(minor, 0);
  EXPECT_EQ(shared, 227 << 10);
  EXPECT_EQ(warp, 32);
  EXPECT_EQ(total, size_t(4) << 30);
  EXPECT_EQ(free, total);
}

TEST_F(EmulatedDriverTest, NamesErrors) {
  const char *name = nullptr, *text = nullptr;
  EXPECT_EQ(cuda().cuGetErrorName(719, &name), CUDA_SUCCESS);
  EXPECT_EQ(cuda().cuGetErrorString(719, &text), CUDA_SUCCESS);
  EXPECT_STREQ(name, "CUDA_ERROR_LAUNCH_FAILED");
  EXPECT_STREQ(text, "unspecified launch failure");
  EXPECT_EQ(cuda().cuGetErrorName(12345, &name), CUDA_ERROR_INVALID_VALUE);
}

TEST_F(EmulatedDriverTest, RefusesAScheduleItDoesNotKnow) {
  for (const char *words : {"backward", "random", "random:x", "early:1"}) {
    setenv("DLC_EMULATOR_SCHEDULE", words, 1);
    cuda().dlc_emulator_reset();
    ::testing::internal::CaptureStderr();
    EXPECT_EQ(cuda().cuInit(0), CUDA_ERROR_INVALID_VALUE) << words;
    EXPECT_NE(::testing::internal::GetCapturedStderr().find(words), std::string::npos);
  }
}

TEST_F(EmulatedDriverTest, NeedsInitAndAContext) {
  setenv("DLC_EMULATOR_SCHEDULE", "forward", 1);
  cuda().dlc_emulator_reset();
  DevicePointer memory;
  int count;
  EXPECT_EQ(cuda().cuDeviceGetCount(&count), CUDA_ERROR_NOT_INITIALIZED);
  ASSERT_EQ(cuda().cuInit(0), CUDA_SUCCESS);
  EXPECT_EQ(cuda().cuMemAlloc_v2(&memory, 16), CUDA_ERROR_INVALID_CONTEXT);
  void *context, *current;
  ASSERT_EQ(cuda().cuDevicePrimaryCtxRetain(&context, 0), CUDA_SUCCESS);
  EXPECT_EQ(cuda().cuMemAlloc_v2(&memory, 16), CUDA_ERROR_INVALID_CONTEXT);
  ASSERT_EQ(cuda().cuCtxPushCurrent_v2(context), CUDA_SUCCESS);
  EXPECT_EQ(cuda().cuMemAlloc_v2(&memory, 16), CUDA_SUCCESS);
  ASSERT_EQ(cuda().cuDevicePrimaryCtxRelease_v2(0), CUDA_SUCCESS);
  EXPECT_EQ(cuda().cuMemFree_v2(memory), CUDA_ERROR_CONTEXT_IS_DESTROYED);
  ASSERT_EQ(cuda().cuCtxPopCurrent_v2(&current), CUDA_SUCCESS);
  EXPECT_EQ(current, context);
  EXPECT_EQ(cuda().cuCtxSetCurrent(context), CUDA_ERROR_INVALID_CONTEXT);
  EXPECT_NE(strstr(cuda().dlc_emulator_report(), " lost=1 "), nullptr);
}

TEST_F(EmulatedDriverTest, HostThreadsHaveContextsOfTheirOwn) {
  void *context;
  DevicePointer memory;
  ASSERT_EQ(cuda().cuCtxGetCurrent(&context), CUDA_SUCCESS);
  std::thread([&] {
    EXPECT_EQ(cuda().cuMemAlloc_v2(&memory, 16), CUDA_ERROR_INVALID_CONTEXT);
    EXPECT_EQ(cuda().cuCtxSetCurrent(context), CUDA_SUCCESS);
    EXPECT_EQ(cuda().cuMemAlloc_v2(&memory, 16), CUDA_SUCCESS);
  }).join();
  EXPECT_EQ(cuda().cuMemFree_v2(memory), CUDA_SUCCESS);
}

//===----------------------------------------------------------------------------------------===//
// Modules, launches and memory
//===----------------------------------------------------------------------------------------===//

TEST_F(EmulatedDriverTest, TakesLibrariesAlone) {
  void *other, *function;
  ::testing::internal::CaptureStderr();
  EXPECT_EQ(cuda().cuModuleLoadData(&other, ".version 8.0\n.target sm_90\n"),
            CUDA_ERROR_INVALID_IMAGE);
  EXPECT_EQ(cuda().cuModuleLoadData(&other, ""), CUDA_ERROR_INVALID_IMAGE);
  std::string cut = kernelImage();
  cut[18] = 40; // e_machine: not this one
  EXPECT_EQ(cuda().cuModuleLoadDataEx(&other, cut.data(), 0, nullptr, nullptr),
            CUDA_ERROR_INVALID_IMAGE);
  EXPECT_NE(::testing::internal::GetCapturedStderr(), "");
  EXPECT_EQ(cuda().cuModuleGetFunction(&function, module, "nothing"), CUDA_ERROR_NOT_FOUND);
  EXPECT_EQ(cuda().cuModuleGetFunction(&function, module, "emu_barrier"), CUDA_ERROR_NOT_FOUND);
}

TEST_F(EmulatedDriverTest, TakesALibraryInPlaceOfAnImage) {
  void *other = nullptr, *function;
  setenv("DLC_EMULATOR_IMAGE", EMULATOR_KERNELS, 1);
  EXPECT_EQ(cuda().cuModuleLoadData(&other, ".version 8.0\n"), CUDA_SUCCESS);
  EXPECT_EQ(cuda().cuModuleGetFunction(&function, other, "addAt"), CUDA_SUCCESS);
  for (const char *wrong : {"/nowhere/image.so", "/dev/null", "/", ""}) {
    setenv("DLC_EMULATOR_IMAGE", wrong, 1);
    ::testing::internal::CaptureStderr();
    EXPECT_EQ(cuda().cuModuleLoadData(&other, kernelImage().data()), CUDA_ERROR_INVALID_IMAGE);
    EXPECT_NE(::testing::internal::GetCapturedStderr().find("in place of the image"),
              std::string::npos);
  }
  unsetenv("DLC_EMULATOR_IMAGE");
}

TEST_F(EmulatedDriverTest, ModulesAreApart) {
  void *other, *first = find("addAt"), *second;
  ASSERT_EQ(cuda().cuModuleLoadData(&other, kernelImage().data()), CUDA_SUCCESS);
  ASSERT_EQ(cuda().cuModuleGetFunction(&second, other, "addAt"), CUDA_SUCCESS);
  ASSERT_EQ(cuda().cuModuleUnload(module), CUDA_SUCCESS);
  EXPECT_EQ(cuda().cuModuleUnload(module), CUDA_ERROR_INVALID_HANDLE);
  int64_t arguments[] = {int64_t(upload(std::vector<int>{5})), 0, 1};
  void *parameters[] = {&arguments[0], &arguments[1], &arguments[2]};
  EXPECT_EQ(cuda().cuLaunchKernel(first, 1, 1, 1, 1, 1, 1, 0, nullptr, parameters, nullptr),
            CUDA_ERROR_INVALID_HANDLE);
  EXPECT_EQ(cuda().cuLaunchKernel(second, 1, 1, 1, 1, 1, 1, 0, nullptr, parameters, nullptr),
            CUDA_SUCCESS);
  EXPECT_EQ(download(reinterpret_cast<int *>(arguments[0]), 1)[0], 6);
}

TEST_F(EmulatedDriverTest, RefusesLaunchesThatDoNotFit) {
  int *memory = upload(std::vector<int>{0});
  auto tryShape = [&](Shape shape) { return launch("addAt", shape, memory, 0, 1); };
  EXPECT_EQ(tryShape({1, 1024, 48 << 10}), CUDA_SUCCESS);
  EXPECT_EQ(tryShape({1, 1025}), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(tryShape({0, 32}), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(tryShape({1, 0}), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(tryShape({1, 32, (48 << 10) + 1}), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(tryShape({8, 1024, 0, true}), CUDA_SUCCESS);
  EXPECT_EQ(tryShape({9, 1024, 0, true}), CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE);
  EXPECT_EQ(tryShape({9, 32, 0, false, 2}), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(tryShape({16, 32, 0, false, 16}), CUDA_ERROR_INVALID_CLUSTER_SIZE);
  EXPECT_EQ(download(memory, 1)[0], 2);
  void *function = find("addAt");
  EXPECT_EQ(cuda().cuLaunchKernel(function, 1, 1, 1, 1, 1, 1, 0, nullptr, nullptr, nullptr),
            CUDA_ERROR_INVALID_VALUE);
}

TEST_F(EmulatedDriverTest, LargeSharedMemoryIsAskedFor) {
  void *function = find("writeSharedAt");
  int64_t offset = (227 << 10) - 1;
  void *parameters[] = {&offset};
  auto run = [&](unsigned bytes) {
    return cuda().cuLaunchKernel(function, 1, 1, 1, 32, 1, 1, bytes, nullptr, parameters, nullptr);
  };
  int value = 0, blocks = 0;
  EXPECT_EQ(run(227 << 10), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(cuda().cuFuncSetAttribute(function, 8, (227 << 10) + 1), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(cuda().cuFuncSetAttribute(function, 8, 227 << 10), CUDA_SUCCESS);
  EXPECT_EQ(cuda().cuFuncGetAttribute(&value, 8, function), CUDA_SUCCESS);
  EXPECT_EQ(value, 227 << 10);
  EXPECT_EQ(run(227 << 10), CUDA_SUCCESS);
  EXPECT_EQ(cuda().cuCtxSynchronize(), CUDA_SUCCESS);
  auto occupancy = [&](int threads, size_t bytes) {
    EXPECT_EQ(cuda().cuOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, function, threads, bytes),
              CUDA_SUCCESS);
    return blocks;
  };
  EXPECT_EQ(occupancy(256, 0), 8);
  EXPECT_EQ(occupancy(32, 0), 32);
  EXPECT_EQ(occupancy(256, 227 << 10), 1);
  EXPECT_EQ(occupancy(256, 100 << 10), 2);
}

TEST_F(EmulatedDriverTest, MemoryEnds) {
  setenv("DLC_EMULATOR_MEMORY", "1000000", 1);
  start();
  DevicePointer first, second;
  size_t free, total;
  EXPECT_EQ(cuda().cuMemAlloc_v2(&first, 600000), CUDA_SUCCESS);
  EXPECT_EQ(cuda().cuMemAlloc_v2(&second, 600000), CUDA_ERROR_OUT_OF_MEMORY);
  EXPECT_EQ(cuda().cuMemAlloc_v2(&second, SIZE_MAX), CUDA_ERROR_OUT_OF_MEMORY);
  EXPECT_EQ(cuda().cuMemAlloc_v2(&second, 0), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(cuda().cuMemGetInfo_v2(&free, &total), CUDA_SUCCESS);
  EXPECT_EQ(free, 400000u);
  EXPECT_EQ(cuda().cuMemFree_v2(first), CUDA_SUCCESS);
  EXPECT_EQ(cuda().cuMemFree_v2(first), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(cuda().cuMemAlloc_v2(&second, 600000), CUDA_SUCCESS); // lack of memory does not stick
  EXPECT_NE(second, first);
  EXPECT_EQ(second % 256, 0u);
}

TEST_F(EmulatedDriverTest, CopiesStayInsideAllocations) {
  int *memory = upload(std::vector<int>(10, 3));
  std::vector<char> host(100);
  const Api &api = cuda();
  EXPECT_EQ(api.cuMemcpyHtoD_v2(address(memory) + 1, host.data(), 40), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api.cuMemcpyDtoH_v2(host.data(), address(memory) - 1, 1), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api.cuMemcpyDtoH_v2(host.data(), address(host.data()), 1), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api.cuMemsetD8_v2(address(memory) + 20, 0, 21), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api.cuMemsetD8_v2(address(memory) + 36, 1, 4), CUDA_SUCCESS);
  EXPECT_EQ(api.cuMemcpyDtoDAsync_v2(address(memory), address(memory) + 36, 4, nullptr),
            CUDA_SUCCESS);
  std::vector<int> out = download(memory, 10);
  EXPECT_EQ(out[0], 0x01010101);
  EXPECT_EQ(out[1], 3);
  EXPECT_EQ(out[9], 0x01010101);
}

//===----------------------------------------------------------------------------------------===//
// Failures on demand and the report
//===----------------------------------------------------------------------------------------===//

/// A small program of every kind of call. It gives back what it got, however far it came, and
/// returns the first error.
int program() {
  const Api &api = cuda();
  int first = CUDA_SUCCESS;
  auto ok = [&](int result) {
    if (first == CUDA_SUCCESS)
      first = result;
    return first == CUDA_SUCCESS;
  };
  void *context = nullptr, *module = nullptr, *function, *stream = nullptr, *event = nullptr;
  void *graph = nullptr, *executable = nullptr, *pinned = nullptr;
  DevicePointer memory = 0;
  bool captures = false;
  int64_t arguments[] = {0, 0, 5};
  void *parameters[] = {&arguments[0], &arguments[1], &arguments[2]};
  auto launch = [&] {
    return ok(api.cuLaunchKernel(function, 1, 1, 1, 32, 1, 1, 0, stream, parameters, nullptr));
  };
  if (ok(api.cuInit(0)) && ok(api.cuDevicePrimaryCtxRetain(&context, 0)) &&
      ok(api.cuCtxSetCurrent(context)) && ok(api.cuModuleLoadData(&module, kernelImage().data())) &&
      ok(api.cuModuleGetFunction(&function, module, "addAt")) &&
      ok(api.cuStreamCreate(&stream, STREAM_NON_BLOCKING)) && ok(api.cuEventCreate(&event, 0)) &&
      ok(api.cuMemAlloc_v2(&memory, 64)) && ok(api.cuMemAllocHost_v2(&pinned, 64))) {
    arguments[0] = memory;
    (void)(ok(api.cuMemsetD8Async(memory, 0, 64, stream)) && launch() &&
           (captures = ok(api.cuStreamBeginCapture_v2(stream, CAPTURE_GLOBAL))) && launch() &&
           ok(api.cuMemcpyDtoHAsync_v2(pinned, memory, 4, stream)) &&
           (captures = false, ok(api.cuStreamEndCapture(stream, &graph))) &&
           ok(api.cuGraphInstantiateWithFlags(&executable, graph, 0)) &&
           ok(api.cuGraphLaunch(executable, stream)) && ok(api.cuEventRecord(event, stream)) &&
           ok(api.cuEventSynchronize(event)) && ok(api.cuStreamSynchronize(stream)));
    if (first == CUDA_SUCCESS)
      EXPECT_EQ(*static_cast<int *>(pinned), 10);
  }
  if (captures)
    ok(api.cuStreamEndCapture(stream, &graph));
  if (executable)
    ok(api.cuGraphExecDestroy(executable));
  if (graph)
    ok(api.cuGraphDestroy(graph));
  if (memory)
    ok(api.cuMemFree_v2(memory));
  if (pinned)
    ok(api.cuMemFreeHost(pinned));
  if (event)
    ok(api.cuEventDestroy_v2(event));
  if (stream)
    ok(api.cuStreamDestroy_v2(stream));
  if (module)
    ok(api.cuModuleUnload(module));
  if (context)
    ok(api.cuDevicePrimaryCtxRelease_v2(0));
  return first;
}

class Failures : public EmulatedDriverTest, public ::testing::WithParamInterface<std::string> {};

TEST_P(Failures, EachCallInTurn) {
  const std::string nothingLeft = " bytes=0 pinned=0 modules=0 streams=0 events=0 graphs=0 "
                                  "contexts=0 lost=0 ";
  std::set<std::string> names;
  int call = 1;
  for (;; ++call) {
    setenv("DLC_EMULATOR_SCHEDULE", GetParam().c_str(), 1);
    setenv("DLC_EMULATOR_FAIL", std::to_string(call).c_str(), 1);
    cuda().dlc_emulator_reset();
    int result = program();
    std::string report = cuda().dlc_emulator_report();
    EXPECT_NE(report.find(nothingLeft), std::string::npos) << report;
    size_t failed = report.find("failed=");
    if (failed == std::string::npos) { // there are no more calls
      EXPECT_EQ(result, CUDA_SUCCESS);
      break;
    }
    std::string name = report.substr(failed + 7);
    names.insert(name);
    bool allocates = name.find("Alloc") != std::string::npos;
    bool runs =
        name.find("Launch") != std::string::npos || name.find("Synchronize") != std::string::npos;
    EXPECT_EQ(result, allocates ? CUDA_ERROR_OUT_OF_MEMORY
                      : runs    ? CUDA_ERROR_LAUNCH_FAILED
                                : CUDA_ERROR_UNKNOWN)
        << name;
  }
  EXPECT_EQ(call, 29); // one more than it makes
  EXPECT_EQ(names.size(), 27u);
}

INSTANTIATE_TEST_SUITE_P(Schedules, Failures, ::testing::Values("forward", "random:3,deferred"),
                         [](const auto &info) { return info.index ? "deferred" : "forward"; });

TEST_F(EmulatedDriverTest, ReportsLeaksWhenTheProcessEnds) {
  std::string path = ::testing::TempDir() + "dlc-emulator-report-" + std::to_string(getpid());
  auto leak = [&] {
    setenv("DLC_EMULATOR_REPORT", path.c_str(), 1);
    upload(std::vector<int>(10));
    launch("addAt", {}, upload(std::vector<int>(1)), 0, 1);
    std::exit(0);
  };
  EXPECT_EXIT(leak(), ::testing::ExitedWithCode(0), "");
  EXPECT_EXIT(leak(), ::testing::ExitedWithCode(0), "");
  std::ifstream file(path);
  std::string line;
  int lines = 0;
  while (std::getline(file, line)) {
    ++lines;
    EXPECT_EQ(line.find("calls="), 0u);
    EXPECT_NE(line.find(" bytes=44 pinned=0 modules=1 streams=0 events=0 graphs=0 contexts=1 "
                        "lost=0 kernels=1 peak="),
              std::string::npos)
        << line;
  }
  EXPECT_EQ(lines, 2);
  std::remove(path.c_str());
}
} // namespace
