//===- Lexer.cpp -----------------------------------------------------------------------------===//
#include "Lexer.h"

#include "llvm/ADT/StringExtras.h"

#include <cmath>
#include <cstring>

using namespace dlc;

namespace {

class Lexer {
public:
  Lexer(const Sources &sources, uint32_t file, Diagnostics &diagnostics)
      : text(sources.text(file)), file(file), diagnostics(diagnostics) {}

  std::vector<Token> run() {
    if (text.starts_with("\xEF\xBB\xBF"))
      at = 3; // a byte-order mark
    while (at < text.size())
      next();
    push(Token::Kind::Newline, at);
    push(Token::Kind::End, at);
    return std::move(tokens);
  }

private:
  char peek(size_t ahead = 0) const { return at + ahead < text.size() ? text[at + ahead] : '\0'; }
  SourceRange range(size_t begin) const { return {file, uint32_t(begin), uint32_t(at)}; }

  Token &push(Token::Kind kind, size_t begin) {
    Token &token = tokens.emplace_back();
    token.kind = kind;
    token.range = range(begin);
    token.text = text.slice(begin, at);
    return token;
  }

  static bool startsName(char c) { return llvm::isAlpha(c) || c == '_'; }
  static bool continuesName(char c) { return llvm::isAlnum(c) || c == '_'; }

  void next() {
    char c = peek();
    size_t begin = at;
    if (c == '\n' || c == ';') {
      ++at;
      if (brackets == 0 || c == ';')
        push(Token::Kind::Newline, begin);
    } else if (c == ' ' || c == '\t' || c == '\r') {
      ++at;
    } else if (c == '#') {
      skipLine();
    } else if (c == '/' && peek(1) == '/') {
      skipLine();
      diagnostics.error({file, uint32_t(begin), uint32_t(begin + 2)},
                        "a comment starts with '#', not '//'");
    } else if (startsName(c)) {
      name();
    } else if (llvm::isDigit(c) || (c == '.' && llvm::isDigit(peek(1)))) {
      number();
    } else if (c == '"') {
      string();
    } else {
      punctuation();
    }
  }

  void name() {
    size_t begin = at;
    bool foreign = false;
    for (; continuesName(peek()) || (peek() & 0x80); ++at)
      foreign |= (peek() & 0x80) != 0;
    push(Token::Kind::Identifier, begin);
    if (foreign)
      diagnostics.error(range(begin), "a name is made of the letters a to z, digits and '_'");
  }

  void skipLine() {
    while (at < text.size() && peek() != '\n')
      ++at;
  }

  // number := digits ['.' digits] [('e'|'E') ['+'|'-'] digits] ['%']
  void number() {
    size_t begin = at;
    bool integer = true;
    auto digits = [&] {
      while (llvm::isDigit(peek()))
        ++at;
    };
    digits();
    if (peek() == '.' && peek(1) != '.') {
      integer = false;
      ++at;
      digits();
    }
    size_t sign = peek(1) == '+' || peek(1) == '-' ? 2 : 1;
    if ((peek() == 'e' || peek() == 'E') && llvm::isDigit(peek(sign))) {
      integer &= peek(1) != '-'; // 1e4 is whole
      at += sign;
      digits();
    }
    double value = 0;
    if (text.slice(begin, at).getAsDouble(value) || !std::isfinite(value))
      diagnostics.error(range(begin), "this number is too large");
    if (peek() == '%') {
      ++at;
      integer = false;
      value /= 100;
    }
    if (startsName(peek())) {
      while (continuesName(peek()))
        ++at;
      diagnostics.error(range(begin), "a name cannot start with a digit")
          .note("between a number and a name write an operator, such as '*'");
    }
    constexpr double exactlyCounted = 9007199254740992.0; // 2^53
    if (integer && value > exactlyCounted && text.slice(begin, at).contains_insensitive('e'))
      integer = false;
    if (integer && value > exactlyCounted) {
      diagnostics.error(range(begin), "this integer is too large");
      value = 1; // every integer known to the compiler is exact
    }
    Token &token = push(Token::Kind::Number, begin);
    token.number = value;
    token.integer = integer;
  }

