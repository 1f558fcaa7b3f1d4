//===- StandardLibrary.h - lib/Std/*.dl inside the compiler -------------------------*- C++ -*-===//
#ifndef DLC_FRONTEND_STANDARDLIBRARY_H
#define DLC_FRONTEND_STANDARDLIBRARY_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

namespace dlc {

struct StandardSource {
  llvm::StringRef name, text;
};

/// The sources of lib/Std, embedded at build time.
llvm::ArrayRef<StandardSource> standardSources();

} // namespace dlc

#endif
