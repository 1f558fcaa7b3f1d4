//===- PhiloxTest.cpp - The known answers of Random123 for philox4x32-10 ----------------------===//
#include "Philox.h"

#include <gtest/gtest.h>

#include <array>

using namespace dlrt;

namespace {
using Words = std::array<uint32_t, 4>;

Words rounds(Words counter, uint32_t keyLow, uint32_t keyHigh) {
  philoxRounds(counter.data(), keyLow, keyHigh);
  return counter;
}

TEST(Philox, GivesTheKnownAnswers) {
  EXPECT_EQ(rounds({0, 0, 0, 0}, 0, 0), (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  constexpr uint32_t ones = 0xffffffff;
  EXPECT_EQ(rounds({ones, ones, ones, ones}, ones, ones),
            (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(rounds({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, 0xa4093822, 0x299f31d0),
            (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Philox, CountsElementStepAndStream) {
  Words out;
  philox(0x85a308d3243f6a88, 0x13198a2e, 0x03707344, 0x299f31d0a4093822, out.data());
  EXPECT_EQ(out, (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}
} // namespace
