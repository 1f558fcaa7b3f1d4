//===- Json.cpp -----------------------------------------------------------------------------===//
#include "Json.h"

#include <charconv>
#include <cmath>
#include <cstring>

namespace dlrt {

static const Json nothing;

int64_t Json::integer(int64_t fallback) const {
  constexpr double exact = 9007199254740992.0; // 2^53
  if (!isNumber() || value != std::floor(value) || std::fabs(value) > exact)
    return fallback;
  return static_cast<int64_t>(value);
}

const Json &Json::operator[](const std::string &name) const {
  for (const auto &[key, member] : fields)
    if (key == name)
      return member;
  return nothing;
}

const Json &Json::operator[](size_t index) const {
  return index < elements.size() ? elements[index] : nothing;
}

/// Recursive descent over the text.
class JsonParser {
public:
  explicit JsonParser(const std::string &text) : text(text) {}

  Status run(Json &out) {
    if (!parseValue(out, 0))
      return Status::error("not valid JSON at byte " + std::to_string(at) + ": " + problem,
                           StatusCode::Corrupt);
    skipSpace();
    if (at != text.size())
      return Status::error("not valid JSON at byte " + std::to_string(at) + ": text after the end",
                           StatusCode::Corrupt);
    return Status();
  }

private:
  bool fail(const char *what) {
    if (!problem)
      problem = what;
    return false;
  }
  char peek() const { return at < text.size() ? text[at] : '\0'; }
  void skipSpace() {
    while (at < text.size() && std::strchr(" \t\r\n", text[at]) && text[at])
      ++at;
  }
  bool accept(char c) {
    skipSpace();
    if (peek() != c || at >= text.size())
      return false;
    ++at;
    return true;
  }
  bool word(const char *letters) {
    if (text.compare(at, std::strlen(letters), letters) != 0)
      return fail("unknown word");
    at += std::strlen(letters);
    return true;
  }

  bool parseValue(Json &out, int depth) {
    constexpr int deepest = 64;
    if (depth > deepest)
      return fail("nested too deeply");
    skipSpace();
    switch (peek()) {
    case '{':
      return parseObject(out, depth);
    case '[':
      return parseArray(out, depth);
    case '"':
      out.valueKind = Json::Kind::String;
      return parseString(out.text);
    case 't':
    case 'f':
      out.valueKind = Json::Kind::Bool;
      out.truth = peek() == 't';
      return word(out.truth ? "true" : "false");
    case 'n':
      return word("null");
    default:
      return parseNumber(out);
    }
  }

  bool parseObject(Json &out, int depth) {
    out.valueKind = Json::Kind::Object;
    ++at;
    if (accept('}'))
      return true;
    do {
      skipSpace();
      auto &[key, member] = out.fields.emplace_back();
      if (peek() != '"')
        return fail("expected a name in quotes");
      if (!parseString(key))
        return false;
      if (!accept(':'))
        return fail("expected ':'");
      if (!parseValue(member, depth + 1))
        return false;
    } while (accept(','));
    return accept('}') || fail("expected ',' or '}'");
  }

  bool parseArray(Json &out, int depth) {
    out.valueKind = Json::Kind::Array;
    ++at;
    if (accept(']'))
      return true;
    do {
      if (!parseValue(out.elements.emplace_back(), depth + 1))
        return false;
    } while (accept(','));
    return accept(']') || fail("expected ',' or ']'");
  }

  bool parseNumber(Json &out) {
    size_t begin = at;
    while (at < text.size() && std::strchr("+-.0123456789eE", text[at]) && text[at])
      ++at;
    const char *first = text.data() + begin, *last = text.data() + at;
    auto [end, error] = std::from_chars(first, last, out.value);
    if (begin == at || error != std::errc() || end != last) {
      at = begin;
      return fail("expected a value");
    }
    out.valueKind = Json::Kind::Number;
    return true;
  }

  static void appendUtf8(std::string &out, uint32_t code) {
    if (code < 0x80) {
      out += static_cast<char>(code);
    } else if (code < 0x800) {
      out += static_cast<char>(0xC0 | code >> 6);
      out += static_cast<char>(0x80 | (code & 0x3F));
    } else if (code < 0x10000) {
      out += static_cast<char>(0xE0 | code >> 12);
      out += static_cast<char>(0x80 | (code >> 6 & 0x3F));
      out += static_cast<char>(0x80 | (code & 0x3F));
    } else {
      out += static_cast<char>(0xF0 | code >> 18);
      out += static_cast<char>(0x80 | (code >> 12 & 0x3F));
      out += static_cast<char>(0x80 | (code >> 6 & 0x3F));
      out += static_cast<char>(0x80 | (code & 0x3F));
    }
  }

  bool hex4(uint32_t &out) {
    if (at + 4 > text.size())
      return fail("an escape ends too early");
    auto [end, error] = std::from_chars(text.data() + at, text.data() + at + 4, out, 16);
    if (error != std::errc() || end != text.data() + at + 4)
      return fail("an escape needs four hexadecimal digits");
    at += 4;
    return true;
  }

  bool parseEscape(std::string &out) {
    char c = peek();
    ++at;
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    if (const char *place = c ? std::strchr(from, c) : nullptr) {
      out += to[place - from];
      return true;
    }
    uint32_t code = 0, low = 0;
    if (c != 'u' || !hex4(code))
      return fail("unknown escape");
    if (code >= 0xD800 && code < 0xDC00) { // the first half of a pair
      if (text.compare(at, 2, "\\u") != 0)
        return fail("half a surrogate pair");
      at += 2;
      if (!hex4(low) || low < 0xDC00 || low >= 0xE000)
        return fail("half a surrogate pair");
      code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    }
    if (code >= 0xDC00 && code < 0xE000)
      return fail("half a surrogate pair");
    appendUtf8(out, code);
    return true;
  }

  bool parseString(std::string &out) {
    ++at;
    while (at < text.size() && text[at] != '"') {
      if (static_cast<unsigned char>(text[at]) < 0x20)
        return fail("a control character in a string");
      if (text[at] != '\\') {
        out += text[at++];
        continue;
      }
      ++at;
      if (!parseEscape(out))
        return false;
    }
    if (at >= text.size())
      return fail("a string does not end");
    ++at;
    return true;
  }

  const std::string &text;
  size_t at = 0;
  const char *problem = nullptr;
};

Status Json::parse(const std::string &text, Json &out) {
  out = Json();
  return JsonParser(text).run(out);
}

} // namespace dlrt
