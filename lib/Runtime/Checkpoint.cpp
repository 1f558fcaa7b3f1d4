//===- Checkpoint.cpp -----------------------------------------------------------------------===//
#include "Checkpoint.h"
#include "DataLocations.h"
#include "JsonText.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <libdeflate.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace dlrt;

static const char *const kChecksumPrefix = "crc32.";

static const char *dtypeName(ElementType type) {
  static const char *const names[] = {"F32", "F64", "I32", "U8", "BOOL"};
  return names[static_cast<int>(type)];
}

static bool parseDtype(const std::string &name, ElementType &out) {
  for (int i = 0; i < 5; ++i)
    if (name == dtypeName(static_cast<ElementType>(i))) {
      out = static_cast<ElementType>(i);
      return true;
    }
  return false;
}

/// Elements times bytes; -1 if no memory could hold them.
static int64_t byteCount(const std::vector<int64_t> &shape, ElementType type) {
  int64_t count = elementSize(type);
  constexpr int64_t most = int64_t(1) << 44;
  for (int64_t size : shape) {
    if (size < 0 || (size > 0 && count > most / size))
      return -1;
    count *= size;
  }
  return count;
}

static std::string checksum(const void *data, size_t bytes) {
  char text[16];
  snprintf(text, sizeof(text), "%08x", libdeflate_crc32(0, data, bytes));
  return text;
}

/// All of the metadata in one string, in the order of the names.
static std::string joined(const Metadata &metadata) {
  std::string text;
  for (const auto &[key, value] : metadata)
    text += key + '\0' + value + '\0';
  return text;
}

const LoadedTensor *Checkpoint::find(const std::string &name) const {
  for (const LoadedTensor &tensor : tensors)
    if (tensor.name == name)
      return &tensor;
  return nullptr;
}

//===----------------------------------------------------------------------------------------===//
// Writing
//===----------------------------------------------------------------------------------------===//

static std::string makeHeader(const std::vector<TensorView> &tensors, Metadata metadata) {
  metadata["format"] = "dlc";
  std::string plain = joined(metadata);
  std::string checksums = checksum(plain.data(), plain.size());
  for (const TensorView &tensor : tensors)
    metadata[kChecksumPrefix + tensor.name] =
        checksum(tensor.data, byteCount(tensor.shape, tensor.type));
  metadata["crc32"] = checksums;
  std::string header = "{\"__metadata__\":{";
  bool first = true;
  for (const auto &[key, value] : metadata) {
    header += (first ? "" : ",") + jsonString(key) + ":" + jsonString(value);
    first = false;
  }
  header += "}";
  int64_t offset = 0;
  for (const TensorView &tensor : tensors) {
    int64_t bytes = byteCount(tensor.shape, tensor.type);
    header += "," + jsonString(tensor.name) + ":{\"dtype\":\"" + dtypeName(tensor.type) +
              "\",\"shape\":[";
    for (size_t d = 0; d < tensor.shape.size(); ++d)
      header += (d ? "," : "") + std::to_string(tensor.shape[d]);
    header += "],\"data_offsets\":[" + std::to_string(offset) + "," +
              std::to_string(offset + bytes) + "]}";
    offset += bytes;
  }
  header += "}";
  header.resize((header.size() + 7) / 8 * 8, ' ');
  return header;
}

static bool writeAll(int file, const void *data, size_t size) {
  const char *at = static_cast<const char *>(data);
  while (size) {
    ssize_t count = write(file, at, size);
    if (count < 0 && errno == EINTR)
      continue;
    if (count <= 0)
      return false;
    at += count;
    size -= static_cast<size_t>(count);
  }
  return true;
}

static Status cannotSave(const std::string &path, const std::string &why) {
  return Status::error("cannot save '" + path + "': " + why, StatusCode::IoError);
}

static std::string folderOf(const std::string &path) {
  size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : slash ? path.substr(0, slash) : "/";
}

/// What is written before it is renamed to `path`: a file for each process and save.
static std::string temporaryName(const std::string &path) { return path + ".new."; }

static std::string temporaryPath(const std::string &path) {
  static std::atomic<unsigned> saves{0};
  return temporaryName(path) + std::to_string(getpid()) + "." + std::to_string(saves++);
}

/// Renaming would put a file in the place of a folder, a device or a pipe.
static Status checkPlace(const std::string &path) {
  struct stat info;
  if (stat(path.c_str(), &info) != 0 || S_ISREG(info.st_mode))
    return Status();
  return cannotSave(path, S_ISDIR(info.st_mode) ? "it is a folder; name a file"
                                                : "it is no file but a device, a pipe or the like");
}

