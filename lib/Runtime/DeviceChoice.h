//===- DeviceChoice.h - Where a program is to run -------------------------------------------===//
#ifndef DLRT_DEVICECHOICE_H
#define DLRT_DEVICECHOICE_H

#include "Status.h"

#include <cstdlib>
#include <string>

namespace dlrt {

/// Where a program is to run, of the places that it has code for.
struct DeviceChoice {
  enum Kind {
    Automatic, /// on a GPU if it has code for one and one is there, else on the processor
    Processor,
    Gpu
  };
  Kind kind = Automatic;
  int number = 0; /// of the GPU

  /// Reads `auto`, `cpu`, `gpu` or `gpu:N`.
  static Status parse(const std::string &text, DeviceChoice &out) {
    out = DeviceChoice();
    if (text == "auto")
      return Status();
    if (text == "cpu" || text == "gpu") {
      out.kind = text == "cpu" ? Processor : Gpu;
      return Status();
    }
    char *end = nullptr;
    if (text.rfind("gpu:", 0) == 0 && text.size() > 4 && text.size() < 8 && text[4] >= '0' &&
        text[4] <= '9') {
      out = {Gpu, static_cast<int>(strtol(text.c_str() + 4, &end, 10))};
      if (*end == 0)
        return Status();
    }
    return Status::error("expects auto, cpu, gpu or gpu:N, found '" + text + "'");
  }
};

} // namespace dlrt
#endif // DLRT_DEVICECHOICE_H
