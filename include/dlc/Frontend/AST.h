//===- AST.h - A program as it is written -------------------------------------------*- C++ -*-===//
//
// The grammar is in docs/Language.md. Every node carries the range of its text.
//
//===------------------------------------------------------------------------------------------===//
#ifndef DLC_FRONTEND_AST_H
#define DLC_FRONTEND_AST_H

#include "dlc/Frontend/Diagnostics.h"

#include "llvm/Support/Casting.h"

#include <memory>
#include <optional>

namespace dlc::ast {

using llvm::cast;
using llvm::dyn_cast;
using llvm::isa;

struct Identifier {
  std::string text;
  SourceRange range;
};

struct Expr {
  enum class Kind {
    Number,
    String,
    Bool,
    Name,
    Ellipsis,
    Unary,
    Binary,
    Call,
    Subscript,
    Member,
    Tuple,
    Lambda,
    If,
    Mistake
  };
  const Kind kind;
  SourceRange range;

  virtual ~Expr() = default;

protected:
  Expr(Kind kind, SourceRange range) : kind(kind), range(range) {}
};
using ExprPtr = std::unique_ptr<Expr>;

template <typename Derived, Expr::Kind K> struct ExprBase : Expr {
  explicit ExprBase(SourceRange range) : Expr(K, range) {}
  static bool classof(const Expr *expr) { return expr->kind == K; }
};

/// 3, 1e-3, 80%
struct Number : ExprBase<Number, Expr::Kind::Number> {
  using ExprBase::ExprBase;
  double value = 0;
  bool integer = false;
};

struct String : ExprBase<String, Expr::Kind::String> {
  using ExprBase::ExprBase;
  std::string value;
};

struct Bool : ExprBase<Bool, Expr::Kind::Bool> {
  using ExprBase::ExprBase;
  bool value = false;
};

struct Name : ExprBase<Name, Expr::Kind::Name> {
  using ExprBase::ExprBase;
  std::string text;
};

/// `...`, all the other dimensions
struct Ellipsis : ExprBase<Ellipsis, Expr::Kind::Ellipsis> {
  using ExprBase::ExprBase;
};

enum class UnaryOp { Negate, Not };
struct Unary : ExprBase<Unary, Expr::Kind::Unary> {
  using ExprBase::ExprBase;
  UnaryOp op;
  ExprPtr operand;
};

enum class BinaryOp { Or, And, Eq, Ne, Lt, Le, Gt, Ge, Range, Add, Sub, Mul, Div, Matmul, Pow };
llvm::StringRef spelling(BinaryOp op);
struct Binary : ExprBase<Binary, Expr::Kind::Binary> {
  using ExprBase::ExprBase;
  BinaryOp op;
  SourceRange opRange;
  ExprPtr lhs, rhs;
};

struct Argument {
  std::optional<Identifier> name; // for name = value
  ExprPtr value;
};

/// f(x, k = v); `x |> f(y)` is f(x, y)
struct Call : ExprBase<Call, Expr::Kind::Call> {
  using ExprBase::ExprBase;
  ExprPtr callee;
  std::vector<Argument> arguments;
  bool piped = false;
};

/// One of x[i], x[a:b:c], x[:], x[...]
struct SubscriptItem {
  SourceRange range;
  bool slice = false;
  ExprPtr index;             // not a slice
  ExprPtr start, stop, step; // a slice; each may be absent
};
struct Subscript : ExprBase<Subscript, Expr::Kind::Subscript> {
  using ExprBase::ExprBase;
  ExprPtr base;
  std::vector<SubscriptItem> items;
};

/// cubic.a, classify.dense_1.w: a variable of a model
struct Member : ExprBase<Member, Expr::Kind::Member> {
  using ExprBase::ExprBase;
  ExprPtr base;
  Identifier name;
};

/// (a, b) or [a, b]
struct Tuple : ExprBase<Tuple, Expr::Kind::Tuple> {
  using ExprBase::ExprBase;
  std::vector<ExprPtr> elements;
};

/// f32[..., n], class(10), int
struct Type {
  SourceRange range;
  Identifier name;
  bool hasDims = false;
  std::vector<ExprPtr> dims;
  std::vector<Argument> arguments; // class(10)
};

/// What could not be read, and was reported: it stands for any value.
struct Mistake : ExprBase<Mistake, Expr::Kind::Mistake> {
  using ExprBase::ExprBase;
};

struct Parameter {
  Identifier name;
  std::optional<Type> type;
  ExprPtr defaultValue;
};

struct Stmt;
using StmtPtr = std::unique_ptr<Stmt>;
using Block = std::vector<StmtPtr>;

/// fn(x) { ... }
struct Lambda : ExprBase<Lambda, Expr::Kind::Lambda> {
  using ExprBase::ExprBase;
  std::vector<Parameter> parameters;
  Block body;
};

/// if c { ... } else { ... }
struct If : ExprBase<If, Expr::Kind::If> {
  using ExprBase::ExprBase;
  ExprPtr condition;
  Block thenBody, elseBody;
  bool hasElse = false;
};

struct Stmt {
  enum class Kind { Expr, Let, Declare, Update, Repeat };
  Kind kind;
  SourceRange range;
  std::vector<Identifier> names; // Let, Declare, Update (one)
  Identifier keyword;            // Declare: param, state, fit, or empty for a field `name: type`
  std::optional<Type> type;      // Declare
  ExprPtr value;                 // all but a Declare without an initial value; Repeat: the count
  Block body;                    // Repeat
};

inline bool isMistake(const Stmt &statement) {
  return statement.value && isa<Mistake>(statement.value.get());
}

/// model, fn, optimizer
struct Function {
  enum class Kind { Model, Fn, Optimizer };
  Kind kind;
  Identifier name;
  std::vector<Parameter> parameters;
  std::optional<Type> result;
  Block body;
  bool understood = true; // if not, its calls say nothing about their arguments
};

/// data, train, report
struct Section {
  Identifier keyword;
  Block body;
  bool present = false;
};

struct Program {
  std::vector<std::unique_ptr<Function>> functions;
  Block settings; // name = value
  Section data, train, report;
  bool understood = true; // if not, parts may be missing; single statements are there as mistakes
};

/// An indented tree, for --emit=ast.
void print(const Program &program, llvm::raw_ostream &os);

} // namespace dlc::ast

#endif
