//===- JsonText.cpp - Values written as JSON ------------------------------------------------===//
#include "JsonText.h"

#include <cmath>
#include <cstdio>
#include <cstdlib>

using namespace dlrt;

std::string dlrt::jsonString(const std::string &text) {
  std::string out = "\"";
  for (char c : text) {
    unsigned char byte = static_cast<unsigned char>(c);
    char buffer[8];
    if (c == '"' || c == '\\')
      out += {'\\', c};
    else if (byte < 0x20) {
      snprintf(buffer, sizeof(buffer), "\\u%04x", byte);
      out += buffer;
    } else
      out += c;
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
