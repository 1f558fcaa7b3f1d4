//===- CommandLine.h - What the user asked for --------------------------------------*- C++ -*-===//
#ifndef DLC_TOOLS_DLC_COMMANDLINE_H
#define DLC_TOOLS_DLC_COMMANDLINE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace dlc {

struct CommandLine {
  std::string command; // run, eval, ...; "emit" for --emit=...
  std::vector<std::string> operands;
  std::string data, save, resume, weights, plotFolder, emit, output,
      target = "native", precision = "f32", device, gpuLoop = "auto";
  std::vector<std::pair<std::string, std::string>> settings;
  std::vector<std::string> given; // the options that were named
  std::optional<uint64_t> seed;
  int threads = 0;
  int64_t saveEvery = 0;
  bool autotune = false, json = false, quiet = false, help = false;
};

/// Understands the arguments. Empty if they make sense, else a message that says what does not,
/// with a remedy.
std::string parseCommandLine(llvm::ArrayRef<const char *> arguments, CommandLine &out);

/// What `dlc help` says of a command, or, with an empty name, of all; empty if there is no such
/// command.
std::string helpText(llvm::StringRef command);

} // namespace dlc

#endif
