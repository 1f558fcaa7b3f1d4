//===- ReadAhead.cpp ------------------------------------------------------------------------===//
#include "ReadAhead.h"
#include "DataLocations.h"

#include <algorithm>
#include <sys/stat.h>

using namespace dlrt;

ReadAhead::ReadAhead(const std::string &nameOrPath) {
  std::string folder;
  if (nameOrPath.empty() || !findData(nameOrPath, folder).ok() || !isFolder(folder))
    return;
  constexpr int64_t kMost = int64_t(256) << 20; // compressed; more may not fit the memory twice
  int64_t total = 0;
  std::vector<std::pair<int64_t, std::string>> found;
  for (const std::string &name : listFolder(folder)) {
    struct stat info;
    std::string path = folder + "/" + name;
    if (!endsWith(name, ".gz") || stat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode))
      continue;
    found.emplace_back(info.st_size, path);
    total += info.st_size;
  }
  if (found.empty() || total > kMost)
    return;
  std::sort(found.rbegin(), found.rend()); // the largest first
  files = std::vector<File>(found.size());
  for (size_t i = 0; i < found.size(); ++i)
    files[i].path = std::move(found[i].second);
  worker = std::thread([this] { run(); });
}

ReadAhead::~ReadAhead() {
  stop = true;
  if (worker.joinable())
    worker.join();
}

void ReadAhead::run() {
  for (File &file : files) {
    {
      std::lock_guard<std::mutex> lock(mutex);
      if (stop)
        return;
      if (file.taken)
        continue;
    }
    Buffer bytes;
    size_t size = 0;
    Status status = readFile(file.path, bytes, size);
    std::lock_guard<std::mutex> lock(mutex);
    file.bytes = std::move(bytes);
    file.size = size;
    file.status = std::move(status);
    file.ready = true;
    changed.notify_all();
  }
}

bool ReadAhead::take(const std::string &path, Buffer &out, size_t &outSize, Status &outStatus) {
  auto found =
      std::find_if(files.begin(), files.end(), [&](const File &f) { return f.path == path; });
  if (found == files.end())
    return false;
  std::unique_lock<std::mutex> lock(mutex);
  if (found->taken)
    return false;
  changed.wait(lock, [&] { return found->ready; });
  found->taken = true;
  out = std::move(found->bytes);
  outSize = found->size;
  outStatus = std::move(found->status);
  return true;
}

Status dlrt::readFile(ReadAhead *ahead, const std::string &path, Buffer &out, size_t &outSize) {
  Status status;
  return ahead && ahead->take(path, out, outSize, status) ? status : readFile(path, out, outSize);
}