  void string() {
    size_t begin = at++;
    std::string value;
    while (at < text.size() && peek() != '"' && peek() != '\n') {
      char c = text[at++];
      if (c == '\\' && at < text.size()) {
        char escaped = text[at++];
        switch (escaped) {
        case 'n':
          c = '\n';
          break;
        case 't':
          c = '\t';
          break;
        case '"':
          c = '"';
          break;
        case '\\':
          c = '\\';
          break;
        default:
          diagnostics.error(range(at - 2), "unknown escape in a string")
              .note("known are \\n, \\t, \\\" and \\\\");
        }
      }
      value += c;
    }
    if (peek() == '"' && at < text.size())
      ++at;
    else
      diagnostics.error(range(begin), "this string does not end").note("add '\"' on the same line");
    push(Token::Kind::String, begin).string = std::move(value);
  }

  /// Behind the next `quote` on this line, or to its end.
  void skipTo(char quote) {
    ++at;
    while (at < text.size() && peek() != quote && peek() != '\n')
      ++at;
    at += at < text.size() && peek() == quote;
  }

  void punctuation() {
    static constexpr llvm::StringLiteral known[] = {
        "...", "..", ".", "|>", "<-", "->", "<=", ">=", "==", "!=", "+", "-", "*", "/",
        "@",   "^",  "(", ")",  "[",  "]",  "{",  "}",  ",",  ":",  "=", "<", ">"};
    llvm::StringRef rest = text.substr(at);
    size_t begin = at;
    for (auto [wrong, hint] :
         {std::pair<llvm::StringRef, llvm::StringRef>{"**", "a power is written '^'"},
          {":=", "a value is named with '='"},
          {"&&", "write 'and'"},
          {"||", "write 'or'"},
          {"+=", "write 'x = x + ...', or 'x <- ...' for a state"}})
      if (rest.starts_with(wrong)) {
        at += wrong.size();
        diagnostics.error(range(begin), "unknown operator '" + wrong + "'").note(hint);
        push(Token::Kind::Punctuation, begin).text = wrong == "**"   ? "^"
                                                     : wrong == ":=" ? "="
                                                                     : "+";
        return;
      }
    for (llvm::StringRef candidate : known)
      if (rest.starts_with(candidate)) {
        at += candidate.size();
        if (candidate == "(" || candidate == "[")
          ++brackets;
        if ((candidate == ")" || candidate == "]") && brackets > 0)
          --brackets;
        // A body inside parentheses has statements again.
        if (candidate == "{") {
          outer.push_back(brackets);
          brackets = 0;
        }
        if (candidate == "}" && !outer.empty()) {
          brackets = outer.back();
          outer.pop_back();
        }
        push(Token::Kind::Punctuation, begin);
        return;
      }
    if (peek() == '\'') {
      skipTo('\'');
      diagnostics.error(range(begin), "a text stands in double quotes");
      push(Token::Kind::String, begin).string = text.slice(begin + 1, at - 1).str();
      return;
    }
    for (auto [wrong, hint] :
         {std::pair<char, llvm::StringRef>{'%', "mod(a, b) is the rest of a division"},
          {'!', "write 'not'"},
          {'?', "a choice is written 'if c { a } else { b }'"}})
      if (peek() == wrong) {
        ++at;
        diagnostics
            .error(range(begin), llvm::Twine("unknown operator '") + llvm::Twine(wrong) + "'")
            .note(hint);
        if (wrong == '%')
          push(Token::Kind::Punctuation, begin).text = "*"; // what follows is read as usual
        return;
      }
    // One message for a run of bytes that mean nothing.
    auto strange = [&] {
      unsigned char c = peek();
      return at < text.size() && (c >= 0x80 || c < 0x20 || std::strchr("!$%&'?\\`~|\x7f", c)) &&
             c != '\n' && c != '\t' && c != '\r';
    };
    ++at;
    while (strange())
      ++at;
    diagnostics.error(range(begin), "this character has no meaning here");
  }

  llvm::StringRef text;
  uint32_t file;
  Diagnostics &diagnostics;
  size_t at = 0;
  unsigned brackets = 0;       // open ( and [ since the last {
  std::vector<unsigned> outer; // the same, outside of each {
  std::vector<Token> tokens;
};

} // namespace

std::vector<Token> dlc::tokenize(const Sources &sources, uint32_t file, Diagnostics &diagnostics) {
  return Lexer(sources, file, diagnostics).run();
}
