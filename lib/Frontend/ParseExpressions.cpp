//===- ParseExpressions.cpp - Operators, calls, subscripts -----------------------------------===//
#include "ParserImpl.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringSwitch.h"

using namespace dlc;
using namespace dlc::ast;

bool dlc::isReserved(llvm::StringRef word) {
  return llvm::StringSwitch<bool>(word)
      .Cases({"if", "else", "repeat", "true", "false", "and", "or", "not", "fn", "scan", "yield"},
             true)
      .Default(false);
}

llvm::StringRef ast::spelling(BinaryOp op) {
  static constexpr llvm::StringRef names[] = {
      "or", "and", "==", "!=", "<", "<=", ">", ">=", "..", "+", "-", "*", "/", "@", "^"};
  return names[static_cast<int>(op)];
}

// expr := pipe
ExprPtr Parser::parseExpr() {
  Nested nested(*this);
  if (nested.tooDeep())
    return nullptr;
  return parsePipe();
}

// pipe := or {[newline] '|>' postfix}: the left side becomes the first argument of the right
ExprPtr Parser::parsePipe() {
  ExprPtr left = parseBinary(0);
  while (left) {
    size_t lines = 0;
    while (peek(lines).kind == Token::Kind::Newline && peek(lines).text != ";")
      ++lines;
    if (!peek(lines).is("|>"))
      return left;
    if (!link())
      return nullptr;
    at += lines + 1;
    skipNewlines();
    ExprPtr right = parsePostfix();
    if (!right)
      return nullptr;
    SourceRange range = left->range.to(right->range);
    std::unique_ptr<Call> call;
    if (isa<Call>(right.get()) && !cast<Call>(right.get())->piped) {
      call.reset(cast<Call>(right.release()));
    } else if (isa<Name, Lambda>(right.get())) {
      call = std::make_unique<Call>(right->range);
      call->callee = std::move(right);
    } else {
      diagnostics.error(right->range,
                        "'|>' needs a function on its right, such as 'relu' or 'dense(10)'");
      return nullptr;
    }
    call->range = range;
    call->piped = true;
    call->arguments.insert(call->arguments.begin(), Argument{std::nullopt, std::move(left)});
    left = std::move(call);
  }
  return left;
}

namespace {
struct Operator {
  llvm::StringRef text;
  BinaryOp op;
};
} // namespace

/// Binary operators by level, loosest first. `not` stands between `and` and the comparisons.
static llvm::ArrayRef<Operator> operatorsOf(unsigned level) {
  static constexpr Operator orOps[] = {{"or", BinaryOp::Or}}, andOps[] = {{"and", BinaryOp::And}},
                            compare[] = {{"==", BinaryOp::Eq}, {"!=", BinaryOp::Ne},
                                         {"<=", BinaryOp::Le}, {">=", BinaryOp::Ge},
                                         {"<", BinaryOp::Lt},  {">", BinaryOp::Gt}},
                            range[] = {{"..", BinaryOp::Range}},
                            sum[] = {{"+", BinaryOp::Add}, {"-", BinaryOp::Sub}},
                            product[] = {{"*", BinaryOp::Mul},
                                         {"/", BinaryOp::Div},
                                         {"@", BinaryOp::Matmul}};
  static const llvm::ArrayRef<Operator> levels[] = {orOps, andOps, compare, range, sum, product};
  return levels[level];
}
static constexpr unsigned notLevel = 2, levelCount = 6;

// or := and {'or' and}; and := not {'and' not}; comparison := range [('=='|...) range]; range :=
// sum ['..' sum]; sum := product {('+'|'-') product}; product := unary {('*'|'/'|'@') unary}
ExprPtr Parser::parseBinary(unsigned level) {
  if (level == levelCount)
    return parseUnary();
  auto operand = [&] { return level + 1 == notLevel ? parseNot() : parseBinary(level + 1); };
  ExprPtr left = operand();
  while (left) {
    const Operator *found = nullptr;
    for (const Operator &candidate : operatorsOf(level))
      if (peek().is(candidate.text) || isWord(candidate.text))
        found = &candidate;
    if (!found)
      return left;
    if (!link())
      return nullptr;
    auto binary = std::make_unique<Binary>(left->range);
    binary->op = found->op;
    binary->opRange = take().range;
    skipNewlines();
    binary->lhs = std::move(left);
    if (!(binary->rhs = operand()))
      return nullptr;
    binary->range = binary->lhs->range.to(binary->rhs->range);
    left = std::move(binary);
  }
  return left;
}

