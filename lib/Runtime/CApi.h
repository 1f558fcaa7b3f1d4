//===- CApi.h - What the interface for embedding has behind it ------------------------------===//
#ifndef DLRT_CAPI_H
#define DLRT_CAPI_H

#include "Session.h"
#include "TrainingState.h"
#include "dlrt/dlrt.h"

#include <map>

struct dlrt_net {
  std::unique_ptr<dlrt::Program> program;
  std::unique_ptr<dlrt::Session> session; // null after an open that failed
  std::string message, device;
  dlrt::RowList rows;                    // 0 ... n - 1, for the last n
  std::map<std::string, double> metrics; // of the last evaluation
  dlrt::RunState state;
  int64_t totalSteps = 1;
  dlrt_memory memory = DLRT_HOST;

  /// Whether rows and predictions lie where the host cannot look.
  bool worksInPlace() const { return memory == DLRT_DEVICE && program->isForDevice(); }
};

namespace dlrt {
/// Keeps the message, and returns the code.
dlrt_status report(dlrt_net *net, dlrt_status code, std::string message);
/// The same for a status; `code` for errors that say no more.
dlrt_status report(dlrt_net *net, const Status &status, dlrt_status code);
/// Refuses a net that was not opened or whose stream is being captured.
dlrt_status checkReady(dlrt_net *net);
/// Enqueues predictions of rows that begin() has taken, into the device's memory.
dlrt_status predictInPlace(dlrt_net *net, const FunctionInfo &predict, void *out);
} // namespace dlrt

#endif // DLRT_CAPI_H
