//===- HiddenFunctions.cpp - A driver that lacks functions
//--------------------------------------===//
#include "Driver.h"

#include <cstdio>
#include <cstdlib>
#include <sstream>

#include <dlfcn.h>
#include <link.h>
#include <sys/mman.h>
#include <unistd.h>

/// Takes the symbol's address away, which makes it one that another library would have to define.
static void hide(ElfW(Sym) & symbol) {
  uintptr_t page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  uintptr_t start = reinterpret_cast<uintptr_t>(&symbol) / page * page;
  size_t bytes = reinterpret_cast<uintptr_t>(&symbol + 1) - start;
  auto *pages = reinterpret_cast<void *>(start);
  if (mprotect(pages, bytes, PROT_READ | PROT_WRITE) != 0) {
    std::perror("dlc emulator: DLC_EMULATOR_WITHOUT");
    std::abort();
  }
  symbol.st_value = 0;
  symbol.st_shndx = SHN_UNDEF;
  mprotect(pages, bytes, PROT_READ);
}

void emulator::hideFunctions(const std::string &names) {
  Dl_info library;
  void *self = nullptr; // a link map, which is what dlopen() gives as well
  dladdr1(reinterpret_cast<void *>(&hideFunctions), &library, &self, RTLD_DL_LINKMAP);
  std::istringstream words(names);
  for (std::string name; std::getline(words, name, ',');) {
    void *function = dlsym(self, name.c_str()), *symbol = nullptr;
    if (!function || !dladdr1(function, &library, &symbol, RTLD_DL_SYMENT) || !symbol) {
      std::fprintf(stderr, "dlc emulator: DLC_EMULATOR_WITHOUT: there is no %s\n", name.c_str());
      std::abort();
    }
    hide(*static_cast<ElfW(Sym) *>(symbol));
  }
}
