//===- Driver.cpp - State, failures on demand, the report -------------------------------------===//
#include "Driver.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sstream>

#include <fcntl.h>
#include <unistd.h>

using namespace emulator;

namespace emulator {
// Before `lifetime` below, which sets both up when the library is loaded.
Grid grid;
Driver driver;
thread_local std::vector<void *> contextStack;
} // namespace emulator

namespace {
uint64_t number(const char *variable, uint64_t otherwise) {
  const char *text = std::getenv(variable);
  return text && *text ? std::strtoull(text, nullptr, 10) : otherwise;
}

/// Reads the environment when the library is loaded, and writes the report when the process ends.
struct Lifetime {
  Lifetime() {
    if (const char *names = std::getenv("DLC_EMULATOR_WITHOUT"))
      hideFunctions(names);
    driver.reset();
  }
  ~Lifetime() {
    const char *path = std::getenv("DLC_EMULATOR_REPORT");
    if (!path || !*path)
      return;
    std::string line = driver.report() + "\n";
    int file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (file < 0 || write(file, line.data(), line.size()) != ssize_t(line.size()))
      std::fprintf(stderr, "dlc emulator: cannot write '%s'\n", path);
    if (file >= 0)
      close(file);
  }
} lifetime;
} // namespace

void Driver::releaseAll() {
  captures.clear();
  graphs.clear();
  executables.clear();
  events.clear();
  streams.clear();
  nullStream = std::make_unique<Stream>();
  functions.clear();
  modules.clear();
  contexts.clear();
  memory.releaseAll();
  pinned.releaseAll();
}

void Driver::reset() {
  releaseAll();
  memory.reset();
  initialised = false;
  calls = callsToFail = kernels = 0;
  failed.clear();
  const char *failing = std::getenv("DLC_EMULATOR_FAIL");
  const char *colon = failing ? std::strchr(failing, ':') : nullptr;
  failName = colon ? std::string(failing, colon) : "";
  failAt = colon ? std::strtoull(colon + 1, nullptr, 10) : number("DLC_EMULATOR_FAIL", 0);
  // More than a kernel's own limit, 20 million rounds: that is what should end such a wait.
  grid.patience = number("DLC_EMULATOR_PATIENCE", 30'000'000);
  version = static_cast<int>(number("DLC_EMULATOR_VERSION", 13000));
  cooperative = number("DLC_EMULATOR_COOPERATIVE", 1);
  sharedPerBlock = static_cast<uint32_t>(number("DLC_EMULATOR_SHARED", kSharedPerBlockOptIn));
  const char *words = std::getenv("DLC_EMULATOR_SCHEDULE");
  environmentError.clear();
  complain("DLC_EMULATOR_SCHEDULE", schedule.parse(words ? words : ""));
  const char *rule = std::getenv("DLC_EMULATOR_CLOCK");
  complain("DLC_EMULATOR_CLOCK", clock.parse(rule ? rule : ""));
  readDevices();
  sticky = CUDA_SUCCESS;
  leaks = 0;
}

/// Keeps what is wrong with a variable, until the driver is asked to start.
void Driver::complain(const char *variable, const std::string &error) {
  if (!error.empty())
    environmentError = std::string(variable) + ": " + error;
}

/// One device, unless DLC_EMULATOR_DEVICES lists them: capability and memory of each.
void Driver::readDevices() {
  devices.clear();
  const char *listed = std::getenv("DLC_EMULATOR_DEVICES");
  if (!listed)
    devices.push_back({0, 0, number("DLC_EMULATOR_MEMORY", uint64_t(4) << 30)});
  std::istringstream words(listed ? listed : "");
  for (std::string word; std::getline(words, word, ',');) {
    Device device;
    if (std::sscanf(word.c_str(), "%d.%d:%zu", &device.major, &device.minor, &device.totalBytes) !=
        3)
      complain("DLC_EMULATOR_DEVICES", "'" + word + "' is no MAJOR.MINOR:BYTES");
    devices.push_back(device);
  }
  for (Device &device : devices)
    device.primary = newPrimary();
}

/// No handle is used twice: those of contexts of before are stale.
void *Driver::newPrimary() {
  static uintptr_t last = 0xc0de0000;
  return reinterpret_cast<void *>(last += 16);
}

