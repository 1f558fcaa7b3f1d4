//===- JsonText.h - Values written as JSON --------------------------------------------------===//
#ifndef DLRT_JSONTEXT_H
#define DLRT_JSONTEXT_H

#include <string>

namespace dlrt {

/// `text` in quotes, escaped. Bytes from 0x80 pass as they are (UTF-8).
std::string jsonString(const std::string &text);

/// `value` in the fewest digits that read back as the same number; null where it is not finite.
std::string jsonNumber(double value);

} // namespace dlrt
#endif // DLRT_JSONTEXT_H
