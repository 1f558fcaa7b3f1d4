//===- Devices.h - Where a program is compiled for, and the GPUs that are here ------*- C++ -*-===//
#ifndef DLC_TOOLS_DLC_DEVICES_H
#define DLC_TOOLS_DLC_DEVICES_H

#include "CommandLine.h"
#include "Commands.h"
#include "Gpu/Driver.h"
#include "dlc/Driver/Compiler.h"

#include "llvm/ADT/SmallVector.h"

namespace dlc {

/// The words between commas.
llvm::SmallVector<llvm::StringRef> wordsOf(llvm::StringRef text);

/// "9.0".
std::string capabilityText(const dlrt::cuda::DeviceInfo &device);

/// The target for GPU `number` of this machine, which is described as well.
dlrt::Status targetOfGpu(int number, std::string &outTarget, dlrt::cuda::DeviceInfo &outDevice);

/// For which places `compile` makes code; `choice` is one of them. Without a GPU in this machine or
/// in --target, the code is for the oldest one: newer ones run it as well. Says what is wrong, or
/// nothing.
std::string choosePlaces(const CommandLine &line, CompileOptions &compile,
                         dlrt::DeviceChoice &choice);

/// A program in text is compiled for the place where it is to run: the processor, unless a GPU is
/// asked for or, with `auto`, there.
dlrt::Status chooseDevice(const CommandLine &line, CompileOptions &compile,
                          dlrt::RunOptions &options);

/// A line for each GPU.
dlrt::Status listDevices(llvm::raw_ostream &out);

} // namespace dlc

#endif
