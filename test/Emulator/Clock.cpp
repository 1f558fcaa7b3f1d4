//===- Clock.cpp ------------------------------------------------------------------------------===//
#include "Clock.h"

#include <chrono>

using namespace emulator;

std::string Clock::parse(const std::string &word) {
  rule = word == "few" ? Few : word == "many" ? Many : Real;
  madeUp = 0;
  return word.empty() || rule != Real ? "" : "expects few or many, found '" + word + "'";
}

double Clock::seconds() const {
  using namespace std::chrono;
  return rule == Real ? duration<double>(steady_clock::now().time_since_epoch()).count() : madeUp;
}

/// So slow that nobody who measures needs many launches.
void Clock::count(uint64_t blocks) {
  double number = static_cast<double>(blocks);
  madeUp += rule == Few ? 0.01 * number : 10 / number;
}
