//===- ModuleApi.cpp - Modules, functions, launches -------------------------------------------===//
#include "Driver.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

using namespace emulator;

//===----------------------------------------------------------------------------------------===//
// Modules and functions
//===----------------------------------------------------------------------------------------===//

namespace {
Result loadModule(void **module, const void *bytes) {
  if (!module || !bytes)
    return CUDA_ERROR_INVALID_VALUE;
  std::string error;
  auto loaded = std::make_unique<Module>();
  loaded->context = currentContext();
  const char *instead = std::getenv("DLC_EMULATOR_IMAGE");
  loaded->image = instead ? Image::loadFile(instead, error) : Image::load(bytes, error);
  if (!loaded->image) {
    std::fprintf(stderr, "dlc emulator: %s\n", error.c_str());
    return CUDA_ERROR_INVALID_IMAGE;
  }
  *module = driver.modules.add(std::move(loaded));
  return CUDA_SUCCESS;
}

template <typename Body> int onFunction(const char *name, Call kind, void *handle, Body body) {
  return call(name, kind, [&]() -> Result {
    Function *function = driver.functions.find(handle);
    return function ? body(*function) : CUDA_ERROR_INVALID_HANDLE;
  });
}

/// Blocks of `threads` that a multiprocessor can hold at once.
int occupancy(uint32_t threads, size_t sharedBytes) {
  uint32_t padded = (threads + kLanes - 1) / kLanes * kLanes;
  return static_cast<int>(
      std::min({kBlocksPerProcessor, kThreadsPerProcessor / padded,
                uint32_t(kSharedPerProcessor / (sharedBytes + kSharedReserved))}));
}
} // namespace

int cuModuleLoadData(void **module, const void *bytes) {
  return call(__func__, Call::Context, [&] { return loadModule(module, bytes); });
}

int cuModuleLoadDataEx(void **module, const void *bytes, unsigned, void *, void **) {
  return call(__func__, Call::Context, [&] { return loadModule(module, bytes); });
}

int cuModuleUnload(void *module) {
  return call(__func__, Call::Release, [&] {
    if (!driver.modules.find(module))
      return CUDA_ERROR_INVALID_HANDLE;
    driver.drainAll();
    std::vector<void *> stale;
    for (auto &[handle, function] : driver.functions)
      if (function->module == module)
        stale.push_back(handle);
    for (void *handle : stale)
      driver.functions.remove(handle);
    driver.modules.remove(module);
    return CUDA_SUCCESS;
  });
}

int cuModuleGetFunction(void **function, void *module, const char *name) {
  return call(__func__, Call::Context, [&] {
    if (!function || !name)
      return CUDA_ERROR_INVALID_VALUE;
    Module *found = driver.modules.find(module);
    if (!found)
      return CUDA_ERROR_INVALID_HANDLE;
    auto created = std::make_unique<Function>();
    created->module = module;
    created->name = name;
    if (!found->image->find(name, created->kernel))
      return CUDA_ERROR_NOT_FOUND;
    *function = driver.functions.add(std::move(created));
    return CUDA_SUCCESS;
  });
}

int cuFuncSetAttribute(void *handle, int attribute, int value) {
  return onFunction(__func__, Call::Context, handle, [&](Function &function) {
    switch (attribute) {
    case FUNC_MAX_DYNAMIC_SHARED_SIZE_BYTES:
      if (value < 0 || uint32_t(value) > driver.sharedPerBlock)
        return CUDA_ERROR_INVALID_VALUE;
      function.maxSharedBytes = value;
      return CUDA_SUCCESS;
    case FUNC_PREFERRED_SHARED_MEMORY_CARVEOUT:
      return value < -1 || value > 100 ? CUDA_ERROR_INVALID_VALUE : CUDA_SUCCESS;
    case FUNC_NON_PORTABLE_CLUSTER_SIZE_ALLOWED:
      function.largeClusters = value;
      return CUDA_SUCCESS;
    default:
      return CUDA_ERROR_INVALID_VALUE;
    }
  });
}

int cuFuncGetAttribute(int *value, int attribute, void *handle) {
  return onFunction(__func__, Call::Context, handle, [&](Function &function) {
    if (!value || attribute < 0 || attribute > 15)
      return CUDA_ERROR_INVALID_VALUE;
    *value = attribute == FUNC_MAX_THREADS_PER_BLOCK           ? int(kMaxThreadsPerBlock)
             : attribute == FUNC_NUM_REGS                      ? 32
             : attribute == FUNC_MAX_DYNAMIC_SHARED_SIZE_BYTES ? function.maxSharedBytes
                                                               : 0;
    return CUDA_SUCCESS;
  });
}

int cuOccupancyMaxActiveBlocksPerMultiprocessor(int *blocks, void *handle, int threads,
                                                size_t sharedBytes) {
  return onFunction(__func__, Call::Context, handle, [&](Function &function) {
    if (!blocks || threads <= 0)
      return CUDA_ERROR_INVALID_VALUE;
    bool fits =
        uint32_t(threads) <= kMaxThreadsPerBlock && sharedBytes <= size_t(function.maxSharedBytes);
    *blocks = fits ? occupancy(threads, sharedBytes) : 0;
    return CUDA_SUCCESS;
  });
}

//===----------------------------------------------------------------------------------------===//
// Launches
//===----------------------------------------------------------------------------------------===//