// not := 'not' not | comparison
ExprPtr Parser::parseNot() {
  Nested nested(*this);
  if (nested.tooDeep())
    return nullptr;
  if (!isWord("not"))
    return parseBinary(notLevel);
  auto unary = std::make_unique<Unary>(take().range);
  unary->op = UnaryOp::Not;
  if (!(unary->operand = parseNot()))
    return nullptr;
  unary->range = unary->range.to(unary->operand->range);
  return unary;
}

// unary := '-' unary | power
ExprPtr Parser::parseUnary() {
  Nested nested(*this);
  if (nested.tooDeep())
    return nullptr;
  if (accept("+"))
    return parseUnary();
  if (!peek().is("-"))
    return parsePower();
  auto unary = std::make_unique<Unary>(take().range);
  unary->op = UnaryOp::Negate;
  if (!(unary->operand = parseUnary()))
    return nullptr;
  unary->range = unary->range.to(unary->operand->range);
  return unary;
}

// power := postfix ['^' unary]
ExprPtr Parser::parsePower() {
  ExprPtr base = parsePostfix();
  if (!base || !peek().is("^"))
    return base;
  auto binary = std::make_unique<Binary>(base->range);
  binary->op = BinaryOp::Pow;
  binary->opRange = take().range;
  skipNewlines();
  binary->lhs = std::move(base);
  if (!(binary->rhs = parseUnary()))
    return nullptr;
  binary->range = binary->lhs->range.to(binary->rhs->range);
  return binary;
}

// postfix := primary {'(' arguments | '[' subscripts | '.' name}
ExprPtr Parser::parsePostfix() {
  ExprPtr base = parsePrimary();
  while (base) {
    bool call = peek().is("("), subscript = peek().is("["), member = peek().is(".");
    if (!call && !subscript && !member)
      break;
    if (!link())
      return nullptr;
    base = call        ? parseCall(std::move(base))
           : subscript ? parseSubscript(std::move(base))
                       : parseMember(std::move(base));
  }
  return base;
}

ExprPtr Parser::parseMember(ExprPtr base) {
  auto member = std::make_unique<Member>(base->range);
  member->base = std::move(base);
  take();
  auto name = expectName("the name of a parameter");
  if (!name)
    return nullptr;
  member->name = *name;
  member->range = since(member->range);
  return member;
}

ExprPtr Parser::parseCall(ExprPtr callee) {
  auto call = std::make_unique<Call>(callee->range);
  call->callee = std::move(callee);
  take();
  if (!parseArguments(call->arguments))
    return nullptr;
  call->range = since(call->range);
  return call;
}

// arguments := [argument {',' argument} [',']] ')'      argument := [name '='] expr
bool Parser::parseArguments(std::vector<Argument> &arguments) {
  while (!accept(")")) {
    Argument argument;
    if (peek().kind == Token::Kind::Identifier && peek(1).is("=")) {
      argument.name = Identifier{peek().text.str(), peek().range};
      take();
      take();
    }
    if (!(argument.value = parseExpr()))
      return false;
    arguments.push_back(std::move(argument));
    if (!accept(",") && !peek().is(")")) {
      unexpected("',' or ')' after an argument");
      return false;
    }
  }
  return true;
}

// subscripts := item {',' item} ']'
ExprPtr Parser::parseSubscript(ExprPtr base) {
  auto subscript = std::make_unique<Subscript>(base->range);
  subscript->base = std::move(base);
  take();
  do {
    if (!parseSubscriptItem(subscript->items.emplace_back()))
      return nullptr;
  } while (accept(","));
  if (!expect("]", "after a subscript"))
    return nullptr;
  subscript->range = since(subscript->range);
  return subscript;
}

// item := expr | [expr] ':' [expr] [':' [expr]]
bool Parser::parseSubscriptItem(SubscriptItem &item) {
  SourceRange begin = peek().range;
  auto part = [&](ExprPtr &target) {
    if (peek().is(":") || peek().is(",") || peek().is("]"))
      return true;
    return (target = parseExpr()) != nullptr;
  };
  if (!part(item.start))
    return false;
  if (accept(":")) {
    item.slice = true;
    if (!part(item.stop) || (accept(":") && !part(item.step)))
      return false;
  } else if (!item.start) {
    unexpected("an index");
    return false;
  } else {
    item.index = std::move(item.start);
  }
  item.range = since(begin);
  return true;
}
