//===- ParseStatements.cpp - Bodies and their statements -------------------------------------===//
#include "ParserImpl.h"

#include "llvm/ADT/StringSwitch.h"

using namespace dlc;
using namespace dlc::ast;

/// Words that other languages begin a statement with, and what stands for them here.
static llvm::StringRef hintFor(llvm::StringRef word) {
  return llvm::StringSwitch<llvm::StringRef>(word)
      .Case("return", "a body's result is its last expression: leave 'return' out")
      .Cases({"let", "var", "const", "auto", "val"}, "a value is named with '=' alone")
      .Cases({"for", "while", "loop"}, "'repeat 3 { ... }' makes its body three times")
      .Cases({"def", "func", "function", "lambda"}, "a function is written 'fn(x) { ... }'")
      .Default("");
}

/// Says that a statement goes on where it should end.
void Parser::foreignWord(const Stmt &statement) {
  auto *name =
      statement.kind == Stmt::Kind::Expr ? llvm::dyn_cast<Name>(statement.value.get()) : nullptr;
  llvm::StringRef hint = name ? hintFor(name->text) : "";
  if (peek().is(","))
    diagnostics.error(peek().range, "several values stand in parentheses, as in 'a, b = (1, 2)'");
  else if (hint.empty())
    unexpected("the end of the statement");
  else
    diagnostics.error(name->range, "'" + name->text + "' is no word of this language").note(hint);
}

/// The statement from token `begin` on, which could not be read: the names that it gives a value
/// have one that nobody knows.
StmtPtr Parser::mistake(size_t begin) const {
  auto statement = std::make_unique<Stmt>();
  statement->kind = Stmt::Kind::Expr;
  statement->range = tokens[begin].range;
  statement->value = std::make_unique<Mistake>(statement->range);
  llvm::StringRef first = tokens[begin].text;
  size_t next = begin + (first == "param" || first == "state" || first == "fit" || first == "let");
  while (tokens[next].kind == Token::Kind::Identifier && !isReserved(tokens[next].text)) {
    statement->names.push_back({tokens[next].text.str(), tokens[next].range});
    if (!tokens[next + 1].is(","))
      break;
    next += 2;
  }
  bool named = tokens[next + 1].is("=") || tokens[next + 1].is(":") || next > begin;
  if (named && !statement->names.empty())
    statement->kind = Stmt::Kind::Let;
  else
    statement->names.clear();
  return statement;
}

// body := '{' {statement newline} '}'
bool Parser::parseBody(Block &body, bool fields) {
  Nested nested(*this);
  if (nested.tooDeep())
    return false;
  SourceRange open = peek().range;
  if (!expect("{", "to open a body")) {
    understood = false;
    skipStatement();
    return false;
  }
  for (skipNewlines(); !peek().is("}"); skipNewlines()) {
    if (peek().kind == Token::Kind::End) {
      understood = false;
      if (!gaveUp)
        diagnostics.error(open, "this '{' is never closed");
      return false;
    }
    size_t before = at;
    StmtPtr statement = parseStatement(fields);
    bool read = statement != nullptr;
    if (!read)
      skipStatement();
    body.push_back(read ? std::move(statement) : mistake(before));
    if (peek().kind != Token::Kind::Newline && !peek().is("}")) {
      if (read)
        foreignWord(*body.back());
      else if (at != before)
        unexpected("the end of the statement");
      skipStatement();
      body.back() = mistake(before);
    }
    if (at == before)
      take();
  }
  take();
  return true;
}

/// True if names stand here, separated by commas, followed by '=', ':' or '<-'.
bool Parser::atNames(llvm::StringRef &follower) const {
  size_t i = 0;
  while (peek(i).kind == Token::Kind::Identifier) {
    const Token &next = peek(i + 1);
    if (next.is("=") || next.is(":") || next.is("<-")) {
      follower = next.text;
      return true;
    }
    if (!next.is(","))
      return false;
    i += 2;
  }
  return false;
}

// statement := declaration | repeat | named | expr
StmtPtr Parser::parseStatement(bool fields) {
  Nested nested(*this);
  if (nested.tooDeep())
    return nullptr;
  bool named = peek(1).kind == Token::Kind::Identifier;
  if ((isWord("param") || isWord("state") || isWord("fit")) && named) {
    Identifier keyword{peek().text.str(), peek().range};
    take();
    return parseDeclaration(keyword);
  }
  if (isWord("repeat"))
    return parseRepeat();
  llvm::StringRef follower;
  if (atNames(follower))
    return parseNamed(fields);
  for (llvm::StringRef sign : {"+", "*", "/", "@", "^"})
    if (peek().is(sign)) {
      diagnostics.error(peek().range, "a line cannot begin with '" + sign + "'")
          .note("where an expression goes on, end the line before with the operator");
      return nullptr;
    }
  auto statement = std::make_unique<Stmt>();
  statement->kind = Stmt::Kind::Expr;
  SourceRange begin = peek().range;
  statement->value = parseExpr();
  statement->range = since(begin);
  return statement->value ? std::move(statement) : nullptr;
}

// declaration := ('param' | 'state' | 'fit') name {',' name} [':' type] ['=' expr]
StmtPtr Parser::parseDeclaration(Identifier keyword) {
  auto statement = std::make_unique<Stmt>();
  statement->kind = Stmt::Kind::Declare;
  statement->keyword = keyword;
  do {
    auto name = expectName("a name");
    if (!name)
      return nullptr;
    statement->names.push_back(*name);
  } while (accept(","));
  if (accept(":") && !(statement->type = parseType()))
    return nullptr;
  if (accept("=") && !(statement->value = parseExpr()))
    return nullptr;
  statement->range = since(keyword.range);
  return statement;
}

// repeat := 'repeat' expr body
StmtPtr Parser::parseRepeat() {
  auto statement = std::make_unique<Stmt>();
  statement->kind = Stmt::Kind::Repeat;
  SourceRange begin = take().range;
  if (!(statement->value = parseExpr()) || !parseBody(statement->body))
    return nullptr;
  statement->range = since(begin);
  return statement;
}

// named := name {',' name} '=' expr | name '<-' expr | name ':' type ['=' expr]
StmtPtr Parser::parseNamed(bool fields) {
  auto statement = std::make_unique<Stmt>();
  SourceRange begin = peek().range;
  do {
    auto name = expectName("a name");
    if (!name)
      return nullptr;
    statement->names.push_back(*name);
  } while (accept(","));
  statement->kind = Stmt::Kind::Let;
  if (peek().is(":")) {
    if (!fields) {
      diagnostics.error(peek().range, "only fields of 'data', parameters and states have a type")
          .note("write 'param' or 'state' in front, or leave the type out");
      return nullptr;
    }
    take();
    statement->kind = Stmt::Kind::Declare;
    if (!(statement->type = parseType()))
      return nullptr;
    if (accept("=") && !(statement->value = parseExpr()))
      return nullptr;
  } else {
    if (peek().is("<-"))
      statement->kind = Stmt::Kind::Update;
    if (statement->kind == Stmt::Kind::Update && statement->names.size() > 1)
      diagnostics.error(peek().range, "'<-' updates one state at a time");
    take();
    if (!(statement->value = parseExpr()))
      return nullptr;
  }
  statement->range = since(begin);
  return statement;
}
