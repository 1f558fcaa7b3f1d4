//===- Peak.h - What this machine can do at most --------------------------------------------===//
#ifndef DLRT_PEAK_H
#define DLRT_PEAK_H

#include "ThreadPool.h"

namespace dlrt {

/// Multiply-adds that all threads of the pool manage together, in 10^9 floating-point operations a
/// second (two for each): the best of several tries of some milliseconds, with the widest vectors
/// of the processor and enough independent chains to fill its pipelines.
double measurePeak(ThreadPool &pool, bool doublePrecision);

} // namespace dlrt
#endif // DLRT_PEAK_H
