//===- EmulatedContextsTest.cpp - Several contexts, and whose memory a pointer is ------------===//
#include "EmulatorTesting.h"

using namespace emulator;

namespace {
class Contexts : public EmulatorTest {
protected:
  void *current() {
    void *context = nullptr;
    EXPECT_EQ(cuda().cuCtxGetCurrent(&context), CUDA_SUCCESS);
    return context;
  }
};

TEST_F(Contexts, OwnStreamsAndModules) {
  void *primary = current(), *own, *stream, *ofPrimary, *found;
  int device = -1;
  ASSERT_EQ(cuda().cuStreamCreate(&ofPrimary, STREAM_NON_BLOCKING), CUDA_SUCCESS);
  ASSERT_EQ(cuda().cuCtxCreate_v2(&own, 0, 0), CUDA_SUCCESS);
  EXPECT_EQ(current(), own); // creating makes it current
  EXPECT_NE(own, primary);
  EXPECT_EQ(cuda().cuCtxGetDevice(&device), CUDA_SUCCESS);
  EXPECT_EQ(device, 0);
  ASSERT_EQ(cuda().cuStreamCreate(&stream, STREAM_NON_BLOCKING), CUDA_SUCCESS);
  EXPECT_EQ(cuda().cuStreamGetCtx(stream, &found), CUDA_SUCCESS);
  EXPECT_EQ(found, own);
  EXPECT_EQ(cuda().cuStreamGetCtx(ofPrimary, &found), CUDA_SUCCESS);
  EXPECT_EQ(found, primary);
  EXPECT_EQ(cuda().cuStreamGetCtx(nullptr, &found), CUDA_SUCCESS);
  EXPECT_EQ(found, own); // the null stream is the current one's
  EXPECT_EQ(cuda().cuStreamGetCtx(this, &found), CUDA_ERROR_INVALID_HANDLE);

  // The module is the primary context's: its kernels run in streams of that one alone.
  int *memory = upload(std::vector<int>{1});
  Shape shape;
  shape.stream = stream;
  EXPECT_EQ(launch("addAt", shape, memory, 0, 1), CUDA_ERROR_INVALID_HANDLE);
  shape.stream = nullptr;
  EXPECT_EQ(launch("addAt", shape, memory, 0, 1), CUDA_ERROR_INVALID_HANDLE);
  shape.stream = ofPrimary;
  EXPECT_EQ(launch("addAt", shape, memory, 0, 1), CUDA_SUCCESS);
  EXPECT_EQ(download(memory, 1)[0], 2);
}

TEST_F(Contexts, EndWithWhatIsTheirs) {
  void *primary = current(), *own, *stream;
  int *kept = upload(std::vector<int>{7}), device;
  ASSERT_EQ(cuda().cuCtxCreate_v2(&own, 0, 0), CUDA_SUCCESS);
  ASSERT_EQ(cuda().cuStreamCreate(&stream, 0), CUDA_SUCCESS);
  int *gone = upload(std::vector<int>{8});
  EXPECT_EQ(cuda().cuCtxDestroy_v2(own), CUDA_SUCCESS);
  EXPECT_EQ(current(), primary);
  EXPECT_EQ(cuda().cuStreamSynchronize(stream), CUDA_ERROR_INVALID_HANDLE);
  EXPECT_EQ(cuda().cuMemFree_v2(address(gone)), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(download(kept, 1)[0], 7);
  EXPECT_NE(std::string(cuda().dlc_emulator_report()).find(" lost=2 "), std::string::npos);
  EXPECT_EQ(cuda().cuCtxDestroy_v2(own), CUDA_ERROR_INVALID_CONTEXT);
  EXPECT_EQ(cuda().cuCtxSetCurrent(own), CUDA_ERROR_INVALID_CONTEXT);
  EXPECT_EQ(cuda().cuCtxSetCurrent(nullptr), CUDA_SUCCESS);
  EXPECT_EQ(cuda().cuCtxGetDevice(&device), CUDA_ERROR_INVALID_CONTEXT);
}

TEST_F(Contexts, TellWhoseAPointerIs) {
  int *memory = upload(iota(8)), onHost = 0, device = -1;
  void *pinned, *start = nullptr, *context = nullptr;
  ASSERT_EQ(cuda().cuMemAllocHost_v2(&pinned, 16), CUDA_SUCCESS);
  unsigned type = 9;
  size_t bytes = 0;
  auto typeOf = [&](const void *pointer) {
    return cuda().cuPointerGetAttribute(&type, POINTER_MEMORY_TYPE, address(pointer));
  };
  EXPECT_EQ(typeOf(memory + 7), CUDA_SUCCESS);
  EXPECT_EQ(type, unsigned(MEMORY_DEVICE));
  EXPECT_EQ(typeOf(pinned), CUDA_SUCCESS);
  EXPECT_EQ(type, unsigned(MEMORY_HOST));
  EXPECT_EQ(typeOf(&onHost), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(typeOf(memory + 8), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(cuda().cuPointerGetAttribute(&type, 12345, address(memory)), CUDA_ERROR_INVALID_VALUE);

  int which[] = {POINTER_MEMORY_TYPE, POINTER_DEVICE_ORDINAL, POINTER_RANGE_START,
                 POINTER_RANGE_SIZE, POINTER_CONTEXT};
  void *values[] = {&type, &device, &start, &bytes, &context};
  EXPECT_EQ(cuda().cuPointerGetAttributes(5, which, values, address(memory + 3)), CUDA_SUCCESS);
  EXPECT_EQ(type, unsigned(MEMORY_DEVICE));
  EXPECT_EQ(device, 0);
  EXPECT_EQ(start, memory);
  EXPECT_EQ(bytes, 32u);
  EXPECT_EQ(context, current());
  // Of a pointer that it does not know, this one says nothing instead of failing.
  EXPECT_EQ(cuda().cuPointerGetAttributes(5, which, values, address(&onHost)), CUDA_SUCCESS);
  EXPECT_EQ(type, 0u);
  EXPECT_EQ(bytes, 0u);
}

TEST_F(Contexts, AreOfSeveralDevices) {
  setenv("DLC_EMULATOR_DEVICES", "0.0:65536,8.6:4096", 1);
  start();
  int count = 0, device = -1, major = 0, minor = 0;
  size_t free = 0, total = 0;
  void *second, *stream;
  ASSERT_EQ(cuda().cuDeviceGetCount(&count), CUDA_SUCCESS);
  EXPECT_EQ(count, 2);
  EXPECT_EQ(cuda().cuDeviceGet(&device, 2), CUDA_ERROR_INVALID_DEVICE);
  EXPECT_EQ(cuda().cuDeviceGetAttribute(&major, 75, 1), CUDA_SUCCESS);
  EXPECT_EQ(cuda().cuDeviceGetAttribute(&minor, 76, 1), CUDA_SUCCESS);
  EXPECT_EQ(10 * major + minor, 86);

  int *first = upload(iota(1024)); // as much as the second has
  ASSERT_EQ(cuda().cuDevicePrimaryCtxRetain(&second, 1), CUDA_SUCCESS);
  EXPECT_NE(second, current());
  ASSERT_EQ(cuda().cuCtxPushCurrent_v2(second), CUDA_SUCCESS);
  EXPECT_EQ(cuda().cuCtxGetDevice(&device), CUDA_SUCCESS);
  EXPECT_EQ(device, 1);
  EXPECT_EQ(cuda().cuMemGetInfo_v2(&free, &total), CUDA_SUCCESS);
  EXPECT_EQ(free, 4096u);
  EXPECT_EQ(total, 4096u);
  int *other = upload(iota(1024));
  DevicePointer more;
  EXPECT_EQ(cuda().cuMemAlloc_v2(&more, 4), CUDA_ERROR_OUT_OF_MEMORY);
  EXPECT_EQ(cuda().cuPointerGetAttribute(&device, POINTER_DEVICE_ORDINAL, address(other)),
            CUDA_SUCCESS);
  EXPECT_EQ(device, 1);
  EXPECT_EQ(cuda().cuPointerGetAttribute(&device, POINTER_DEVICE_ORDINAL, address(first)),
            CUDA_SUCCESS);
  EXPECT_EQ(device, 0);

  // The module is the first device's.
  ASSERT_EQ(cuda().cuStreamCreate(&stream, STREAM_NON_BLOCKING), CUDA_SUCCESS);
  Shape shape;
  shape.stream = stream;
  EXPECT_EQ(launch("addAt", shape, other, 0, 1), CUDA_ERROR_INVALID_HANDLE);
  EXPECT_EQ(cuda().cuDevicePrimaryCtxRelease_v2(1), CUDA_SUCCESS);
  EXPECT_EQ(cuda().cuDevicePrimaryCtxRelease_v2(1), CUDA_ERROR_INVALID_CONTEXT);
  EXPECT_EQ(cuda().cuMemAlloc_v2(&more, 4), CUDA_ERROR_CONTEXT_IS_DESTROYED);
}

TEST_F(Contexts, TellWhetherAStreamIsCaptured) {
  void *stream, *graph;
  int status = -1;
  ASSERT_EQ(cuda().cuStreamCreate(&stream, STREAM_NON_BLOCKING), CUDA_SUCCESS);
  EXPECT_EQ(cuda().cuStreamIsCapturing(stream, &status), CUDA_SUCCESS);
  EXPECT_EQ(status, 0);
  ASSERT_EQ(cuda().cuStreamBeginCapture_v2(stream, CAPTURE_RELAXED), CUDA_SUCCESS);
  EXPECT_EQ(cuda().cuStreamIsCapturing(stream, &status), CUDA_SUCCESS);
  EXPECT_EQ(status, 1);
  EXPECT_EQ(cuda().cuStreamEndCapture(stream, &graph), CUDA_SUCCESS); // asking does no harm
}
} // namespace
