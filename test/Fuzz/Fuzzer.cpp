//===- Fuzzer.cpp - One target as a libFuzzer program: DLC_TARGET names it ------------------===//
#include "Targets.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  DLC_TARGET(data, size);
  return 0;
}
