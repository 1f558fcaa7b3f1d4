//===- ASTPrinter.cpp - --emit=ast ------------------------------------------------------------===//
#include "dlc/Frontend/AST.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVectorExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"

using namespace dlc;
using namespace dlc::ast;

namespace {

class Printer {
public:
  explicit Printer(llvm::raw_ostream &os) : os(os) {}

  void print(const Program &program) {
    for (const StmtPtr &setting : program.settings)
      print(*setting);
    for (const auto &function : program.functions)
      print(*function);
    for (const Section *section : {&program.data, &program.train, &program.report})
      if (section->present) {
        line() << section->keyword.text << '\n';
        print(section->body);
      }
  }

private:
  llvm::raw_ostream &line() { return os.indent(2 * depth); }

  void print(const Function &function) {
    static constexpr llvm::StringRef kinds[] = {"model", "fn", "optimizer"};
    line() << kinds[static_cast<int>(function.kind)] << ' ' << function.name.text << '\n';
    ++depth;
    for (const Parameter &parameter : function.parameters)
      print(parameter);
    if (function.result)
      line() << "-> " << text(*function.result) << '\n';
    --depth;
    print(function.body);
  }

  void print(const Parameter &parameter) {
    line() << "parameter " << parameter.name.text;
    if (parameter.type)
      os << ": " << text(*parameter.type);
    if (parameter.defaultValue)
      os << " = " << text(*parameter.defaultValue);
    os << '\n';
  }

  void print(const Block &block) {
    ++depth;
    for (const StmtPtr &statement : block)
      print(*statement);
    --depth;
  }

  void print(const Stmt &statement) {
    auto names = [&] {
      llvm::interleaveComma(statement.names, os, [&](auto &n) { os << n.text; });
    };
    line();
    switch (statement.kind) {
    case Stmt::Kind::Expr:
      os << text(*statement.value);
      break;
    case Stmt::Kind::Let:
      names();
      os << " = " << text(*statement.value);
      break;
    case Stmt::Kind::Update:
      names();
      os << " <- " << text(*statement.value);
      break;
    case Stmt::Kind::Declare:
      os << (statement.keyword.text.empty() ? "field" : statement.keyword.text) << ' ';
      names();
      if (statement.type)
        os << ": " << text(*statement.type);
      if (statement.value)
        os << " = " << text(*statement.value);
      break;
    case Stmt::Kind::Repeat:
      os << "repeat " << text(*statement.value) << '\n';
      print(statement.body);
      return;
    }
    os << '\n';
    if (statement.value)
      printBodies(*statement.value);
  }

  /// The bodies of an if or a lambda stand below its line.
  void printBodies(const Expr &expr) {
    if (auto *choice = dyn_cast<If>(&expr)) {
      print(choice->thenBody);
      if (choice->hasElse) {
        line() << "else\n";
        print(choice->elseBody);
      }
    }
    if (auto *lambda = dyn_cast<Lambda>(&expr))
      print(lambda->body);
  }

  std::string text(const Type &type) {
    std::string result = type.name.text;
    if (type.hasDims)
      result += "[" + join(type.dims) + "]";
    if (!type.arguments.empty())
      result += "(" + join(type.arguments) + ")";
    return result;
  }

  // Texts are made first: llvm::join looks at each element twice, which doubles with every level.
  std::string join(const std::vector<ExprPtr> &exprs) {
    return llvm::join(llvm::map_to_vector(exprs, [&](auto &e) { return text(*e); }), ", ");
  }

  std::string join(const std::vector<Argument> &arguments) {
    auto texts = llvm::map_to_vector(
        arguments, [&](auto &a) { return (a.name ? a.name->text + " = " : "") + text(*a.value); });
    return llvm::join(texts, ", ");
  }

  std::string text(const Expr &expr) {
    auto part = [&](const ExprPtr &e) { return e ? text(*e) : std::string(); };
    switch (expr.kind) {
    case Expr::Kind::Number: {
      std::string result;
      llvm::raw_string_ostream(result) << llvm::format("%.17g", cast<Number>(&expr)->value);
      return result;
    }
    case Expr::Kind::String:
      return "\"" + cast<String>(&expr)->value + "\"";
    case Expr::Kind::Bool:
      return cast<Bool>(&expr)->value ? "true" : "false";
    case Expr::Kind::Name:
      return cast<Name>(&expr)->text;
    case Expr::Kind::Ellipsis:
      return "...";
    case Expr::Kind::Unary: {
      auto *unary = cast<Unary>(&expr);
      return (unary->op == UnaryOp::Negate ? "(-" : "(not ") + text(*unary->operand) + ")";
    }
    case Expr::Kind::Binary: {
      auto *binary = cast<Binary>(&expr);
      return "(" + text(*binary->lhs) + " " + spelling(binary->op).str() + " " +
             text(*binary->rhs) + ")";
    }
    case Expr::Kind::Call: {
      auto *call = cast<Call>(&expr);
      return text(*call->callee) + "(" + join(call->arguments) + ")";
    }
    case Expr::Kind::Subscript: {
      auto *subscript = cast<Subscript>(&expr);
      auto items = llvm::map_to_vector(subscript->items, [&](const SubscriptItem &item) {
        if (!item.slice)
          return part(item.index);
        return part(item.start) + ":" + part(item.stop) + (item.step ? ":" + part(item.step) : "");
      });
      return text(*subscript->base) + "[" + llvm::join(items, ", ") + "]";
    }
    case Expr::Kind::Member: {
      auto *member = cast<Member>(&expr);
      return text(*member->base) + "." + member->name.text;
    }
    case Expr::Kind::Tuple:
      return "(" + join(cast<Tuple>(&expr)->elements) + ")";
    case Expr::Kind::Lambda:
      return "fn";
    case Expr::Kind::Mistake:
      return "?";
    case Expr::Kind::If:
      return "if " + text(*cast<If>(&expr)->condition);
    }
    return "";
  }

  llvm::raw_ostream &os;
  unsigned depth = 0;
};

} // namespace

void ast::print(const Program &program, llvm::raw_ostream &os) { Printer(os).print(program); }
