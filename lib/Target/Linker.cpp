//===- Linker.cpp - lld as a library ----------------------------------------------------------===//
#include "dlc/Target/Linker.h"

#include "lld/Common/CommonLinkerContext.h"
#include "lld/Common/Driver.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

#include <link.h>

using namespace dlc;

LLD_HAS_DRIVER(elf)

// The runtime as one relocatable object, made by lib/CMakeLists.txt.
asm(R"(
  .pushsection .rodata, "a", @progbits
  .balign 64
dlc_runtime_object:
  .incbin ")" DLC_RUNTIME_OBJECT R"("
dlc_runtime_object_end:
  .popsection
)");
extern "C" const char dlc_runtime_object[], dlc_runtime_object_end[];

static llvm::Error failure(const llvm::Twine &message) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), message);
}

/// A file with these bytes that goes when this does.
static llvm::Error writeTemporary(llvm::StringRef suffix, llvm::ArrayRef<char> bytes,
                                  llvm::SmallString<128> &path, llvm::FileRemover &remover) {
  int file;
  if (std::error_code problem = llvm::sys::fs::createTemporaryFile("dlc", suffix, file, path))
    return failure("cannot make a temporary file: " + problem.message());
  remover.setFile(path);
  llvm::raw_fd_ostream os(file, /*shouldClose=*/true);
  os.write(bytes.data(), bytes.size());
  os.close();
  if (!os.has_error())
    return llvm::Error::success();
  std::error_code problem = os.error();
  os.clear_error();
  return failure("cannot write '" + path + "': " + problem.message());
}

/// The C library's files that this process runs with: linked against, so that the new library names
/// them and the versions of their symbols.
static std::vector<std::string> systemLibraries() {
  std::vector<std::string> found;
  dl_iterate_phdr(
      [](dl_phdr_info *info, size_t, void *out) {
        llvm::StringRef path = info->dlpi_name;
        for (llvm::StringRef name : {"/libc.so.", "/libm.so.", "/ld-linux"})
          if (path.contains(name))
            static_cast<std::vector<std::string> *>(out)->push_back(path.str());
        return 0;
      },
      &found);
  return found;
}

static llvm::Error runLinker(const std::vector<std::string> &arguments, llvm::StringRef output) {
  std::vector<const char *> words{"ld.lld", "-shared", "--build-id=none"};
  for (const std::string &argument : arguments)
    words.push_back(argument.c_str());
  std::string messages;
  llvm::raw_string_ostream os(messages);
  bool linked = lld::elf::link(words, os, os, /*exitEarly=*/false, /*disableOutput=*/false);
  lld::CommonLinkerContext::destroy();
  return linked ? llvm::Error::success() : failure("cannot link '" + output + "': " + messages);
}

llvm::Error dlc::linkSharedLibrary(llvm::ArrayRef<char> object, llvm::StringRef path) {
  static const char exports[] = "{ global: dl_program; dlrt_*; local: *; };\n";
  llvm::ArrayRef<char> inputs[] = {
      object,
      {dlc_runtime_object, static_cast<size_t>(dlc_runtime_object_end - dlc_runtime_object)},
      {exports, sizeof(exports) - 1}};
  llvm::SmallString<128> names[3];
  llvm::FileRemover removers[3];
  for (int i = 0; i < 3; ++i)
    if (llvm::Error error = writeTemporary(i < 2 ? "o" : "ld", inputs[i], names[i], removers[i]))
      return error;
  std::vector<std::string> arguments = {
      "-o", path.str(), names[0].str().str(), names[1].str().str(),
      ("--version-script=" + names[2]).str(), "--gc-sections", "-Bsymbolic", "--eh-frame-hdr",
      "--strip-all",
      // Everything is bound at once, so that a missing function is found by dlopen.
      "-z", "now", "-z", "defs", "--as-needed"};
  for (const std::string &library : systemLibraries())
    arguments.push_back(library);
  return runLinker(arguments, path);
}

llvm::Expected<llvm::SmallVector<char, 0>> dlc::linkImage(llvm::ArrayRef<char> object) {
  llvm::SmallString<128> input, output;
  llvm::FileRemover removers[2];
  if (llvm::Error error = writeTemporary("o", object, input, removers[0]))
    return std::move(error);
  if (llvm::Error error = writeTemporary("so", {}, output, removers[1]))
    return std::move(error);
  if (llvm::Error error = runLinker({"-o", output.str().str(), input.str().str()}, output))
    return std::move(error);
  auto linked = llvm::MemoryBuffer::getFile(output, /*IsText=*/false,
                                            /*RequiresNullTerminator=*/false);
  if (!linked)
    return failure("cannot read '" + output + "': " + linked.getError().message());
  llvm::StringRef bytes = (*linked)->getBuffer();
  return llvm::SmallVector<char, 0>(bytes.begin(), bytes.end());
}
