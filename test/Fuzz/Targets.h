//===- Targets.h - Everything that reads what it is given -----------------------------------===//
//
// A target takes any bytes; it must neither crash, hang, nor print what is not for users.
// Fuzzer.cpp makes a libFuzzer program of one, Replay.cpp feeds kept cases to all.
//
//===----------------------------------------------------------------------------------------===//
#ifndef DLC_TEST_FUZZ_TARGETS_H
#define DLC_TEST_FUZZ_TARGETS_H

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

/// Ends the process, so that the input is noticed, where what has to hold for all of them does not.
inline void require(bool holds, const char *what) {
  if (holds)
    return;
  fprintf(stderr, "broken: %s\n", what);
  abort();
}

void fuzzLexer(const uint8_t *data, size_t size);
/// Parses a program and a setting, prints its tree, and renders what is wrong with it.
void fuzzParser(const uint8_t *data, size_t size);
/// All that `dlc check` does.
void fuzzCheck(const uint8_t *data, size_t size);
void fuzzCsv(const uint8_t *data, size_t size);
void fuzzIdx(const uint8_t *data, size_t size);
void fuzzNpy(const uint8_t *data, size_t size);
void fuzzSafetensors(const uint8_t *data, size_t size);
void fuzzJson(const uint8_t *data, size_t size);

#endif
