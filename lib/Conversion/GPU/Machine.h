//===- Machine.h - The GPU that plans are made for ----------------------------------*- C++ -*-===//
//
// Plans are made before a GPU is there, so they are made for one: an H100 SXM, as NVIDIA's "H100
// Tensor Core GPU Architecture" describes it. These are peaks; estimates say what they assume
// beside them.
//
//===------------------------------------------------------------------------------------------===//
#ifndef DLC_LIB_CONVERSION_GPU_MACHINE_H
#define DLC_LIB_CONVERSION_GPU_MACHINE_H

#include <cstdint>

namespace dlc::machine {

constexpr int64_t kMultiprocessors = 132; // of an H200 as well

// Of a multiprocessor in a cycle.
constexpr double kMultipliesF32 = 128, kMultipliesF64 = 64; // multiply-adds
/// The same on tensor cores, by `mma.sync` on an A100.
constexpr double kMultipliesTF32 = 512, kMultipliesHalf = 1024;
constexpr double kSharedBytes = 128; // read from shared memory
constexpr double kCacheBytes = 48;   // from the second cache: 5120 for an A100's 108 of them

// Of a multiprocessor in a microsecond, as its share of the board's.
constexpr double kFlopF32 = 67e6 / kMultiprocessors;
constexpr double kFlopTensor = 495e6 / kMultiprocessors;   // of tf32
constexpr double kMemoryBytes = 3.35e6 / kMultiprocessors; // of the device's memory

// Shared memory that a block can have: here, on each GPU since 8.0, and on each one.
constexpr int64_t kMostShared = 227 << 10, kSharedSince80 = 99 << 10, kSharedAnywhere = 48 << 10;

} // namespace dlc::machine

#endif