Status dlrt::checkWritable(const std::string &path) {
  if (Status status = checkPlace(path); !status.ok())
    return status;
  std::string temporary = temporaryPath(path);
  int file = open(temporary.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  if (file < 0)
    return cannotSave(path, strerror(errno));
  close(file);
  unlink(temporary.c_str());
  std::string folder = folderOf(path);
  std::string start = temporaryName(path.substr(path.rfind('/') + 1));
  for (const std::string &name : listFolder(folder)) {
    if (name.compare(0, start.size(), start) != 0)
      continue;
    int process = atoi(name.c_str() + start.size());
    if (process > 0 && kill(process, 0) != 0 && errno == ESRCH)
      unlink((folder + "/" + name).c_str());
  }
  return Status();
}

Status dlrt::saveCheckpoint(const std::string &path, const std::vector<TensorView> &tensors,
                            const Metadata &metadata) {
  auto fail = [&](const std::string &what) {
    return cannotSave(path, what + ": " + strerror(errno));
  };
  if (Status status = checkPlace(path); !status.ok())
    return status;
  std::string temporary = temporaryPath(path);
  int file = open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file < 0)
    return fail("opening '" + temporary + "'");
  std::string header = makeHeader(tensors, metadata);
  uint64_t size = header.size();
  bool good = writeAll(file, &size, 8) && writeAll(file, header.data(), header.size());
  for (const TensorView &tensor : tensors)
    good = good && writeAll(file, tensor.data, byteCount(tensor.shape, tensor.type));
  good = good && fsync(file) == 0;
  int why = errno;
  good = close(file) == 0 && good;
  if (!good || rename(temporary.c_str(), path.c_str()) != 0) {
    if (good)
      why = errno;
    unlink(temporary.c_str());
    errno = why;
    return fail(good ? "renaming" : "writing");
  }
  // The rename itself must reach the disk.
  int parent = open(folderOf(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (parent >= 0) {
    fsync(parent);
    close(parent);
  }
  return Status();
}

//===----------------------------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------------------------===//

Status dlrt::loadCheckpoint(const std::string &path, Checkpoint &out) {
  Buffer bytes;
  size_t size = 0;
  if (Status status = readFile(path, bytes, size); !status.ok())
    return status;
  return parseCheckpoint(std::move(bytes), size, path, out);
}

Status dlrt::parseCheckpoint(Buffer &&bytes, size_t size, const std::string &name,
                             Checkpoint &out) {
  auto refuse = [&](const std::string &why) {
    return Status::error("'" + name + "' is no usable safetensors file: " + why,
                         StatusCode::Corrupt);
  };
  if (size < 10)
    return refuse("it is too short");
  uint64_t headerSize;
  memcpy(&headerSize, bytes.data(), 8);
  if (headerSize > size - 8)
    return refuse("its header is cut off");
  Json header;
  std::string text(reinterpret_cast<const char *>(bytes.data()) + 8, headerSize);
  if (Status status = Json::parse(text, header); !status.ok())
    return refuse("its header is " + status.message());
  if (!header.isObject())
    return refuse("its header is no object");
  out = Checkpoint();
  out.buffer = std::move(bytes);
  const uint8_t *data = out.buffer.data() + 8 + headerSize;
  size_t dataSize = size - 8 - headerSize;
  Metadata checksums;
  std::string ownChecksum;
  std::vector<std::pair<int64_t, int64_t>> ranges;
  for (const auto &[key, value] : header.members()) {
    if (key == "__metadata__") {
      for (const auto &[item, itemValue] : value.members()) {
        if (item == "crc32")
          ownChecksum = itemValue.string();
        else if (item.compare(0, 6, kChecksumPrefix) == 0)
          checksums[item.substr(6)] = itemValue.string();
        else
          out.metadata[item] = itemValue.string();
      }
      continue;
    }
    LoadedTensor tensor;
    tensor.name = key;
    if (!parseDtype(value["dtype"].string(), tensor.type))
      return refuse("'" + key + "' has the unknown type '" + value["dtype"].string() + "'");
    for (const Json &dim : value["shape"].array())
      tensor.shape.push_back(dim.integer(-1));
    int64_t begin = value["data_offsets"][0].integer(-1),
            end = value["data_offsets"][1].integer(-1);
    int64_t expected = byteCount(tensor.shape, tensor.type);
    if (begin < 0 || end < begin || static_cast<uint64_t>(end) > dataSize || expected < 0 ||
        end - begin != expected)
      return refuse("'" + key + "' does not lie where its header says");
    if (out.find(key))
      return refuse("'" + key + "' stands in it twice");
    tensor.data = data + begin;
    tensor.bytes = static_cast<size_t>(end - begin);
    ranges.push_back({begin, end});
    out.tensors.push_back(std::move(tensor));
  }
  std::sort(ranges.begin(), ranges.end());
  int64_t reached = 0;
  for (auto [begin, end] : ranges) {
    if (begin != reached)
      return refuse("its tensors leave a hole or overlap");
    reached = end;
  }
  if (static_cast<uint64_t>(reached) != dataSize)
    return refuse("it is cut off, or holds more than its header says");
  for (const LoadedTensor &tensor : out.tensors) {
    auto known = checksums.find(tensor.name);
    if (known != checksums.end() && known->second != checksum(tensor.data, tensor.bytes))
      return refuse("the checksum of '" + tensor.name + "' does not match: the file is damaged");
  }
  std::string meta = joined(out.metadata);
  if (!ownChecksum.empty() && ownChecksum != checksum(meta.data(), meta.size()))
    return refuse("the checksum of its metadata does not match: the file is damaged");
  out.metadata.erase("format");
  return Status();
}
