//===- WarpgroupMistakes.h - What the kernel multiplyTiles may do wrong -----------------------===//
#ifndef EMULATOR_WARPGROUPMISTAKES_H
#define EMULATOR_WARPGROUPMISTAKES_H

namespace emulator {

enum WarpgroupMistake {
  NoMistake,
  NoWaitForFull,
  NoWaitForEmpty,
  NoWaitForSums,
  EmptyBeforeWait,
  WrongParity,
  NoExpectedBytes,
  TooFewBytes,
  TooFewExpected,
  OtherSwizzle,
  StageOffByOne,
  MisalignedStage,
  NoFence,
  NoProxyFence,
  NoCommit,
  LanesDiffer,
};

} // namespace emulator
#endif // EMULATOR_WARPGROUPMISTAKES_H
