//===- ParseItems.cpp - Tokens, programs, definitions ----------------------------------------===//
#include "ParserImpl.h"
#include "dlc/Frontend/Parser.h"

#include "llvm/ADT/ArrayRef.h"

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
