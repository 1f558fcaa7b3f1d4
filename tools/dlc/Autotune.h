//===- Autotune.h - Tiles of products by measuring ----------------------------------*- C++ -*-===//
#ifndef DLC_TOOLS_DLC_AUTOTUNE_H
#define DLC_TOOLS_DLC_AUTOTUNE_H

#include "CommandLine.h"
#include "dlc/Driver/Compiler.h"

namespace dlc {

/// Gives the products of the program's training step the tiles that are fastest on GPU `device`,
/// from the user's cache or, where it does not know, by measuring them. `options` are the
/// compiler's, which has elaborated the program. False after a mistake, which has been reported.
bool autotune(const CommandLine &line, Compiler &compiler, const CompileOptions &options,
              int device);

} // namespace dlc

#endif
