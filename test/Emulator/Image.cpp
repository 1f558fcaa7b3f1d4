//===- Image.cpp - Device code that was compiled for the host ---------------------------------===//
#include "Image.h"
#include "Grid.h"

#include <cerrno>
#include <cstring>
#include <mutex>

#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

using namespace emulator;

namespace {
/// How long the library that starts at `bytes` is; 0 if it is none for this machine. The section
/// headers come last.
size_t sizeOfLibrary(const void *bytes) {
  if (std::strncmp(static_cast<const char *>(bytes), ELFMAG, SELFMAG))
    return 0; // PTX, a text, may be shorter than a header
  Elf64_Ehdr header;
  std::memcpy(&header, bytes, sizeof(header));
  if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_type != ET_DYN ||
      header.e_machine != EM_X86_64 || !header.e_shnum)
    return 0;
  return header.e_shoff + size_t(header.e_shentsize) * header.e_shnum;
}

/// Lets images find the functions of this library, which was probably opened with RTLD_LOCAL.
void exportFunctions() {
  static std::once_flag once;
  std::call_once(once, [] {
    Dl_info self;
    if (dladdr(reinterpret_cast<void *>(&sizeOfLibrary), &self))
      dlopen(self.dli_fname, RTLD_NOW | RTLD_GLOBAL | RTLD_NOLOAD);
  });
}
} // namespace

std::unique_ptr<Image> Image::load(const void *bytes, std::string &error) {
  size_t size = sizeOfLibrary(bytes);
  if (!size) {
    error = "the image is not a shared library for x86-64";
    return nullptr;
  }
  int file = memfd_create("dlc emulator's image", MFD_CLOEXEC);
  const char *from = static_cast<const char *>(bytes);
  size_t written = 0;
  while (file >= 0 && written < size) {
    ssize_t now = write(file, from + written, size - written);
    if (now <= 0)
      break;
    written += now;
  }
  if (written == size)
    return open(file, error);
  error = "the image cannot be written to memory";
  if (file >= 0)
    close(file);
  return nullptr;
}

std::unique_ptr<Image> Image::loadFile(const std::string &path, std::string &error) {
  int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  std::unique_ptr<Image> image = file >= 0 ? open(file, error) : nullptr;
  if (!image)
    error = "'" + path + "' in place of the image: " + (file >= 0 ? error : std::strerror(errno));
  return image;
}

std::unique_ptr<Image> Image::open(int file, std::string &error) {
  exportFunctions();
  void *library = dlopen(("/proc/self/fd/" + std::to_string(file)).c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library)
    return std::unique_ptr<Image>(new Image(library, file));
  error = dlerror();
  close(file);
  return nullptr;
}

Image::~Image() {
  dlclose(library);
  close(file);
}

bool Image::find(const std::string &name, Kernel &kernel) const {
  auto number = [&](const char *suffix, int64_t absent) {
    void *symbol = dlsym(library, (name + suffix).c_str());
    int64_t count = absent;
    if (symbol)
      std::memcpy(&count, symbol, sizeof(count));
    return count;
  };
  int64_t arguments = number(".arguments", -1), maps = number(".maps", 0);
  kernel = {dlsym(library, name.c_str()), static_cast<int>(arguments), static_cast<int>(maps)};
  return kernel.function && arguments >= 0 && arguments <= kMaxArguments && maps >= 0 &&
         maps <= arguments;
}
