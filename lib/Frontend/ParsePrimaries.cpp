//===- ParsePrimaries.cpp - Values, lists, choices, functions, types -------------------------===//
#include "ParserImpl.h"

using namespace dlc;
using namespace dlc::ast;

// primary := number | string | 'true' | 'false' | name | '...' | '(' ... | '[' ... | if | lambda
ExprPtr Parser::parsePrimary() {
  const Token token = peek();
  switch (token.kind) {
  case Token::Kind::Number: {
    take();
    auto number = std::make_unique<Number>(token.range);
    number->value = token.number;
    number->integer = token.integer;
    return number;
  }
  case Token::Kind::String: {
    take();
    auto string = std::make_unique<String>(token.range);
    string->value = token.string;
    return string;
  }
  case Token::Kind::Identifier: {
    if (token.text == "if")
      return parseIf();
    if (token.text == "fn")
      return parseLambda();
    if (token.text == "true" || token.text == "false") {
      auto boolean = std::make_unique<Bool>(take().range);
      boolean->value = token.text == "true";
      return boolean;
    }
    auto name = expectName("a value");
    if (!name)
      return nullptr;
    auto expr = std::make_unique<ast::Name>(token.range);
    expr->text = name->text;
    return expr;
  }
  default:
    break;
  }
  if (token.is("..."))
    return std::make_unique<Ellipsis>(take().range);
  if (token.is("("))
    return parseParenthesised();
  if (token.is("["))
    return parseList();
  return unexpected("a value");
}

// '(' expr ')' | '(' [expr ',' [expr {',' expr}]] ')'
ExprPtr Parser::parseParenthesised() {
  SourceRange begin = take().range;
  auto tuple = std::make_unique<Tuple>(begin);
  bool comma = false;
  while (!peek().is(")")) {
    ExprPtr element = parseExpr();
    if (!element)
      return nullptr;
    tuple->elements.push_back(std::move(element));
    if (!accept(","))
      break;
    comma = true;
  }
  if (!expect(")", "to close '('"))
    return nullptr;
  if (tuple->elements.size() == 1 && !comma)
    return std::move(tuple->elements.front());
  tuple->range = since(begin);
  return tuple;
}

// '[' [expr {',' expr}] ']'
ExprPtr Parser::parseList() {
  SourceRange begin = take().range;
  auto list = std::make_unique<Tuple>(begin);
  while (!accept("]")) {
    ExprPtr element = parseExpr();
    if (!element)
      return nullptr;
    list->elements.push_back(std::move(element));
    if (!accept(",") && !peek().is("]"))
      return unexpected("',' or ']' in a list");
  }
  list->range = since(begin);
  return list;
}

// if := 'if' expr body ['else' (if | body)]
ExprPtr Parser::parseIf() {
  Nested nested(*this);
  if (nested.tooDeep())
    return nullptr;
  auto result = std::make_unique<If>(take().range);
  if (!(result->condition = parseExpr()))
    return nullptr;
  if (peek().is("=")) {
    diagnostics.error(peek().range, "a comparison is written '==', not '='");
    return nullptr;
  }
  if (!parseBody(result->thenBody))
    return nullptr;
  size_t lines = 0;
  while (peek(lines).kind == Token::Kind::Newline)
    ++lines;
  if (peek(lines).kind == Token::Kind::Identifier && peek(lines).text == "else") {
    at += lines + 1;
    result->hasElse = true;
    if (isWord("if")) {
      auto statement = std::make_unique<Stmt>();
      statement->kind = Stmt::Kind::Expr;
      if (!(statement->value = parseIf()))
        return nullptr;
      statement->range = statement->value->range;
      result->elseBody.push_back(std::move(statement));
    } else if (!parseBody(result->elseBody)) {
      return nullptr;
    }
  }
  result->range = since(result->range);
  return result;
}

// lambda := 'fn' '(' parameters body
ExprPtr Parser::parseLambda() {
  auto lambda = std::make_unique<Lambda>(take().range);
  if (!expect("(", "after 'fn'") || !parseParameters(lambda->parameters) ||
      !parseBody(lambda->body))
    return nullptr;
  lambda->range = since(lambda->range);
  return lambda;
}

// type := name ['[' dim {',' dim} ']'] ['(' arguments]      dim := expr | '...' | '..'
std::optional<Type> Parser::parseType() {
  Type type;
  const Token name = peek();
  if (name.kind != Token::Kind::Identifier) {
    unexpected("a type, such as f32 or f32[3, 4]");
    return std::nullopt;
  }
  take();
  type.name = {name.text.str(), name.range};
  if (accept("[")) {
    type.hasDims = true;
    while (!accept("]")) {
      if (peek().is("..") || peek().is("...")) {
        type.dims.push_back(std::make_unique<Ellipsis>(take().range));
      } else {
        type.dims.push_back(parseExpr());
        if (!type.dims.back())
          return std::nullopt;
      }
      if (!accept(",") && !peek().is("]")) {
        unexpected("',' or ']' in a shape");
        return std::nullopt;
      }
    }
  }
  if (accept("(") && !parseArguments(type.arguments))
    return std::nullopt;
  type.range = since(name.range);
  return type;
}
