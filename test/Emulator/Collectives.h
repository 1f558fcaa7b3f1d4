//===- Collectives.h - Where the lanes of a warp meet -----------------------------------------===//
#ifndef EMULATOR_COLLECTIVES_H
#define EMULATOR_COLLECTIVES_H

#include "Grid.h"

namespace emulator {

constexpr uint32_t kAllLanes = ~0u;

/// What the last lane to arrive does for all that are in `mask`, with the operands of each.
using Completion = void (*)(Warp &warp, uint32_t mask);

/// Waits until all lanes of `mask` are at the same collective, named `where`: one string for each
/// kind, compared by address. `operands` points to this lane's operands and results.
void meet(const char *where, uint32_t mask, void *operands, Completion complete);

} // namespace emulator
#endif // EMULATOR_COLLECTIVES_H
