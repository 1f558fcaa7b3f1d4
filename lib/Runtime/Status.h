//===- Status.h - What went wrong, for whoever called ---------------------------------------===//
//
// The runtime never prints, exits or aborts. A text names the file, the line or field, and the
// remedy.
//
//===----------------------------------------------------------------------------------------===//
#ifndef DLRT_STATUS_H
#define DLRT_STATUS_H

#include <string>
#include <utility>

namespace dlrt {

enum class StatusCode {
  Ok,
  InvalidArgument, /// the caller's mistake
  NotFound,        /// a file or data set that is not there
  DataError,       /// data that cannot be used
  IoError,         /// the system refused to read or write
  Corrupt,         /// a damaged file
  Incompatible,    /// a file or program of another kind or version
  OutOfMemory,
  DeviceError, /// a GPU or its driver
  Interrupted,
  Internal
};

/// Success, or a code and a text.
class [[nodiscard]] Status {
public:
  Status() = default;
  static Status error(std::string text, StatusCode code = StatusCode::InvalidArgument) {
    Status status;
    status.statusCode = code;
    status.text = std::move(text);
    return status;
  }
  static Status error(StatusCode code, std::string text) { return error(std::move(text), code); }

  bool ok() const { return statusCode == StatusCode::Ok; }
  StatusCode code() const { return statusCode; }
  const std::string &message() const { return text; }

private:
  StatusCode statusCode = StatusCode::Ok;
  std::string text;
};

} // namespace dlrt
#endif // DLRT_STATUS_H
