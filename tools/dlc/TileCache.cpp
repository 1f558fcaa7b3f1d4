//===- TileCache.cpp --------------------------------------------------------------------------===//
//
//   {"origin": "dlc 0.1.0 (c0ffee...), NVIDIA H200, capability 9.0, driver 13000",
//    "products": {"f32 64x128 of 784 terms ...": {"64x64x16 by 4x4, 3 stages": 12.5, ...}, ...}}
//
//===------------------------------------------------------------------------------------------===//
#include "TileCache.h"
#include "DataLocations.h"
#include "Devices.h"
#include "Json.h"
#include "JsonText.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Support/xxhash.h"

using namespace dlc;

/// Names this compiler: other code than its own may take other times.
static std::string compilerText() {
  auto program = llvm::MemoryBuffer::getFile("/proc/self/exe", /*IsText=*/false,
                                             /*RequiresNullTerminator=*/false);
  uint64_t hash = program ? llvm::xxh3_64bits((*program)->getBuffer()) : 0;
  return "dlc " DLC_VERSION " (" + llvm::utohexstr(hash, /*LowerCase=*/true) + "), LLVM " +
         LLVM_VERSION_STRING;
}

TileCache::TileCache(const dlrt::cuda::DeviceInfo &device)
    : origin(compilerText() + ", " + device.name + ", capability " + capabilityText(device) +
             ", driver " + std::to_string(device.driverVersion)) {
  std::string folder = dlrt::cacheFolder();
  if (folder.empty())
    return;
  std::string name = device.name;
  for (char &c : name)
    c = llvm::isAlnum(c) ? c : '-';
  file = folder + "/tiles-" + name + ".json";
}

/// Whether they are times by the tiles' texts, which `out` gets.
static bool readTimes(const dlrt::Json &json, TileTimes &out) {
  for (const auto &[tile, time] : json.members())
    if (double &microseconds = out[tile]; (microseconds = time.number()) <= 0)
      return false;
  return !out.empty();
}

std::string TileCache::load() {
  constexpr uint64_t kMost = 16 << 20;
  uint64_t size = 0;
  if (file.empty() || !llvm::sys::fs::exists(file))
    return "";
  if (!llvm::sys::fs::is_regular_file(file))
    return "is no file";
  if (!llvm::sys::fs::file_size(file, size) && size > kMost)
    return "is larger than 16 MiB";
  auto text = llvm::MemoryBuffer::getFile(file);
  if (!text)
    return "cannot be read: " + text.getError().message();
  dlrt::Json json;
  dlrt::Status status = dlrt::Json::parse((*text)->getBuffer().str(), json);
  if (!status.ok())
    return "is no list of tiles: " + status.message();
  if (!json["products"].isObject() || !json["origin"].isString())
    return "is no list of tiles";
  if (json["origin"].string() != origin)
    return "is of another compiler, device or driver";
  for (const auto &[product, times] : json["products"].members())
    if (!readTimes(times, products[product])) {
      products.clear();
      return "holds what are no times of tiles";
    }
  return "";
}

std::string TileCache::save() const {
  if (file.empty())
    return "cannot be kept: neither XDG_CACHE_HOME nor HOME is set";
  std::string text = "{\"origin\": " + dlrt::jsonString(origin) + ",\n \"products\": {";
  for (const auto &[product, times] : products) {
    text +=
        (product == products.begin()->first ? "\n  " : ",\n  ") + dlrt::jsonString(product) + ": {";
    for (const auto &[tile, time] : times)
      text += (tile == times.begin()->first ? "" : ", ") + dlrt::jsonString(tile) + ": " +
              dlrt::jsonNumber(time);
    text += "}";
  }
  text += "}}\n";
  auto fail = [](const std::string &reason) { return "cannot be written: " + reason; };
  if (auto problem = llvm::sys::fs::create_directories(llvm::sys::path::parent_path(file)))
    return fail(problem.message());
  auto draft = llvm::sys::fs::TempFile::create(file + ".new-%%%%%%");
  if (!draft)
    return fail(llvm::toString(draft.takeError()));
  llvm::raw_fd_ostream out(draft->FD, /*shouldClose=*/false);
  out << text;
  out.flush();
  std::error_code problem = out.error();
  out.clear_error();
  llvm::Error error = problem ? draft->discard() : draft->keep(file);
  if (error)
    return fail(llvm::toString(std::move(error)));
  return problem ? fail(problem.message()) : "";
}
