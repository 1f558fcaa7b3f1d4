//===- Driver.h - What the emulated driver knows ----------------------------------------------===//
#ifndef EMULATOR_DRIVER_H
#define EMULATOR_DRIVER_H

#include "Clock.h"
#include "Cuda.h"
#include "Grid.h"
#include "Image.h"
#include "Memory.h"
#include "Schedule.h"

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace emulator {

constexpr uint32_t kMaxThreadsPerBlock = 1024;
constexpr uint32_t kSharedPerBlock = 48 << 10;       // without cuFuncSetAttribute
constexpr uint32_t kSharedPerBlockOptIn = 227 << 10; // with it
constexpr uint32_t kSharedPerProcessor = 228 << 10;
constexpr uint32_t kSharedReserved = 1 << 10; // of each resident block
constexpr uint32_t kThreadsPerProcessor = 2048;
constexpr uint32_t kBlocksPerProcessor = 32;

/// Objects by handle. A handle is never used twice, so a stale one is always found out.
template <typename T> class Handles {
public:
  void *add(std::unique_ptr<T> object) {
    void *handle = reinterpret_cast<void *>(next());
    objects[handle] = std::move(object);
    return handle;
  }
  /// Null if there is none.
  T *find(void *handle) const {
    auto found = objects.find(handle);
    return found == objects.end() ? nullptr : found->second.get();
  }
  bool remove(void *handle) { return objects.erase(handle); }
  size_t size() const { return objects.size(); }
  void clear() { objects.clear(); }
  auto begin() const { return objects.begin(); }
  auto end() const { return objects.end(); }

private:
  static uintptr_t next() {
    static uintptr_t last = 0xd1c0000;
    return last += 16; // in no range that is mapped
  }
  std::map<void *, std::unique_ptr<T>> objects;
};

/// One thing that a stream does. It reports mistakes through Driver::fail.
struct Operation {
  template <typename Body> Operation(Body run) : run(std::move(run)) {}

  std::function<void()> run;
  bool isKernel = false;
  /// Of a kernel launched programmatically: runs it so that it starts before `before` has, which is
  /// the kernel before it. Otherwise empty.
  std::function<void(const std::function<void()> &before)> runEarly;
  void *stream = nullptr; // set by enqueue()
};

struct Module {
  void *context;
  std::unique_ptr<Image> image;
};

struct Function {
  void *module;
  std::string name;
  Kernel kernel;
  int maxSharedBytes = kSharedPerBlock;
  bool largeClusters = false;
};

struct Stream;

/// What some streams do while they are recorded.
struct Capture {
  std::vector<Operation> operations;
  Stream *origin;
  int mode; // CaptureMode
  std::thread::id thread;
  bool active = true; // neither ended nor abandoned
  bool valid = true;
};

struct Stream {
  void *context = nullptr; // null: the null stream, of whichever is current
  bool blocking = true;    // ordered with the null stream
  std::deque<Operation> queue;
  std::shared_ptr<Capture> capture;
  size_t captured = 0; // operations in `capture` that are this stream's
  bool joined = true;  // another stream waits for all of them
};

struct Event {
  void *context;
  bool timed;
  // Its last record: which stream, and how many there were and how many were carried out.
  void *stream = nullptr;
  uint64_t recorded = 0, completed = 0;
  double seconds = 0; // by the driver's clock
  // If that was in a capture: which, and behind how many operations of which stream.
  std::shared_ptr<Capture> capture;
  Stream *capturedStream = nullptr;
  size_t captured = 0;

  bool isCaptured() const { return capture && capture->active; }
};

/// A context that is not a primary one.
struct Context {
  int device;
};

struct Device {
  int major = 0, minor = 0; // compute capability; 0.0 is how dlc knows the emulator
  size_t totalBytes = 0;
  void *primary = nullptr; // the handle of its primary context
  int users = 0;           // of that
};

struct Graph {
  void *context;
  std::shared_ptr<const std::vector<Operation>> operations;
};

/// Everything there is; one lock guards it, so kernels run one at a time as well.
class Driver {
public:
  /// Forgets all and reads the environment.
  void reset();
  /// "calls=... bytes=... ..." : what was done and what is still alive.
  std::string report() const;

  /// Makes `result` what every later call in the context returns, and says why on stderr.
  void fail(Result result, const std::string &message);
  /// Ends a context and what belongs to it.
  void destroyContext(void *context);
  /// Whether there is such a context.
  bool isContext(void *context) const;
  /// The number of a context's device; -1 where there never was such a context.
  int deviceOf(void *context) const;
  /// How much of a device's memory is allocated.
  size_t bytesOn(int device) const;
  /// Looks at the red zones.
  void checkMemory(const char *when);

  // Streams.cpp and, of captures, Graphs.cpp.

  /// Null if there is no such stream. Handles 0 and 1 are the null stream.
  Stream *findStream(void *handle);
  /// Does, queues or records an operation.
  Result enqueue(void *stream, Operation operation);
  /// What a call returns that may not be made while a stream is captured.
  Result refuseDuringCapture();
  /// Ends a capture for all streams that take part.
  void endCapture(const std::shared_ptr<Capture> &capture);
  /// Carries out what the stream holds, and for the null stream what it is ordered after.
  void drain(Stream &stream);
  void drainAll();
  /// Carries out one operation, unless there was an error. Where `next` may start early and the
  /// schedule wants it, both: true then.
  bool carryOut(const Operation &operation, const Operation *next = nullptr);
  /// Carries out the first operation of the stream's queue. False if it is empty.
  bool step(Stream &stream);

  std::mutex lock;
  bool initialised = false;
  std::string environmentError;
  uint64_t calls = 0, kernels = 0;
  // Which call is made to fail: so many-th, of the function of that name or, without one, of all.
  uint64_t failAt = 0, callsToFail = 0;
  std::string failName;
  std::string failed; // the call that was made to fail
  int processors = 4;
  int version = 0; // of CUDA
  bool cooperative = true;
  uint32_t sharedPerBlock = kSharedPerBlockOptIn; // at most
  Schedule schedule;
  Clock clock;

  std::vector<Device> devices;
  Result sticky = CUDA_SUCCESS;
  size_t leaks = 0; // objects that were alive when the context ended

  Memory memory, pinned;
  Handles<Context> contexts; // beside the primary ones
  Handles<Module> modules;
  Handles<Function> functions;
  Handles<Stream> streams;
  Handles<Event> events;
  Handles<Graph> graphs, executables;
  std::unique_ptr<Stream> nullStream = std::make_unique<Stream>();
  std::vector<std::shared_ptr<Capture>> captures; // active ones

private:
  void releaseAll();
  void complain(const char *variable, const std::string &error);
  void readDevices();
  static void *newPrimary();
};

extern Driver driver;

/// Has dlsym() find no function of the library with one of these names, separated by commas: so it
/// is in a driver that is older. HiddenFunctions.cpp.
void hideFunctions(const std::string &names);

/// Each host thread's stack of contexts.
extern thread_local std::vector<void *> contextStack;
/// The thread's current context, or null.
inline void *currentContext() { return contextStack.empty() ? nullptr : contextStack.back(); }

/// What a call needs, and how it fails when it is made to.
enum class Call {
  Init,        // needs nothing
  Query,       // needs cuInit
  Context,     // needs a context that works
  Allocation,  // the same; fails for lack of memory
  Launch,      // the same; fails as a kernel would
  Release,     // releases also where it returns an error
  ReleaseQuery // the same, without a context
};

Result before(const char *name, Call kind, bool &runAnyway);

/// Every function of the driver is a call of this.
template <typename Body> int call(const char *name, Call kind, Body body) {
  std::lock_guard<std::mutex> guard(driver.lock);
  bool runAnyway = false;
  Result result = before(name, kind, runAnyway);
  if (result != CUDA_SUCCESS) {
    if (runAnyway)
      body();
    return result;
  }
  return body();
}

/// A call about a stream that is not being captured.
template <typename Body> int onStream(const char *name, Call kind, void *handle, Body body) {
  return call(name, kind, [&]() -> Result {
    Stream *stream = driver.findStream(handle);
    if (!stream)
      return CUDA_ERROR_INVALID_HANDLE;
    if (stream->capture) {
      stream->capture->valid = false;
      return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
    }
    return body(*stream);
  });
}

} // namespace emulator

#endif // EMULATOR_DRIVER_H
