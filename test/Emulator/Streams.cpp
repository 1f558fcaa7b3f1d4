//===- Streams.cpp - When operations are carried out; events ----------------------------------===//
#include "Driver.h"

#include <algorithm>

using namespace emulator;

Stream *Driver::findStream(void *handle) {
  if (!handle || handle == reinterpret_cast<void *>(1))
    return nullStream.get();
  return streams.find(handle);
}

bool Driver::carryOut(const Operation &operation, const Operation *next) {
  if (sticky != CUDA_SUCCESS)
    return false;
  bool early = next && next->runEarly && operation.isKernel && next->stream == operation.stream &&
               !schedule.isForward() && schedule.coin();
  if (early)
    next->runEarly(operation.run);
  else
    operation.run();
  return early;
}

bool Driver::step(Stream &stream) {
  if (stream.queue.empty())
    return false;
  Operation operation = std::move(stream.queue.front());
  stream.queue.pop_front();
  if (carryOut(operation, stream.queue.empty() ? nullptr : &stream.queue.front()))
    stream.queue.pop_front();
  return true;
}

void Driver::drain(Stream &stream) {
  if (&stream == nullStream.get())
    for (auto &[handle, other] : streams)
      if (other->blocking)
        drain(*other);
  while (step(stream))
    ;
}

void Driver::drainAll() {
  for (auto &[handle, stream] : streams)
    drain(*stream);
}

Result Driver::enqueue(void *handle, Operation operation) {
  Stream *stream = findStream(handle);
  if (!stream)
    return CUDA_ERROR_INVALID_HANDLE;
  operation.stream = stream;
  if (stream->capture) {
    if (!stream->capture->valid)
      return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
    constexpr int kProgrammaticEdges = 12030; // since when a capture can hold them
    if (operation.runEarly && version < kProgrammaticEdges) {
      stream->capture->valid = false;
      return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
    }
    stream->capture->operations.push_back(std::move(operation));
    ++stream->captured;
    stream->joined = false;
    return CUDA_SUCCESS;
  }
  if (stream == nullStream.get()) {
    for (auto &[otherHandle, other] : streams)
      if (other->blocking && other->capture) {
        other->capture->valid = false;
        return CUDA_ERROR_STREAM_CAPTURE_IMPLICIT;
      }
    drain(*stream);
    carryOut(operation);
  } else if (schedule.deferred) {
    stream->queue.push_back(std::move(operation));
  } else {
    carryOut(operation);
  }
  return CUDA_SUCCESS;
}

namespace {
template <typename Body> int onEvent(const char *name, Call kind, void *handle, Body body) {
  return call(name, kind, [&]() -> Result {
    Event *event = driver.events.find(handle);
    return event ? body(*event) : CUDA_ERROR_INVALID_HANDLE;
  });
}
} // namespace

//===----------------------------------------------------------------------------------------===//
// Streams
//===----------------------------------------------------------------------------------------===//

int cuStreamCreate(void **stream, unsigned flags) {
  return call(__func__, Call::Context, [&] {
    if (!stream || flags > STREAM_NON_BLOCKING)
      return CUDA_ERROR_INVALID_VALUE;
    auto created = std::make_unique<Stream>();
    created->context = currentContext();
    created->blocking = !(flags & STREAM_NON_BLOCKING);
    *stream = driver.streams.add(std::move(created));
    return CUDA_SUCCESS;
  });
}

int cuStreamDestroy_v2(void *handle) {
  return call(__func__, Call::Release, [&] {
    Stream *stream = driver.streams.find(handle);
    if (!stream)
      return CUDA_ERROR_INVALID_HANDLE;
    driver.drain(*stream);
    if (std::shared_ptr<Capture> capture = stream->capture) {
      capture->valid = false;
      if (capture->origin == stream)
        driver.endCapture(capture);
    }
    driver.streams.remove(handle);
    return CUDA_SUCCESS;
  });
}

int cuStreamSynchronize(void *handle) {
  return onStream(__func__, Call::Launch, handle, [&](Stream &stream) {
    driver.drain(stream);
    driver.checkMemory("at cuStreamSynchronize");
    return driver.sticky;
  });
}

int cuStreamQuery(void *handle) {
  return onStream(__func__, Call::Launch, handle, [&](Stream &stream) {
    return driver.step(stream) ? CUDA_ERROR_NOT_READY : driver.sticky; // who polls gets on
  });
}

int cuStreamIsCapturing(void *handle, int *status) {
  return call(__func__, Call::Context, [&] {
    Stream *stream = driver.findStream(handle);
    if (!status)
      return CUDA_ERROR_INVALID_VALUE;
    if (!stream)
      return CUDA_ERROR_INVALID_HANDLE;
    *status = !stream->capture ? 0 : stream->capture->valid ? 1 : 2; // none, active, invalidated
    return CUDA_SUCCESS;
  });
}

