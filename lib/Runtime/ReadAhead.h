//===- ReadAhead.h - Files inflated while something else goes on ----------------------------===//
#ifndef DLRT_READAHEAD_H
#define DLRT_READAHEAD_H

#include "Dataset.h"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace dlrt {

/// Begins to inflate the .gz files of a data set on a thread of its own, so that they are there by
/// the time the program is compiled. Whoever needs a file takes it, or reads it himself where it
/// was not begun.
class ReadAhead {
public:
  /// `nameOrPath` as --data has it; what is not found, or is no folder of .gz files, is left alone.
  explicit ReadAhead(const std::string &nameOrPath);
  ~ReadAhead();
  ReadAhead(const ReadAhead &) = delete;
  ReadAhead &operator=(const ReadAhead &) = delete;

  /// Gives the file's bytes away, waiting until they are there. False where the file is not one of
  /// those that are read here.
  bool take(const std::string &path, Buffer &out, size_t &outSize, Status &outStatus);

private:
  struct File {
    std::string path;
    Buffer bytes;
    size_t size = 0;
    Status status;
    bool ready = false, taken = false;
  };
  void run();

  std::vector<File> files;
  std::mutex mutex;
  std::condition_variable changed;
  std::atomic<bool> stop{false};
  std::thread worker;
};

/// readFile(), or what was read ahead where `ahead` is not null and has it.
Status readFile(ReadAhead *ahead, const std::string &path, Buffer &out, size_t &outSize);

} // namespace dlrt
#endif // DLRT_READAHEAD_H
