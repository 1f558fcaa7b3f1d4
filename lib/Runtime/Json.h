//===- Json.h - Reading JSON ----------------------------------------------------------------===//
#ifndef DLRT_JSON_H
#define DLRT_JSON_H

#include "Status.h"

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace dlrt {

/// A JSON value. Looking up what is not there gives null, so that chains of look-ups need no checks
/// in between.
class Json {
public:
  enum class Kind { Null, Bool, Number, String, Array, Object };

  /// Parses a text. A mistake is described with its offset.
  static Status parse(const std::string &text, Json &out);

  Kind kind() const { return valueKind; }
  bool isNull() const { return valueKind == Kind::Null; }
  bool isArray() const { return valueKind == Kind::Array; }
  bool isObject() const { return valueKind == Kind::Object; }
  bool isString() const { return valueKind == Kind::String; }
  bool isNumber() const { return valueKind == Kind::Number; }

  bool boolean(bool fallback = false) const { return valueKind == Kind::Bool ? truth : fallback; }
  double number(double fallback = 0) const { return isNumber() ? value : fallback; }
  /// A number that is a whole one within 2^53, else `fallback`.
  int64_t integer(int64_t fallback = 0) const;
  const std::string &string() const { return text; }
  const std::vector<Json> &array() const { return elements; }
  /// Members in the order of the text.
  const std::vector<std::pair<std::string, Json>> &members() const { return fields; }
  const Json &operator[](const std::string &name) const;
  const Json &operator[](size_t index) const;

private:
  friend class JsonParser;
  Kind valueKind = Kind::Null;
  bool truth = false;
  double value = 0;
  std::string text;
  std::vector<Json> elements;
  std::vector<std::pair<std::string, Json>> fields;
};

} // namespace dlrt
#endif // DLRT_JSON_H