namespace {
Result check(const Function &function, const Launch &launch) {
  const Dim3 &grid = launch.grid, &block = launch.block, &cluster = launch.cluster;
  if (!grid.count() || grid.x > 0x7fffffff || grid.y > 65535 || grid.z > 65535)
    return CUDA_ERROR_INVALID_VALUE;
  if (!block.count() || block.count() > kMaxThreadsPerBlock || block.z > 64)
    return CUDA_ERROR_INVALID_VALUE;
  if (launch.sharedBytes > uint32_t(function.maxSharedBytes))
    return CUDA_ERROR_INVALID_VALUE;
  if (!cluster.count() || grid.x % cluster.x || grid.y % cluster.y || grid.z % cluster.z)
    return CUDA_ERROR_INVALID_VALUE;
  if (cluster.count() > (function.largeClusters ? 16 : 8))
    return CUDA_ERROR_INVALID_CLUSTER_SIZE;
  uint64_t resident = uint64_t(driver.processors) * occupancy(block.count(), launch.sharedBytes);
  if (launch.cooperative && !driver.cooperative)
    return CUDA_ERROR_NOT_SUPPORTED;
  if (launch.cooperative && grid.count() > resident)
    return CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE;
  return CUDA_SUCCESS;
}

/// The launch keeps its tensor maps, and stays where it is.
void takeArguments(const Kernel &kernel, void **parameters, Launch &launch) {
  launch.argumentCount = kernel.arguments;
  launch.tensorMaps.resize(kernel.maps);
  int first = kernel.arguments - kernel.maps; // tensor map
  for (int i = 0; i < first; ++i)
    std::memcpy(&launch.arguments[i], parameters[i], sizeof(int64_t));
  for (int i = 0; i < kernel.maps; ++i) {
    TensorMapArgument &map = launch.tensorMaps[i];
    std::memcpy(&map, parameters[first + i], sizeof(map));
    launch.arguments[first + i] = reinterpret_cast<int64_t>(&map);
  }
}

/// Takes the arguments now, as the real driver does; the kernel may run much later.
Result enqueueLaunch(void *handle, Launch launch, void *stream, void **parameters, void **extra) {
  Function *function = driver.functions.find(handle);
  if (!function)
    return CUDA_ERROR_INVALID_HANDLE;
  if (extra)
    return CUDA_ERROR_NOT_SUPPORTED;
  if (function->kernel.arguments && !parameters)
    return CUDA_ERROR_INVALID_VALUE;
  Stream *of = driver.findStream(stream);
  void *context = of && of->context ? of->context : currentContext();
  if (!of || driver.modules.find(function->module)->context != context)
    return CUDA_ERROR_INVALID_HANDLE;
  Result wrong = check(*function, launch);
  if (wrong != CUDA_SUCCESS)
    return wrong;
  launch.name = function->name;
  launch.kernel = function->kernel.function;
  bool early = launch.early;
  auto shared = std::make_shared<Launch>(std::move(launch));
  takeArguments(function->kernel, parameters, *shared);
  auto run = [handle, launch = std::move(shared)](const std::function<void()> &before) {
    if (!driver.functions.find(handle))
      return driver.fail(CUDA_ERROR_INVALID_HANDLE, launch->name + ": its module was unloaded");
    ++driver.kernels;
    driver.clock.count(launch->grid.count());
    std::string error = grid.run(*launch, driver.schedule, before);
    if (!error.empty())
      driver.fail(CUDA_ERROR_LAUNCH_FAILED, error);
    driver.checkMemory(launch->name.c_str());
  };
  Operation operation([run] { run(nullptr); });
  operation.isKernel = true;
  if (early)
    operation.runEarly = run;
  return driver.enqueue(stream, std::move(operation));
}
} // namespace

int cuLaunchKernel(void *function, unsigned gridX, unsigned gridY, unsigned gridZ, unsigned blockX,
                   unsigned blockY, unsigned blockZ, unsigned sharedBytes, void *stream,
                   void **parameters, void **extra) {
  return call(__func__, Call::Launch, [&] {
    Launch launch;
    launch.grid = {gridX, gridY, gridZ};
    launch.block = {blockX, blockY, blockZ};
    launch.sharedBytes = sharedBytes;
    return enqueueLaunch(function, launch, stream, parameters, extra);
  });
}

int cuLaunchCooperativeKernel(void *function, unsigned gridX, unsigned gridY, unsigned gridZ,
                              unsigned blockX, unsigned blockY, unsigned blockZ,
                              unsigned sharedBytes, void *stream, void **parameters) {
  return call(__func__, Call::Launch, [&] {
    Launch launch;
    launch.grid = {gridX, gridY, gridZ};
    launch.block = {blockX, blockY, blockZ};
    launch.sharedBytes = sharedBytes;
    launch.cooperative = true;
    return enqueueLaunch(function, launch, stream, parameters, nullptr);
  });
}

int cuLaunchKernelEx(const LaunchConfig *config, void *function, void **parameters, void **extra) {
  return call(__func__, Call::Launch, [&] {
    if (!config || (config->attributeCount && !config->attributes))
      return CUDA_ERROR_INVALID_VALUE;
    Launch launch;
    launch.grid = {config->gridX, config->gridY, config->gridZ};
    launch.block = {config->blockX, config->blockY, config->blockZ};
    launch.sharedBytes = config->sharedBytes;
    for (unsigned i = 0; i < config->attributeCount; ++i) {
      const LaunchAttribute &attribute = config->attributes[i];
      if (attribute.id == LAUNCH_COOPERATIVE)
        launch.cooperative = attribute.value.cooperative;
      else if (attribute.id == LAUNCH_PROGRAMMATIC_STREAM_SERIALIZATION)
        launch.early = attribute.value.programmaticStreamSerialization;
      else if (attribute.id == LAUNCH_CLUSTER_DIMENSION)
        launch.cluster = {attribute.value.clusterDim.x, attribute.value.clusterDim.y,
                          attribute.value.clusterDim.z};
    }
    return enqueueLaunch(function, launch, config->stream, parameters, extra);
  });
}
