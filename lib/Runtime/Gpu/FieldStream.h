//===- FieldStream.h - Data that does not fit the device ------------------------------------===//
//
// The rows that some steps or a chunk need are gathered on the host, in their order, into pinned
// memory, and copied by a stream of their own into one of two windows on the device, while what was
// enqueued before still works on the other. A row's number is then its place in the windows: those
// of the second follow those of the first.
//
//===----------------------------------------------------------------------------------------===//
#ifndef DLRT_GPU_FIELDSTREAM_H
#define DLRT_GPU_FIELDSTREAM_H

#include "Gpu/Driver.h"
#include "Session.h"

namespace dlrt {

class FieldStream {
public:
  /// A field: where its rows lie on the host, and its windows on the device.
  struct Column {
    const uint8_t *from;
    size_t rowBytes;
    cuda::Address to;
  };

  /// `user` is the stream of what works on the windows; it may become another when all is done on
  /// it. The context must be current in all calls.
  FieldStream(const cuda::Driver &driver, const cuda::Stream &user, int64_t windowRows)
      : driver(driver), user(user), windowRows(windowRows) {}
  ~FieldStream();
  FieldStream(const FieldStream &) = delete;
  FieldStream &operator=(const FieldStream &) = delete;

  /// Gets the pinned memory, `bytes` of it, and what orders the copies.
  Status open(size_t bytes);
  /// Says where the rows lie from now on.
  void setColumns(std::vector<Column> newColumns);

  /// Makes a window hold `count` rows, at most `windowRows`, before whatever is enqueued on `user`
  /// from now on. `outFirst` is the place of the first.
  Status load(const int32_t *rows, int64_t count, int64_t &outFirst);
  /// The same for the steps from `steps.first` on: for as many of them as `outCount` tells.
  Status load(const Session::Steps &steps, int64_t &outFirst, int64_t &outCount);
  /// What works on the window that was loaded last is enqueued.
  Status used();
  /// Begins to load what follows in the order of these steps, in the other window.
  Status loadNext(const Session::Steps &steps);

private:
  struct Window {
    int64_t orderNumber = -1, first = 0, count = 0; // the part of an order that it holds
    uint8_t *pinned = nullptr;
    cuda::Event copied = nullptr, used = nullptr;
  };
  Status fill(Window &window, const int32_t *rows, int64_t count);
  Status fillFrom(Window &window, const Session::Steps &steps, int64_t first);
  /// The window that holds the row at `position` of an order, or null.
  Window *find(int64_t orderNumber, int64_t position);
  /// Waits, on the device, until the window is filled.
  Status use(Window &window);
  Window &other() { return windows[current == &windows[0]]; }

  const cuda::Driver &driver;
  const cuda::Stream &user;
  const int64_t windowRows;
  cuda::Stream copies = nullptr;
  void *pinned = nullptr;
  std::vector<Column> columns;
  Window windows[2];
  Window *current = &windows[0]; // the one that was loaded last
};

} // namespace dlrt
#endif // DLRT_GPU_FIELDSTREAM_H
