//===- Inflate.cpp - Files, plain and gzipped -----------------------------------------------===//
#include "Dataset.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <libdeflate.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace dlrt;

bool Buffer::allocate(size_t size) {
  // Large arrays in huge pages, where the system has them: the rows of a shuffled batch lie
  // anywhere, and every one would miss the TLB.
  constexpr size_t kHugePage = size_t(2) << 20;
  size_t alignment = size >= 2 * kHugePage ? kHugePage : 64;
  size_t room = (slack + size + slack + alignment - 1) / alignment * alignment;
  memory.reset(static_cast<uint8_t *>(aligned_alloc(alignment, room)));
  if (memory && alignment == kHugePage)
    madvise(memory.get(), room, MADV_HUGEPAGE); // a hint
  bytes = memory ? size : 0;
  return memory != nullptr;
}

/// More than this is refused: a small file can claim to inflate to anything.
static constexpr size_t kLargest = size_t(8) << 30;

Status dlrt::inflate(const uint8_t *data, size_t size, const std::string &name, Buffer &out,
                     size_t &outSize) {
  if (size < 18)
    return Status::error("'" + name + "' is too short to be a gzip file", StatusCode::Corrupt);
  // The last four bytes hold the size of the last member: right for files of one, a first guess for
  // others.
  uint32_t last;
  memcpy(&last, data + size - 4, 4);
  size_t room = last;
  libdeflate_decompressor *decompressor = libdeflate_alloc_decompressor();
  if (!decompressor)
    return Status::error("no memory to inflate '" + name + "'", StatusCode::OutOfMemory);
  Status status;
  for (;;) {
    if (room > kLargest) {
      status = Status::error("'" + name + "' inflates to more than 8 GiB", StatusCode::DataError);
      break;
    }
    if (!out.allocate(room)) {
      status =
          Status::error("no memory for the " + std::to_string(room) + " bytes of '" + name + "'",
                        StatusCode::OutOfMemory);
      break;
    }
    size_t read = 0, written = 0;
    libdeflate_result result = LIBDEFLATE_SUCCESS;
    while (read < size && result == LIBDEFLATE_SUCCESS) {
      size_t in = 0, made = 0;
      result = libdeflate_gzip_decompress_ex(decompressor, data + read, size - read,
                                             out.data() + written, room - written, &in, &made);
      read += in;
      written += made;
    }
    if (result == LIBDEFLATE_INSUFFICIENT_SPACE) {
      room = room * 2 + 65536;
      continue;
    }
    if (result != LIBDEFLATE_SUCCESS)
      status = Status::error("'" + name + "' is damaged or cut off: it cannot be inflated",
                             StatusCode::Corrupt);
    outSize = written;
    break;
  }
  libdeflate_free_decompressor(decompressor);
  return status;
}

static Status readPlain(const std::string &path, Buffer &out, size_t &outSize) {
  auto fail = [&](const char *what) {
    return Status::error(std::string(what) + " '" + path + "': " + strerror(errno),
                         StatusCode::IoError);
  };
  int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0)
    return fail("cannot open");
  struct stat info;
  if (fstat(file, &info) != 0 || !S_ISREG(info.st_mode)) {
    close(file);
    errno = S_ISDIR(info.st_mode) ? EISDIR : EINVAL;
    return fail("cannot read");
  }
  size_t size = static_cast<size_t>(info.st_size);
  if (size > kLargest || !out.allocate(size)) {
    close(file);
    return Status::error("'" + path + "' is too large for the memory", StatusCode::OutOfMemory);
  }
  for (outSize = 0; outSize < size;) {
    ssize_t count = read(file, out.data() + outSize, size - outSize);
    if (count < 0 && errno == EINTR)
      continue;
    if (count <= 0) {
      close(file);
      return fail("cannot read");
    }
    outSize += static_cast<size_t>(count);
  }
  close(file);
  return Status();
}

Status dlrt::readFile(const std::string &path, Buffer &out, size_t &outSize) {
  bool zipped = path.size() > 3 && path.compare(path.size() - 3, 3, ".gz") == 0;
  if (!zipped)
    return readPlain(path, out, outSize);
  Buffer raw;
  size_t rawSize = 0;
  if (Status status = readPlain(path, raw, rawSize); !status.ok())
    return status;
  return inflate(raw.data(), rawSize, path, out, outSize);
}
