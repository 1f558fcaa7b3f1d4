//===- Graphs.cpp - Captures and what becomes of them -----------------------------------------===//
#include "Driver.h"

#include <algorithm>

using namespace emulator;

Result Driver::refuseDuringCapture() {
  Result result = CUDA_SUCCESS;
  for (auto &capture : captures)
    if (capture->mode == CAPTURE_GLOBAL ||
        (capture->mode == CAPTURE_THREAD_LOCAL && capture->thread == std::this_thread::get_id())) {
      capture->valid = false;
      result = CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
    }
  return result;
}

void Driver::endCapture(const std::shared_ptr<Capture> &capture) {
  capture->active = false;
  for (auto &[handle, stream] : streams)
    if (stream->capture == capture)
      stream->capture = nullptr;
  captures.erase(std::remove(captures.begin(), captures.end(), capture), captures.end());
}

int cuStreamBeginCapture_v2(void *handle, int mode) {
  return call(__func__, Call::Context, [&] {
    if (mode < CAPTURE_GLOBAL || mode > CAPTURE_RELAXED)
      return CUDA_ERROR_INVALID_VALUE;
    Stream *stream = driver.findStream(handle);
    if (!stream)
      return CUDA_ERROR_INVALID_HANDLE;
    if (stream == driver.nullStream.get())
      return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
    if (stream->capture)
      return CUDA_ERROR_ILLEGAL_STATE;
    auto capture = std::make_shared<Capture>();
    capture->origin = stream;
    capture->mode = mode;
    capture->thread = std::this_thread::get_id();
    driver.captures.push_back(capture);
    stream->capture = capture;
    stream->captured = 0;
    return CUDA_SUCCESS;
  });
}

int cuStreamEndCapture(void *handle, void **graph) {
  int result = call(__func__, Call::Context, [&] {
    Stream *stream = driver.findStream(handle);
    if (!graph)
      return CUDA_ERROR_INVALID_VALUE;
    *graph = nullptr;
    if (!stream)
      return CUDA_ERROR_INVALID_HANDLE;
    std::shared_ptr<Capture> capture = stream->capture;
    if (!capture)
      return CUDA_ERROR_ILLEGAL_STATE;
    if (capture->origin != stream)
      return CUDA_ERROR_STREAM_CAPTURE_UNMATCHED;
    if (capture->mode != CAPTURE_RELAXED && capture->thread != std::this_thread::get_id())
      return CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD;
    bool joined = true;
    for (auto &[otherHandle, other] : driver.streams)
      if (other->capture == capture && other.get() != stream)
        joined &= other->joined;
    driver.endCapture(capture);
    if (!capture->valid)
      return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
    if (!joined)
      return CUDA_ERROR_STREAM_CAPTURE_UNJOINED;
    auto created = std::make_unique<Graph>();
    created->context = currentContext();
    created->operations =
        std::make_shared<const std::vector<Operation>>(std::move(capture->operations));
    *graph = driver.graphs.add(std::move(created));
    return CUDA_SUCCESS;
  });
  // An error ends the capture as well, unless it was another's.
  std::lock_guard<std::mutex> guard(driver.lock);
  Stream *stream = driver.findStream(handle);
  if (result != CUDA_SUCCESS && result != CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD && stream &&
      stream->capture && stream->capture->origin == stream)
    driver.endCapture(std::shared_ptr<Capture>(stream->capture));
  return result;
}

int cuGraphInstantiateWithFlags(void **executable, void *graph, unsigned long long flags) {
  return call(__func__, Call::Context, [&] {
    Graph *source = driver.graphs.find(graph);
    if (!executable || flags > 15)
      return CUDA_ERROR_INVALID_VALUE;
    if (!source)
      return CUDA_ERROR_INVALID_HANDLE;
    *executable = driver.executables.add(std::make_unique<Graph>(*source));
    return CUDA_SUCCESS;
  });
}

int cuGraphUpload(void *executable, void *stream) {
  return onStream(__func__, Call::Context, stream, [&](Stream &) {
    return driver.executables.find(executable) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
  });
}

int cuGraphLaunch(void *executable, void *stream) {
  return call(__func__, Call::Launch, [&] {
    Graph *graph = driver.executables.find(executable);
    if (!graph)
      return CUDA_ERROR_INVALID_HANDLE;
    return driver.enqueue(stream, [operations = graph->operations] {
      for (size_t i = 0; i < operations->size(); ++i)
        i += driver.carryOut((*operations)[i],
                             i + 1 < operations->size() ? &(*operations)[i + 1] : nullptr);
    });
  });
}

int cuGraphExecDestroy(void *executable) {
  return call(__func__, Call::Release, [&] {
    return driver.executables.remove(executable) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
  });
}

int cuGraphDestroy(void *graph) {
  return call(__func__, Call::Release, [&] {
    return driver.graphs.remove(graph) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
  });
}