//===----------------------------------------------------------------------------------------===//
// Events
//===----------------------------------------------------------------------------------------===//

namespace {
/// Carries out what the event's stream holds until the event's record `number` is done.
void complete(void *handle, uint64_t number) {
  Event *event = driver.events.find(handle);
  if (!event)
    return;
  Stream *stream = driver.findStream(event->stream);
  while (event->completed < number && stream && driver.step(*stream))
    ;
}
} // namespace

int cuEventCreate(void **event, unsigned flags) {
  return call(__func__, Call::Context, [&] {
    if (!event || flags > (EVENT_BLOCKING_SYNC | EVENT_DISABLE_TIMING))
      return CUDA_ERROR_INVALID_VALUE;
    auto created = std::make_unique<Event>();
    created->context = currentContext();
    created->timed = !(flags & EVENT_DISABLE_TIMING);
    *event = driver.events.add(std::move(created));
    return CUDA_SUCCESS;
  });
}

int cuEventDestroy_v2(void *handle) {
  return call(__func__, Call::Release, [&] {
    return driver.events.remove(handle) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
  });
}

int cuEventRecord(void *handle, void *streamHandle) {
  return onEvent(__func__, Call::Context, handle, [&](Event &event) {
    Stream *stream = driver.findStream(streamHandle);
    if (!stream)
      return CUDA_ERROR_INVALID_HANDLE;
    if (stream->capture) {
      if (!stream->capture->valid)
        return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
      event.capture = stream->capture;
      event.capturedStream = stream;
      event.captured = stream->captured;
      return CUDA_SUCCESS;
    }
    event.capture = nullptr;
    event.stream = streamHandle;
    uint64_t number = ++event.recorded;
    return driver.enqueue(streamHandle, [handle, number] {
      if (Event *event = driver.events.find(handle)) {
        event->completed = number;
        event->seconds = driver.clock.seconds();
      }
    });
  });
}

int cuStreamWaitEvent(void *streamHandle, void *handle, unsigned flags) {
  return onEvent(__func__, Call::Context, handle, [&](Event &event) {
    Stream *stream = driver.findStream(streamHandle);
    if (!stream)
      return CUDA_ERROR_INVALID_HANDLE;
    if (event.isCaptured()) {
      if (stream == driver.nullStream.get())
        return CUDA_ERROR_STREAM_CAPTURE_IMPLICIT;
      if (stream->capture && stream->capture != event.capture) {
        stream->capture->valid = event.capture->valid = false;
        return CUDA_ERROR_STREAM_CAPTURE_MERGE;
      }
      if (!stream->capture) { // a fork: from here on this stream is captured as well
        stream->capture = event.capture;
        stream->captured = 0;
        stream->joined = false;
      }
      if (stream != event.capturedStream && event.captured == event.capturedStream->captured)
        event.capturedStream->joined = true;
      return CUDA_SUCCESS;
    }
    if (!event.recorded)
      return CUDA_SUCCESS;
    if (stream->capture) {
      stream->capture->valid = false;
      return CUDA_ERROR_STREAM_CAPTURE_ISOLATION;
    }
    uint64_t number = event.recorded;
    return driver.enqueue(streamHandle, [handle, number] { complete(handle, number); });
  });
}

int cuEventSynchronize(void *handle) {
  return onEvent(__func__, Call::Launch, handle, [&](Event &event) {
    if (event.isCaptured())
      return CUDA_ERROR_CAPTURED_EVENT;
    complete(handle, event.recorded);
    return driver.sticky;
  });
}

int cuEventQuery(void *handle) {
  return onEvent(__func__, Call::Launch, handle, [&](Event &event) {
    if (event.isCaptured())
      return CUDA_ERROR_CAPTURED_EVENT;
    if (event.completed == event.recorded)
      return driver.sticky;
    if (Stream *stream = driver.findStream(event.stream))
      driver.step(*stream);
    return driver.sticky == CUDA_SUCCESS ? CUDA_ERROR_NOT_READY : driver.sticky;
  });
}

int cuEventElapsedTime(float *milliseconds, void *start, void *end) {
  return call(__func__, Call::Context, [&] {
    Event *from = driver.events.find(start), *to = driver.events.find(end);
    if (!milliseconds)
      return CUDA_ERROR_INVALID_VALUE;
    if (!from || !to || !from->timed || !to->timed || !from->recorded || !to->recorded)
      return CUDA_ERROR_INVALID_HANDLE;
    if (from->completed != from->recorded || to->completed != to->recorded)
      return CUDA_ERROR_NOT_READY;
    *milliseconds = static_cast<float>((to->seconds - from->seconds) * 1e3);
    return CUDA_SUCCESS;
  });
}

int cuEventElapsedTime_v2(float *milliseconds, void *start, void *end) {
  return cuEventElapsedTime(milliseconds, start, end);
}
