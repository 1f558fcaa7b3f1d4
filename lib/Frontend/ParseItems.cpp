//===- ParseItems.cpp - Programs, definitions, statements -------------------------------------===//
#include "ParserImpl.h"
#include "dlc/Frontend/Parser.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringSwitch.h"

using namespace dlc;
using namespace dlc::ast;

std::unique_ptr<Program> dlc::parse(const Sources &sources, uint32_t file,
                                    Diagnostics &diagnostics) {
  return Parser(tokenize(sources, file, diagnostics), diagnostics).parseProgram();
}

StmtPtr dlc::parseSetting(const Sources &sources, uint32_t file, Diagnostics &diagnostics) {
  return Parser(tokenize(sources, file, diagnostics), diagnostics).parseSetting();
}

//===------------------------------------------------------------------------------------------===//
// Tokens
//===------------------------------------------------------------------------------------------===//

bool Parser::accept(llvm::StringRef punctuation) {
  if (!peek().is(punctuation))
    return false;
  take();
  return true;
}

bool Parser::acceptWord(llvm::StringRef word) {
  if (!isWord(word))
    return false;
  take();
  return true;
}

std::nullptr_t Parser::unexpected(const llvm::Twine &wanted) {
  const Token &token = peek();
  if (gaveUp || diagnostics.hasOnLine(token.range, lexed))
    return nullptr;
  std::string found = "'" + token.text.str() + "'";
  if (token.kind == Token::Kind::End)
    found = "the end of the file";
  else if (token.kind == Token::Kind::Newline)
    found = token.text == ";"    ? "';'"
            : token.text.empty() ? "the end of the file"
                                 : "the end of the line";
  diagnostics.error(token.range, "expected " + wanted + ", found " + found);
  return nullptr;
}

bool Parser::expect(llvm::StringRef punctuation, const llvm::Twine &where) {
  if (accept(punctuation))
    return true;
  unexpected("'" + punctuation + "' " + where);
  return false;
}

std::optional<Identifier> Parser::expectName(const llvm::Twine &what) {
  const Token &token = peek();
  if (token.kind != Token::Kind::Identifier) {
    unexpected(what);
    return std::nullopt;
  }
  if (isReserved(token.text)) {
    diagnostics.error(token.range, "'" + token.text + "' is a word of the language, not a name");
    take();
    return std::nullopt;
  }
  take();
  return Identifier{token.text.str(), token.range};
}

void Parser::skipNewlines() {
  while (peek().kind == Token::Kind::Newline)
    take();
}

/// To the end of the statement, over whole { } blocks.
void Parser::skipStatement() {
  unsigned braces = 0;
  while (peek().kind != Token::Kind::End) {
    if (peek().is("}") && braces == 0)
      return;
    if (peek().kind == Token::Kind::Newline && braces == 0)
      return;
    braces += peek().is("{");
    braces -= peek().is("}");
    take();
  }
}

bool Parser::Nested::tooDeep() {
  constexpr unsigned deepest = 200;
  if (parser.depth < deepest)
    return false;
  parser.giveUp("this is nested too deeply");
  return true;
}

bool Parser::link() {
  constexpr unsigned highest = 1000;
  if (++height <= highest)
    return true;
  giveUp("this expression has too many parts: give some of them a name");
  return false;
}

void Parser::giveUp(const llvm::Twine &message) {
  if (!gaveUp)
    diagnostics.error(peek().range, message);
  gaveUp = true;
  understood = false;
  at = tokens.size() - 1;
}

//===------------------------------------------------------------------------------------------===//
// Items
//===------------------------------------------------------------------------------------------===//

// program := (item | newline)*
std::unique_ptr<Program> Parser::parseProgram() {
  auto program = std::make_unique<Program>();
  for (skipNewlines(); peek().kind != Token::Kind::End; skipNewlines()) {
    size_t before = at;
    parseItem(*program);
    if (at == before)
      take();
  }
  program->understood = understood;
  return program;
}

