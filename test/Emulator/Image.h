//===- Image.h - Device code that was compiled for the host -----------------------------------===//
#ifndef EMULATOR_IMAGE_H
#define EMULATOR_IMAGE_H

#include <memory>
#include <string>

namespace emulator {

/// A kernel as an image holds it: `void NAME(arguments...)`, each argument a pointer or an i64, and
/// an i64 `NAME.arguments` that says how many. An i64 `NAME.maps`, where there is one, says how
/// many of the last ones are tensor maps, which are parameters themselves: the function gets
/// pointers.
struct Kernel {
  void *function = nullptr;
  int arguments = 0, maps = 0;
};

/// A shared library in memory. Its functions call those of DeviceFunctions.h.
class Image {
public:
  /// Loads the library whose bytes start at `bytes`. Null if this is no such library, with the
  /// reason in `error`.
  static std::unique_ptr<Image> load(const void *bytes, std::string &error);
  /// The same of the library in a file.
  static std::unique_ptr<Image> loadFile(const std::string &path, std::string &error);
  ~Image();
  /// False if the image has no kernel of that name.
  bool find(const std::string &name, Kernel &kernel) const;

private:
  /// Takes the file, whatever comes of it.
  static std::unique_ptr<Image> open(int file, std::string &error);
  Image(void *library, int file) : library(library), file(file) {}
  void *library;
  int file; // open as long as the library is: its number is the name that dlopen knows it by
};

} // namespace emulator
#endif // EMULATOR_IMAGE_H