std::string Driver::report() const {
  std::string text = "calls=" + std::to_string(calls);
  auto add = [&](const char *name, size_t value) {
    text += std::string(" ") + name + "=" + std::to_string(value);
  };
  add("bytes", memory.bytes());
  add("pinned", pinned.bytes());
  add("modules", modules.size());
  add("streams", streams.size());
  add("events", events.size());
  add("graphs", graphs.size() + executables.size());
  size_t users = 0;
  for (const Device &device : devices)
    users += device.users;
  add("contexts", users + contexts.size());
  add("lost", leaks);
  add("kernels", kernels);
  add("peak", memory.peak());
  if (!failName.empty())
    add(failName.c_str(), callsToFail);
  return text + (failed.empty() ? "" : " failed=" + failed);
}

void Driver::fail(Result result, const std::string &message) {
  std::fprintf(stderr, "dlc emulator: %s\n", message.c_str());
  if (sticky == CUDA_SUCCESS)
    sticky = result;
}

void Driver::checkMemory(const char *when) {
  for (Memory *each : {&memory, &pinned}) {
    std::string damage = each->findDamage();
    if (!damage.empty())
      fail(CUDA_ERROR_LAUNCH_FAILED, std::string(when) + ": " + damage);
  }
}

namespace {
/// Removes what belongs to a context; how many these were.
template <typename T> size_t removeOwned(Handles<T> &handles, void *context) {
  std::vector<void *> owned;
  for (auto &[handle, object] : handles)
    if (object->context == context)
      owned.push_back(handle);
  for (void *handle : owned)
    handles.remove(handle);
  return owned.size();
}
} // namespace

void Driver::destroyContext(void *context) {
  drainAll();
  std::vector<void *> stale;
  for (auto &[handle, function] : functions)
    if (modules.find(function->module)->context == context)
      stale.push_back(handle);
  for (void *handle : stale)
    functions.remove(handle);
  for (auto &[handle, stream] : streams)
    if (stream->capture && stream->context == context)
      captures.erase(std::remove(captures.begin(), captures.end(), stream->capture),
                     captures.end());
  leaks += removeOwned(modules, context) + removeOwned(streams, context) +
           removeOwned(events, context) + removeOwned(graphs, context) +
           removeOwned(executables, context) + memory.releaseOwned(context) +
           pinned.releaseOwned(context);
  sticky = CUDA_SUCCESS;
  if (!contexts.remove(context))
    devices[deviceOf(context)].primary = newPrimary();
}

int Driver::deviceOf(void *context) const {
  if (const Context *found = contexts.find(context))
    return found->device;
  for (size_t number = 0; number < devices.size(); ++number)
    if (devices[number].primary == context)
      return static_cast<int>(number);
  return -1;
}

bool Driver::isContext(void *context) const {
  int device = deviceOf(context);
  return contexts.find(context) || (device >= 0 && devices[device].users);
}

size_t Driver::bytesOn(int device) const {
  return memory.bytes([&](void *owner) { return deviceOf(owner) == device; });
}

Result emulator::before(const char *name, Call kind, bool &runAnyway) {
  bool releases = kind == Call::Release || kind == Call::ReleaseQuery;
  bool needsContext = kind != Call::Init && kind != Call::Query && kind != Call::ReleaseQuery;
  ++driver.calls;
  bool fails =
      (driver.failName.empty() || driver.failName == name) && ++driver.callsToFail == driver.failAt;
  if (kind != Call::Init && !driver.initialised)
    return fails ? CUDA_ERROR_UNKNOWN : CUDA_ERROR_NOT_INITIALIZED;
  if (needsContext) {
    if (!currentContext())
      return CUDA_ERROR_INVALID_CONTEXT;
    if (!driver.isContext(currentContext()))
      return CUDA_ERROR_CONTEXT_IS_DESTROYED;
  }
  runAnyway = releases;
  if (fails) {
    driver.failed = name;
    if (kind == Call::Allocation)
      return CUDA_ERROR_OUT_OF_MEMORY;
    if (kind != Call::Launch)
      return CUDA_ERROR_UNKNOWN;
    if (driver.sticky == CUDA_SUCCESS)
      driver.sticky = CUDA_ERROR_LAUNCH_FAILED;
  }
  return needsContext ? driver.sticky : CUDA_SUCCESS;
}

void dlc_emulator_reset() {
  std::lock_guard<std::mutex> guard(driver.lock);
  driver.reset();
  contextStack.clear();
}

const char *dlc_emulator_report() {
  static std::string line;
  std::lock_guard<std::mutex> guard(driver.lock);
  return (line = driver.report()).c_str();
}
