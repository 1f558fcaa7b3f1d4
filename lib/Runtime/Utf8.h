//===- Utf8.h - Which bytes are text --------------------------------------------------------===//
#ifndef DLRT_UTF8_H
#define DLRT_UTF8_H

#include <cstddef>
#include <cstdint>

namespace dlrt {

/// How many bytes the character at `text` has, of the `left` that there are; 0 if they are none in
/// UTF-8.
inline size_t utf8Length(const char *text, size_t left) {
  auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  if (left == 0 || byte(0) < 0x80)
    return left ? 1 : 0;
  size_t length = byte(0) >= 0xF0 ? 4 : byte(0) >= 0xE0 ? 3 : 2;
  if (byte(0) < 0xC2 || byte(0) > 0xF4 || length > left)
    return 0;
  for (size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xC0) != 0x80)
      return 0;
  // Longer than needed, half of a surrogate pair, or past the last character.
  bool wrong = (byte(0) == 0xE0 && byte(1) < 0xA0) || (byte(0) == 0xED && byte(1) > 0x9F) ||
               (byte(0) == 0xF0 && byte(1) < 0x90) || (byte(0) == 0xF4 && byte(1) > 0x8F);
  return wrong ? 0 : length;
}

} // namespace dlrt
#endif // DLRT_UTF8_H
