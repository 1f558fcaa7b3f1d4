//===- Lexer.h - Text to tokens -----------------------------------------------------*- C++ -*-===//
#ifndef DLC_LIB_FRONTEND_LEXER_H
#define DLC_LIB_FRONTEND_LEXER_H

#include "dlc/Frontend/Diagnostics.h"

namespace dlc {

struct Token {
  enum class Kind { End, Newline, Number, String, Identifier, Punctuation };
  Kind kind;
  SourceRange range;
  llvm::StringRef text;
  double number = 0;    // Number
  bool integer = false; // Number
  std::string string;   // String, without quotes and escapes

  bool is(llvm::StringRef punctuation) const {
    return kind == Kind::Punctuation && text == punctuation;
  }
};

/// All tokens of a source; the last is End. Newlines inside ( ) and [ ] are left out.
std::vector<Token> tokenize(const Sources &sources, uint32_t file, Diagnostics &diagnostics);

} // namespace dlc

#endif
