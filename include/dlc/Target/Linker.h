//===- Linker.h - From an object file to a shared library ---------------------------*- C++ -*-===//
#ifndef DLC_TARGET_LINKER_H
#define DLC_TARGET_LINKER_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/Error.h"

namespace dlc {

/// Links a program's object file and the runtime, which this compiler carries along, into the
/// shared library `path`: it exports `dl_program` and the functions of dlrt.h, and needs nothing
/// but the C library. Nothing is left behind after an error. Not to be called by two threads.
llvm::Error linkSharedLibrary(llvm::ArrayRef<char> object, llvm::StringRef path);

/// Links an object file of device functions into a shared library for the emulator (docs/GPU.md),
/// whose functions are undefined in it. Not to be called by two threads.
llvm::Expected<llvm::SmallVector<char, 0>> linkImage(llvm::ArrayRef<char> object);

} // namespace dlc

#endif
