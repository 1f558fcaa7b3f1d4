//===- EmulatorKernels.h - Kernels that the emulator's tests run ------------------------------===//
//
// In C++, in the form that the compiler gives its own: arguments are pointers and int64_t, and
// NAME.arguments says how many there are.
//
//===------------------------------------------------------------------------------------------===//
#ifndef EMULATOR_EMULATORKERNELS_H
#define EMULATOR_EMULATORKERNELS_H

#include "DeviceFunctions.h"

#define KERNEL(name, arguments)                                                                    \
  extern "C" const int64_t name##Arguments __asm__(#name ".arguments") = arguments;                \
  extern "C" void name

template <typename T> T *shared() { return static_cast<T *>(emu_shared()); }
inline int thread() { return emu_tid_x(); }
inline int global() { return emu_ctaid_x() * emu_ntid_x() + emu_tid_x(); }

#endif // EMULATOR_EMULATORKERNELS_H