// setting := name ['.' name] '=' expr
StmtPtr Parser::parseSetting() {
  bool dotted = peek(1).is(".") && peek(2).kind == Token::Kind::Identifier;
  if (peek().kind != Token::Kind::Identifier || !peek(dotted ? 3 : 1).is("="))
    return unexpected("a setting, as in 'epochs = 5'");
  auto statement = std::make_unique<Stmt>();
  statement->kind = Stmt::Kind::Let;
  SourceRange begin = peek().range;
  Identifier name{take().text.str(), begin};
  if (dotted) {
    take();
    name.text += "." + take().text.str();
  }
  name.range = since(begin);
  statement->names.push_back(name);
  take();
  if (!(statement->value = parseExpr()))
    return nullptr;
  statement->range = since(begin);
  skipNewlines();
  return peek().kind == Token::Kind::End ? std::move(statement)
                                         : unexpected("the end of the value");
}

// item := 'data' body | 'train' body | 'report' body | ('model' | 'fn' | 'optimizer') function |
// name '=' expr
void Parser::parseItem(Program &program) {
  if (isWord("data"))
    return parseSection(program.data);
  if (isWord("train"))
    return parseSection(program.train);
  if (isWord("report"))
    return parseSection(program.report);
  std::unique_ptr<Function> function;
  if (isWord("model") || isWord("fn") || isWord("optimizer")) {
    auto kind = isWord("model") ? Function::Kind::Model
                : isWord("fn")  ? Function::Kind::Fn
                                : Function::Kind::Optimizer;
    take();
    if ((function = parseFunction(kind)))
      program.functions.push_back(std::move(function));
    return;
  }
  if (peek().kind == Token::Kind::Identifier && peek(1).is("=")) {
    size_t begin = at;
    StmtPtr setting = parseStatement(/*fields=*/false);
    if (!setting)
      skipStatement();
    program.settings.push_back(setting ? std::move(setting) : mistake(begin));
    return;
  }
  Token start = peek();
  understood = false;
  if (accept("}")) {
    diagnostics.error(start.range, "this '}' closes nothing");
    return;
  }
  if (diagnostics.hasOnLine(start.range, lexed))
    return skipStatement();
  static constexpr llvm::StringRef words[] = {"data",      "model", "fn",
                                              "optimizer", "train", "report"};
  Diagnostic &d = diagnostics.error(
      start.range,
      "expected a definition, found '" + start.text + "'" +
          (start.kind == Token::Kind::Identifier ? didYouMean(start.text, words) : ""));
  d.note("a program consists of data, model, fn, optimizer, train and report, and of settings such "
         "as 'hidden = 100'");
  skipStatement();
}

// function := name '(' parameters ')' ['->' type] body
std::unique_ptr<Function> Parser::parseFunction(Function::Kind kind) {
  auto function = std::make_unique<Function>();
  function->kind = kind;
  auto name = expectName("a name");
  if (!name) {
    understood = false;
    return skipStatement(), nullptr;
  }
  function->name = *name;
  function->understood = expect("(", "after the name") && parseParameters(function->parameters) &&
                         (!accept("->") || (function->result = parseType()).has_value());
  if (!function->understood)
    skipStatement();
  else
    function->understood = parseBody(function->body);
  return function;
}

// parameters := [parameter {',' parameter} [',']] ')'      parameter := name [':' type] ['=' expr]
bool Parser::parseParameters(std::vector<Parameter> &parameters) {
  while (!accept(")")) {
    Parameter parameter;
    auto name = expectName("a parameter's name");
    if (!name)
      return false;
    parameter.name = *name;
    if (accept(":") && !(parameter.type = parseType()))
      return false;
    if (accept("=") && !(parameter.defaultValue = parseExpr()))
      return false;
    parameters.push_back(std::move(parameter));
    if (!accept(",") && !peek().is(")")) {
      unexpected("',' or ')' after a parameter");
      return false;
    }
  }
  return true;
}

// section := keyword body
void Parser::parseSection(Section &section) {
  Identifier keyword{peek().text.str(), peek().range};
  take();
  if (section.present)
    diagnostics.error(keyword.range, "a second '" + keyword.text + "'")
        .note("the first is here", section.keyword.range);
  understood &= !section.present;
  section.present = true;
  section.keyword = keyword;
  parseBody(section.body, /*fields=*/keyword.text == "data");
}

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

//===------------------------------------------------------------------------------------------===//
// Statements
//===------------------------------------------------------------------------------------------===//

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
