//===- FakeProgram.h - A program as the compiler would make it, written by hand
//------------------===//
//
// Linear regression with momentum, y = w . (x - mean) + b over generated rows, and noise on the
// gradient from Philox, so that step and seed show in the bits. It records which rows each training
// step saw.
//
//===----------------------------------------------------------------------------------------===//
#ifndef DLRT_TEST_FAKEPROGRAM_H
#define DLRT_TEST_FAKEPROGRAM_H

#include "dlrt/abi.h"

#include <cstdint>
#include <string>
#include <vector>

namespace fake {

constexpr int64_t kRows = 103, kBatch = 16;

/// What one call of train saw.
struct Step {
  int64_t step, epoch, rows;
  std::vector<int32_t> indices;
};

/// All training steps since the last clear(), in order.
extern std::vector<Step> steps;
/// Rows that passes of evaluate went over, per pass, since the last clear().
extern std::vector<std::vector<int32_t>> evaluated;
void clear();

/// Called by thread 0 at the end of each training step.
extern void (*afterStep)(int64_t step);

/// The manifest with the given settings for "train" and "split", without the braces around.
std::string manifest(const std::string &train, const std::string &split = "");

/// A program of that manifest, with the functions of this file. The text must outlive it.
dlrt_program program(const std::string &manifest);

/// Names of validation metric: what evaluate gives as "score" after the n-th evaluation; empty: 0.
extern std::vector<float> scores;

} // namespace fake
#endif // DLRT_TEST_FAKEPROGRAM_H
