//===- Clock.h - The time that events tell ----------------------------------------------------===//
#ifndef EMULATOR_CLOCK_H
#define EMULATOR_CLOCK_H

#include <cstdint>
#include <string>

namespace emulator {

/// This machine's time, or a made-up one, by which it is known beforehand what will be fast.
class Clock {
public:
  /// Takes `few` (launches of few blocks are fast), `many`, or nothing. A mistake is described.
  std::string parse(const std::string &word);
  double seconds() const;
  /// A launch of so many blocks has been carried out.
  void count(uint64_t blocks);

private:
  enum { Real, Few, Many } rule = Real;
  double madeUp = 0;
};

} // namespace emulator

#endif // EMULATOR_CLOCK_H
