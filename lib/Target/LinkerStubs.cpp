//===- LinkerStubs.cpp - What lld could do and never does here --------------------------------===//
//
// lld refers to link-time optimization, and through it to every target and every pass of LLVM: 90
// MB of code for bitcode files that it never gets from us. In a static binary these definitions
// stand in for it, and the archives' are left out. Linked to the shared LLVM, nothing is lacking.
//
//===------------------------------------------------------------------------------------------===//
#ifdef DLC_STATIC

#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/Compiler.h"

#include <cstdlib>
#include <memory>

// lld initializes all targets; x86 and NVPTX are those that this compiler uses.
#define OTHER_TARGETS(name)                                                                        \
  name(AArch64) name(AMDGPU) name(ARM) name(AVR) name(BPF) name(Hexagon) name(Lanai)               \
      name(LoongArch) name(M68k) name(MSP430) name(Mips) name(PowerPC) name(RISCV) name(SPIRV)     \
          name(Sparc) name(SystemZ) name(VE) name(WebAssembly) name(XCore) name(Xtensa)
#define STUB(target)                                                                               \
  extern "C" void LLVMInitialize##target##Target() {}                                              \
  extern "C" void LLVMInitialize##target##TargetInfo() {}                                          \
  extern "C" void LLVMInitialize##target##TargetMC() {}                                            \
  extern "C" void LLVMInitialize##target##AsmParser() {}                                           \
  extern "C" void LLVMInitialize##target##AsmPrinter() {}
OTHER_TARGETS(STUB)

// lld::elf::BitcodeCompiler, which is made for every link but gets no files.
extern "C" void makeCompiler(void *) asm("_ZN3lld3elf15BitcodeCompilerC1ERNS0_3CtxE");
extern "C" void endCompiler(void *) asm("_ZN3lld3elf15BitcodeCompilerD1Ev");
void makeCompiler(void *) {}
void endCompiler(void *) {}
llvm::SmallVector<std::unique_ptr<int>, 0>
compile(void *) asm("_ZN3lld3elf15BitcodeCompiler7compileEv");
llvm::SmallVector<std::unique_ptr<int>, 0> compile(void *) { return {}; }

// Only for bitcode files.
#define NEVER(number, symbol)                                                                      \
  extern "C" void never##number() asm(symbol);                                                     \
  void never##number() { abort(); }
NEVER(1, "_ZN3lld3elf15BitcodeCompiler3addERNS0_11BitcodeFileE")
NEVER(2, "_ZN4llvm3lto9InputFile6createENS_15MemoryBufferRefE")
NEVER(3, "_ZN4llvm3lto9InputFileD1Ev")
NEVER(4, "_ZN4llvm3lto3LTO24getRuntimeLibcallSymbolsERKNS_6TripleE")

#endif
