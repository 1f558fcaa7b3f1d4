//===- EmulatedStreamsTest.cpp - Streams, events, captures, graphs ---------------------------===//
#include "EmulatorTesting.h"

#include <new>

using namespace emulator;

namespace {
//===----------------------------------------------------------------------------------------===//
// Streams and events
//===----------------------------------------------------------------------------------------===//

class Streams : public EmulatorTest {
protected:
  void *createStream(unsigned flags = STREAM_NON_BLOCKING) {
    void *stream = nullptr;
    EXPECT_EQ(cuda().cuStreamCreate(&stream, flags), CUDA_SUCCESS);
    return stream;
  }
  void *createEvent(unsigned flags = 0) {
    void *event = nullptr;
    EXPECT_EQ(cuda().cuEventCreate(&event, flags), CUDA_SUCCESS);
    return event;
  }
  int *pin(int value) {
    void *memory = nullptr;
    EXPECT_EQ(cuda().cuMemAllocHost_v2(&memory, sizeof(int)), CUDA_SUCCESS);
    return new (memory) int(value);
  }
  int add(int *memory, int value, void *stream) {
    Shape shape;
    shape.stream = stream;
    return launch("addAt", shape, memory, 0, value);
  }
};

TEST_F(Streams, DeferredResultsComeWhenWaitedFor) {
  start("forward,deferred");
  void *stream = createStream();
  int *memory = upload(std::vector<int>{1}), *host = pin(-5);
  EXPECT_EQ(add(memory, 1, stream), CUDA_SUCCESS);
  EXPECT_EQ(cuda().cuMemcpyDtoHAsync_v2(host, address(memory), 4, stream), CUDA_SUCCESS);
  EXPECT_EQ(*host, -5);
  EXPECT_EQ(download(memory, 1)[0], 1); // the null stream does not wait for this one
  EXPECT_EQ(cuda().cuStreamQuery(stream), CUDA_ERROR_NOT_READY);
  EXPECT_EQ(cuda().cuStreamSynchronize(stream), CUDA_SUCCESS);
  EXPECT_EQ(cuda().cuStreamQuery(stream), CUDA_SUCCESS);
  EXPECT_EQ(*host, 2);
}

TEST_F(Streams, NullStreamWaitsForBlockingOnes) {
  start("forward,deferred");
  void *stream = createStream(0);
  int *memory = upload(std::vector<int>{1});
  EXPECT_EQ(add(memory, 1, stream), CUDA_SUCCESS);
  EXPECT_EQ(download(memory, 1)[0], 2);
}

TEST_F(Streams, PinnedSourceIsReadLate) {
  start("forward,deferred");
  void *stream = createStream();
  int *first = upload(std::vector<int>{0}), *second = upload(std::vector<int>{0});
  int *pinned = pin(1), pageable = 1;
  EXPECT_EQ(cuda().cuMemcpyHtoDAsync_v2(address(first), pinned, 4, stream), CUDA_SUCCESS);
  EXPECT_EQ(cuda().cuMemcpyHtoDAsync_v2(address(second), &pageable, 4, stream), CUDA_SUCCESS);
  *pinned = pageable = 2; // too early for the first
  EXPECT_EQ(cuda().cuStreamSynchronize(stream), CUDA_SUCCESS);
  EXPECT_EQ(download(first, 1)[0], 2);
  EXPECT_EQ(download(second, 1)[0], 1);
}

TEST_F(Streams, EventsOrderStreams) {
  start("forward,deferred");
  void *producer = createStream(), *consumer = createStream(), *event = createEvent();
  int *memory = upload(std::vector<int>{1}), *copy = upload(std::vector<int>{0});
  auto take = [&] {
    EXPECT_EQ(cuda().cuMemcpyDtoDAsync_v2(address(copy), address(memory), 4, consumer),
              CUDA_SUCCESS);
    EXPECT_EQ(cuda().cuStreamSynchronize(consumer), CUDA_SUCCESS);
    return download(copy, 1)[0];
  };
  EXPECT_EQ(add(memory, 1, producer), CUDA_SUCCESS);
  EXPECT_EQ(take(), 1); // nothing orders it
  EXPECT_EQ(cuda().cuEventRecord(event, producer), CUDA_SUCCESS);
  EXPECT_EQ(add(memory, 1, producer), CUDA_SUCCESS);
  EXPECT_EQ(cuda().cuStreamWaitEvent(consumer, event, 0), CUDA_SUCCESS);
  EXPECT_EQ(take(), 2); // what came before the event, and no more
  EXPECT_EQ(cuda().cuEventSynchronize(event), CUDA_SUCCESS);
  EXPECT_EQ(take(), 2);
}

TEST_F(Streams, EventsMeasure) {
  start("forward,deferred");
  void *stream = createStream(), *from = createEvent(), *to = createEvent();
  void *untimed = createEvent(EVENT_DISABLE_TIMING);
  float milliseconds = -1;
  EXPECT_EQ(cuda().cuEventElapsedTime(&milliseconds, from, to), CUDA_ERROR_INVALID_HANDLE);
  EXPECT_EQ(cuda().cuEventRecord(from, stream), CUDA_SUCCESS);
  EXPECT_EQ(cuda().cuEventRecord(to, stream), CUDA_SUCCESS);
  EXPECT_EQ(cuda().cuEventRecord(untimed, stream), CUDA_SUCCESS);
  EXPECT_EQ(cuda().cuEventElapsedTime(&milliseconds, from, to), CUDA_ERROR_NOT_READY);
  EXPECT_EQ(cuda().cuEventQuery(to), CUDA_ERROR_NOT_READY);
  EXPECT_EQ(cuda().cuEventSynchronize(to), CUDA_SUCCESS);
  EXPECT_EQ(cuda().cuEventQuery(to), CUDA_SUCCESS);
  EXPECT_EQ(cuda().cuEventElapsedTime_v2(&milliseconds, from, to), CUDA_SUCCESS);
  EXPECT_GE(milliseconds, 0);
  EXPECT_EQ(cuda().cuEventElapsedTime(&milliseconds, from, untimed), CUDA_ERROR_INVALID_HANDLE);
}

TEST_F(Streams, FreedHandlesAreFoundOut) {
  void *stream = createStream(), *event = createEvent();
  EXPECT_EQ(cuda().cuStreamDestroy_v2(stream), CUDA_SUCCESS);
  EXPECT_EQ(cuda().cuEventDestroy_v2(event), CUDA_SUCCESS);
  createStream(); // does not take the handle's place
  createEvent();
  EXPECT_EQ(cuda().cuStreamDestroy_v2(stream), CUDA_ERROR_INVALID_HANDLE);
  EXPECT_EQ(cuda().cuStreamSynchronize(stream), CUDA_ERROR_INVALID_HANDLE);
  EXPECT_EQ(cuda().cuEventRecord(event, nullptr), CUDA_ERROR_INVALID_HANDLE);
  EXPECT_EQ(cuda().cuEventDestroy_v2(event), CUDA_ERROR_INVALID_HANDLE);
  EXPECT_EQ(cuda().cuGraphLaunch(event, nullptr), CUDA_ERROR_INVALID_HANDLE);
  EXPECT_EQ(add(upload(std::vector<int>{0}), 1, stream), CUDA_ERROR_INVALID_HANDLE);
}

TEST_F(Streams, MemoryFreedUnderACopyIsReported) {
  void *stream = createStream(), *graph, *executable;
  int *memory = upload(std::vector<int>{1}), host = 0;
  EXPECT_EQ(cuda().cuStreamBeginCapture_v2(stream, CAPTURE_RELAXED), CUDA_SUCCESS);
  EXPECT_EQ(cuda().cuMemcpyDtoHAsync_v2(&host, address(memory), 4, stream), CUDA_SUCCESS);
  EXPECT_EQ(cuda().cuStreamEndCapture(stream, &graph), CUDA_SUCCESS);
  EXPECT_EQ(cuda().cuGraphInstantiateWithFlags(&executable, graph, 0), CUDA_SUCCESS);
  EXPECT_EQ(cuda().cuMemFree_v2(address(memory)), CUDA_SUCCESS);
  ::testing::internal::CaptureStderr();
  EXPECT_EQ(cuda().cuGraphLaunch(executable, stream), CUDA_SUCCESS);
  EXPECT_NE(::testing::internal::GetCapturedStderr().find("freed"), std::string::npos);
  EXPECT_EQ(cuda().cuStreamSynchronize(stream), CUDA_ERROR_ILLEGAL_ADDRESS);
  EXPECT_EQ(cuda().cuStreamSynchronize(stream), CUDA_ERROR_ILLEGAL_ADDRESS); // it stays
}

//===----------------------------------------------------------------------------------------===//
// Graphs
//===----------------------------------------------------------------------------------------===//

TEST_F(Streams, GraphReplaysWhatWasCaptured) {
  for (const char *schedule : {"forward", "forward,deferred"}) {
    start(schedule);
    void *stream = createStream(), *graph, *executable;
    int *memory = upload(std::vector<int>{1}), *host = pin(0);
    int64_t arguments[] = {int64_t(memory), 0, 10};
    void *parameters[] = {&arguments[0], &arguments[1], &arguments[2]};
    EXPECT_EQ(cuda().cuStreamBeginCapture_v2(stream, CAPTURE_GLOBAL), CUDA_SUCCESS);
    EXPECT_EQ(
        cuda().cuLaunchKernel(find("addAt"), 1, 1, 1, 1, 1, 1, 0, stream, parameters, nullptr),
        CUDA_SUCCESS);
    EXPECT_EQ(cuda().cuMemcpyDtoHAsync_v2(host, address(memory), 4, stream), CUDA_SUCCESS);
    EXPECT_EQ(cuda().cuStreamEndCapture(stream, &graph), CUDA_SUCCESS);
    arguments[2] = 1000; // the graph has its own
    EXPECT_EQ(cuda().cuGraphInstantiateWithFlags(&executable, graph, 0), CUDA_SUCCESS);
    EXPECT_EQ(cuda().cuGraphDestroy(graph), CUDA_SUCCESS);
    EXPECT_EQ(download(memory, 1)[0], 1); // captured, not run
    for (int i = 1; i <= 3; ++i) {
      EXPECT_EQ(cuda().cuGraphLaunch(executable, stream), CUDA_SUCCESS);
      EXPECT_EQ(cuda().cuStreamSynchronize(stream), CUDA_SUCCESS);
      EXPECT_EQ(*host, 1 + 10 * i);
    }
    EXPECT_EQ(cuda().cuGraphExecDestroy(executable), CUDA_SUCCESS);
    EXPECT_EQ(cuda().cuGraphLaunch(executable, stream), CUDA_ERROR_INVALID_HANDLE);
  }
}

TEST_F(Streams, KernelsThatMayStartEarlyMustWait) {
  for (bool waits : {true, false}) {
    bool late = true; // under every schedule
    for (const std::string &schedule : schedules()) {
      start(schedule);
      void *stream = createStream(), *graph, *executable;
      int *memory = upload(std::vector<int>{1, 0});
      EXPECT_EQ(cuda().cuStreamBeginCapture_v2(stream, CAPTURE_THREAD_LOCAL), CUDA_SUCCESS);
      EXPECT_EQ(add(memory, 1, stream), CUDA_SUCCESS);
      Shape early;
      early.stream = stream;
      early.early = true;
      EXPECT_EQ(launch("copyEarly", early, memory + 1, memory, waits), CUDA_SUCCESS);
      EXPECT_EQ(cuda().cuStreamEndCapture(stream, &graph), CUDA_SUCCESS);
      EXPECT_EQ(cuda().cuGraphInstantiateWithFlags(&executable, graph, 0), CUDA_SUCCESS);
      EXPECT_EQ(cuda().cuGraphUpload(executable, stream), CUDA_SUCCESS);
      for (int i = 2; i < 10; ++i) {
        EXPECT_EQ(cuda().cuGraphLaunch(executable, stream), CUDA_SUCCESS);
        EXPECT_EQ(cuda().cuStreamSynchronize(stream), CUDA_SUCCESS);
        std::vector<int> found = download(memory, 2);
        EXPECT_EQ(found[0], i);
        late &= found[1] == i;
      }
    }
    EXPECT_EQ(late, waits);
  }
}

TEST_F(Streams, OldDriversCaptureNothingThatStartsEarly) {
  setenv("DLC_EMULATOR_VERSION", "12020", 1);
  start("forward");
  unsetenv("DLC_EMULATOR_VERSION");
  void *stream = createStream(), *graph;
  int *memory = upload(std::vector<int>{1, 0});
  Shape early;
  early.stream = stream;
  early.early = true;
  EXPECT_EQ(launch("copyEarly", early, memory + 1, memory, true), CUDA_SUCCESS);
  EXPECT_EQ(cuda().cuStreamBeginCapture_v2(stream, CAPTURE_THREAD_LOCAL), CUDA_SUCCESS);
  EXPECT_EQ(launch("copyEarly", early, memory + 1, memory, true),
            CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
  EXPECT_EQ(cuda().cuStreamEndCapture(stream, &graph), CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
}

TEST_F(Streams, CaptureForksAndJoins) {
  void *stream = createStream(), *side = createStream(), *graph, *executable;
  void *fork = createEvent(), *join = createEvent();
  int *memory = upload(std::vector<int>{1});
  enum class More { Not, BeforeTheJoin, AfterTheJoin };
  auto captureBoth = [&](bool joins, More more) {
    EXPECT_EQ(cuda().cuStreamBeginCapture_v2(stream, CAPTURE_GLOBAL), CUDA_SUCCESS);
    EXPECT_EQ(cuda().cuEventRecord(fork, stream), CUDA_SUCCESS);
    EXPECT_EQ(cuda().cuStreamWaitEvent(side, fork, 0), CUDA_SUCCESS);
    EXPECT_EQ(add(memory, 1, side), CUDA_SUCCESS);
    EXPECT_EQ(cuda().cuEventRecord(join, side), CUDA_SUCCESS);
    EXPECT_EQ(cuda().cuEventQuery(join), CUDA_ERROR_CAPTURED_EVENT);
    if (more == More::BeforeTheJoin)
      EXPECT_EQ(add(memory, 1, side), CUDA_SUCCESS);
    if (joins)
      EXPECT_EQ(cuda().cuStreamWaitEvent(stream, join, 0), CUDA_SUCCESS);
    if (more == More::AfterTheJoin)
      EXPECT_EQ(add(memory, 1, side), CUDA_SUCCESS);
    EXPECT_EQ(cuda().cuStreamEndCapture(side, &graph), CUDA_ERROR_STREAM_CAPTURE_UNMATCHED);
    return cuda().cuStreamEndCapture(stream, &graph);
  };
  EXPECT_EQ(captureBoth(false, More::Not), CUDA_ERROR_STREAM_CAPTURE_UNJOINED);
  EXPECT_EQ(captureBoth(true, More::BeforeTheJoin), CUDA_ERROR_STREAM_CAPTURE_UNJOINED);
  EXPECT_EQ(captureBoth(true, More::AfterTheJoin), CUDA_ERROR_STREAM_CAPTURE_UNJOINED);
  EXPECT_EQ(captureBoth(true, More::Not), CUDA_SUCCESS);
  EXPECT_EQ(cuda().cuGraphInstantiateWithFlags(&executable, graph, 0), CUDA_SUCCESS);
  EXPECT_EQ(cuda().cuGraphLaunch(executable, stream), CUDA_SUCCESS);
  EXPECT_EQ(download(memory, 1)[0], 2);
}

TEST_F(Streams, CallsThatACaptureForbidsEndIt) {
  void *stream = createStream(), *blocking = createStream(0), *graph;
  int *memory = upload(std::vector<int>{1}), host;
  DevicePointer other;
  auto spoil = [&](void *captured, int mode, auto call) {
    EXPECT_EQ(cuda().cuStreamBeginCapture_v2(captured, mode), CUDA_SUCCESS);
    int result = call();
    bool spoiled =
        cuda().cuStreamEndCapture(captured, &graph) == CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
    EXPECT_EQ(spoiled, result != CUDA_SUCCESS);
    return result;
  };
  auto allocate = [&] { return cuda().cuMemAlloc_v2(&other, 16); };
  auto synchronize = [&] { return cuda().cuStreamSynchronize(stream); };
  auto copy = [&] { return cuda().cuMemcpyDtoH_v2(&host, address(memory), 4); };
  EXPECT_EQ(spoil(stream, CAPTURE_GLOBAL, allocate), CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
  EXPECT_EQ(spoil(stream, CAPTURE_RELAXED, allocate), CUDA_SUCCESS);
  EXPECT_EQ(spoil(stream, CAPTURE_RELAXED, synchronize), CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
  EXPECT_EQ(spoil(stream, CAPTURE_RELAXED, copy), CUDA_SUCCESS);
  EXPECT_EQ(spoil(blocking, CAPTURE_RELAXED, copy), CUDA_ERROR_STREAM_CAPTURE_IMPLICIT);
  EXPECT_EQ(cuda().cuStreamEndCapture(stream, &graph), CUDA_ERROR_ILLEGAL_STATE);
}
} // namespace
