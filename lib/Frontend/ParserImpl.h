//===- ParserImpl.h - Recursive descent over the tokens -----------------------------*- C++ -*-===//
//
// ParseItems.cpp: programs, definitions. ParseStatements.cpp: bodies. ParseExpressions.cpp:
// operators, calls, subscripts. ParsePrimaries.cpp: what they begin with, and types. A parse
// function reports what is wrong itself and returns null; its caller skips to the next statement,
// so that one mistake gives one message and the next ones are still found.
//
//===------------------------------------------------------------------------------------------===//
#ifndef DLC_LIB_FRONTEND_PARSERIMPL_H
#define DLC_LIB_FRONTEND_PARSERIMPL_H

#include "Lexer.h"
#include "dlc/Frontend/AST.h"

namespace dlc {

class Parser {
public:
  Parser(std::vector<Token> tokens, Diagnostics &diagnostics)
      : tokens(std::move(tokens)), diagnostics(diagnostics), lexed(diagnostics.count()) {}

  std::unique_ptr<ast::Program> parseProgram();
  ast::StmtPtr parseSetting();

private:
  //===--- Items and statements ---===//
  void parseItem(ast::Program &program);
  std::unique_ptr<ast::Function> parseFunction(ast::Function::Kind kind);
  void parseSection(ast::Section &section);
  bool parseParameters(std::vector<ast::Parameter> &parameters);
  void foreignWord(const ast::Stmt &statement);
  ast::StmtPtr mistake(size_t begin) const;
  bool parseBody(ast::Block &body, bool fields = false);
  ast::StmtPtr parseStatement(bool fields);
  ast::StmtPtr parseDeclaration(ast::Identifier keyword);
  ast::StmtPtr parseRepeat();
  ast::StmtPtr parseNamed(bool fields);
  bool atNames(llvm::StringRef &follower) const;

  //===--- Expressions and types ---===//
  ast::ExprPtr parseExpr();
  ast::ExprPtr parsePipe();
  ast::ExprPtr parseBinary(unsigned level);
  ast::ExprPtr parseNot();
  ast::ExprPtr parseUnary();
  ast::ExprPtr parsePower();
  ast::ExprPtr parsePostfix();
  ast::ExprPtr parsePrimary();
  ast::ExprPtr parseParenthesised();
  ast::ExprPtr parseList();
  ast::ExprPtr parseIf();
  ast::ExprPtr parseLambda();
  ast::ExprPtr parseCall(ast::ExprPtr callee);
  ast::ExprPtr parseSubscript(ast::ExprPtr base);
  ast::ExprPtr parseMember(ast::ExprPtr base);
  bool parseSubscriptItem(ast::SubscriptItem &item);
  bool parseArguments(std::vector<ast::Argument> &arguments);
  std::optional<ast::Type> parseType();

  //===--- Tokens ---===//
  const Token &peek(size_t ahead = 0) const {
    return tokens[std::min(at + ahead, tokens.size() - 1)];
  }
  const Token &take() { return tokens[at + 1 < tokens.size() ? at++ : at]; }
  bool accept(llvm::StringRef punctuation);
  bool acceptWord(llvm::StringRef word);
  bool isWord(llvm::StringRef word) const {
    return peek().kind == Token::Kind::Identifier && peek().text == word;
  }
  /// Takes the punctuation or reports what stands in its place.
  bool expect(llvm::StringRef punctuation, const llvm::Twine &where);
  std::optional<ast::Identifier> expectName(const llvm::Twine &what);
  std::nullptr_t unexpected(const llvm::Twine &wanted);
  void skipNewlines();
  void skipStatement();
  SourceRange since(SourceRange begin) const { return begin.to(tokens[at ? at - 1 : 0].range); }

  /// Counts nesting, so that no input exhausts the stack: of the parser's own calls, and of what
  /// walks over the tree, which a chain such as 1 + 1 + 1 + ... makes higher by one with each link.
  struct Nested {
    explicit Nested(Parser &parser) : parser(parser), outside(parser.height) {
      ++parser.depth;
      parser.height = 0;
    }
    ~Nested() {
      --parser.depth;
      parser.height = std::max(outside, parser.height + 1);
    }
    bool tooDeep();
    Parser &parser;
    unsigned outside; // the height of what was parsed beside this
  };
  /// Counts a link of a chain; false if there are too many.
  bool link();
  /// Reports that this cannot be read to its end.
  void giveUp(const llvm::Twine &message);

  std::vector<Token> tokens;
  Diagnostics &diagnostics;
  size_t lexed; // diagnostics of the lexer: what a line with one does not mean follows from it
  size_t at = 0;
  unsigned depth = 0;  // of the calls
  unsigned height = 0; // of the tree that is being made, from the innermost Nested on
  bool gaveUp = false; // whatever follows would only repeat it
  bool understood = true;
};

/// Words that cannot name a value.
bool isReserved(llvm::StringRef word);

} // namespace dlc

#endif
