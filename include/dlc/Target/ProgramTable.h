//===- ProgramTable.h - How a program presents itself -------------------------------*- C++ -*-===//
#ifndef DLC_TARGET_PROGRAMTABLE_H
#define DLC_TARGET_PROGRAMTABLE_H

#include "llvm/ADT/StringRef.h"

#include <string>
#include <vector>

namespace llvm {
class Module;
}

namespace dlc {

/// What the runtime gets of a program besides its code: see dlrt_program in dlrt/abi.h.
struct ProgramTable {
  std::string manifest;
  std::vector<std::string> functions;  // of the module, all that the manifest names
  llvm::StringRef weights;             // bytes of a state file; may be empty
  llvm::StringRef image;               // of a program for a device; else empty
  const ProgramTable *other = nullptr; // the same program for another place to run at
};

/// Adds `const dlrt_program *dl_program(void)` and what it points to.
void addProgramTable(llvm::Module &module, const ProgramTable &table);

} // namespace dlc

#endif
