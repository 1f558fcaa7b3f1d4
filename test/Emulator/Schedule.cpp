//===- Schedule.cpp - In which order threads run ----------------------------------------------===//
#include "Schedule.h"

#include <algorithm>
#include <cstdlib>
#include <numeric>
#include <sstream>

using namespace emulator;

std::string Schedule::parse(const std::string &words) {
  *this = Schedule();
  std::istringstream stream(words);
  for (std::string word; std::getline(stream, word, ',');) {
    size_t colon = word.find(':');
    std::string name = word.substr(0, colon);
    bool seeded = name == "random" || name == "starve";
    if (seeded != (colon != std::string::npos))
      return "'" + word + "' should be " + (seeded ? "'" + name + ":SEED'" : "a word without ':'");
    if (seeded) {
      std::string seed = word.substr(colon + 1);
      if (seed.empty() || seed.find_first_not_of("0123456789") != std::string::npos)
        return "the seed of '" + word + "' is not a number";
      random.seed(std::strtoul(seed.c_str(), nullptr, 10));
      order = name == "random" ? Order::Random : Order::Starve;
    } else if (name == "forward") {
      order = Order::Forward;
    } else if (name == "early") {
      copies = Copies::Early;
    } else if (name == "late") {
      copies = Copies::Late;
    } else if (name == "deferred") {
      deferred = true;
    } else {
      return "unknown schedule '" + word + "'";
    }
  }
  return "";
}

bool Schedule::copiesNow() {
  if (copies != Copies::Default)
    return copies == Copies::Early;
  return !isForward() && coin();
}

std::vector<size_t> Schedule::startOrder(size_t count) {
  std::vector<size_t> order(count);
  std::iota(order.begin(), order.end(), 0);
  if (!isForward())
    std::shuffle(order.begin(), order.end(), random);
  return order;
}
