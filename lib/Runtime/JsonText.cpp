//===- JsonText.cpp - Values written as JSON ------------------------------------------------===//
#include "JsonText.h"
#include "Utf8.h"

#include <cmath>
#include <cstdio>
#include <cstdlib>

using namespace dlrt;

std::string dlrt::jsonString(const std::string &text) {
  std::string out = "\"";
  for (size_t at = 0, length; at < text.size(); at += length) {
    char c = text[at];
    length = utf8Length(text.data() + at, text.size() - at);
    char buffer[8];
    if (c == '"' || c == '\\')
      out += {'\\', c};
    else if (static_cast<unsigned char>(c) < 0x20) {
      snprintf(buffer, sizeof(buffer), "\\u%04x", c);
      out += buffer;
    } else if (length == 0) {
      out += "\\ufffd"; // JSON has no other bytes than those of characters
      length = 1;
    } else
      out.append(text, at, length);
  }
  return out + "\"";
}

std::string dlrt::jsonNumber(double value) {
  if (!std::isfinite(value))
    return "null";
  char buffer[40];
  for (int digits : {6, 9, 15, 16, 17}) {
    snprintf(buffer, sizeof(buffer), "%.*g", digits, value);
    if (strtod(buffer, nullptr) == value)
      break;
  }
  return buffer;
}
