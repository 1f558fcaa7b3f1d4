//===- Schedule.h - In which order threads run ------------------------------------------------===//
#ifndef EMULATOR_SCHEDULE_H
#define EMULATOR_SCHEDULE_H

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace emulator {

/// What DLC_EMULATOR_SCHEDULE asks for: words, separated by commas.
///   forward       blocks, warps and lanes in order (default)
///   random:SEED   blocks in any order, a few at once; warps and lanes in any order
///   starve:SEED   as random, but one warp runs only when nobody else can
///   early, late   whether cp.async copies at once or only when waited for (default: late for
///                 forward, a coin for each copy otherwise)
///   deferred      streams do nothing before somebody waits for them
class Schedule {
public:
  enum class Order { Forward, Random, Starve };
  enum class Copies { Default, Early, Late };

  /// Reads the words. Empty on success, else what is wrong with them.
  std::string parse(const std::string &words);

  Order order = Order::Forward;
  bool deferred = false;

  bool isForward() const { return order == Order::Forward; }
  /// Whether this cp.async is carried out at once.
  bool copiesNow();
  /// Blocks' clusters that run at the same time, where they need not run all at once.
  size_t residentClusters() const { return isForward() ? 1 : 4; }
  /// 0, 1, ... count - 1 in the order in which these things start.
  std::vector<size_t> startOrder(size_t count);
  size_t below(size_t limit) { return random() % limit; }
  bool coin() { return random() & 1; }

private:
  std::mt19937 random;
  Copies copies = Copies::Default;
};

} // namespace emulator
#endif // EMULATOR_SCHEDULE_H
