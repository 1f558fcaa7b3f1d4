//===- CheckNames.cpp - Unknown names where nothing is elaborated -----------------------------===//
//
// What is never called, or stands behind a mistake, is not elaborated. Its names are checked all
// the same: a name must be one that the function binds anywhere, or one that is known everywhere.
//
//===------------------------------------------------------------------------------------------===//
#include "Elaborator.h"

#include "llvm/ADT/StringSet.h"

using namespace mlir;

namespace dlc {

namespace {

/// Calls `see` for each name that is used, and `bind` for each that is bound.
class NameVisitor {
public:
  NameVisitor(llvm::function_ref<void(const ast::Name &)> see,
              llvm::function_ref<void(StringRef)> bind)
      : see(see), bind(bind) {}

  void visit(const std::vector<ast::Parameter> &parameters) {
    for (const ast::Parameter &parameter : parameters) {
      bind(parameter.name.text);
      if (parameter.type)
        for (const ast::ExprPtr &dim : parameter.type->dims)
          if (auto *name = llvm::dyn_cast<ast::Name>(dim.get()))
            bind(name->text);
      visit(parameter.defaultValue.get());
    }
  }

  void visit(const ast::Block &block) {
    for (const ast::StmtPtr &statement : block) {
      if (statement->kind != ast::Stmt::Kind::Update)
        for (const ast::Identifier &name : statement->names)
          bind(name.text);
      visit(statement->value.get());
      visit(statement->body);
    }
  }

  void visit(const ast::Expr *expr) {
    if (!expr)
      return;
    switch (expr->kind) {
    case ast::Expr::Kind::Name:
      return see(*llvm::cast<ast::Name>(expr));
    case ast::Expr::Kind::Unary:
      return visit(llvm::cast<ast::Unary>(expr)->operand.get());
    case ast::Expr::Kind::Binary:
      visit(llvm::cast<ast::Binary>(expr)->lhs.get());
      return visit(llvm::cast<ast::Binary>(expr)->rhs.get());
    case ast::Expr::Kind::Call:
      visit(llvm::cast<ast::Call>(expr)->callee.get());
      for (const ast::Argument &argument : llvm::cast<ast::Call>(expr)->arguments)
        visit(argument.value.get());
      return;
    case ast::Expr::Kind::Subscript:
      visit(llvm::cast<ast::Subscript>(expr)->base.get());
      for (const ast::SubscriptItem &item : llvm::cast<ast::Subscript>(expr)->items)
        for (const ast::ExprPtr *part : {&item.index, &item.start, &item.stop, &item.step})
          visit(part->get());
      return;
    case ast::Expr::Kind::Tuple:
      for (const ast::ExprPtr &element : llvm::cast<ast::Tuple>(expr)->elements)
        visit(element.get());
      return;
    case ast::Expr::Kind::Lambda:
      visit(llvm::cast<ast::Lambda>(expr)->parameters);
      return visit(llvm::cast<ast::Lambda>(expr)->body);
    case ast::Expr::Kind::If:
      visit(llvm::cast<ast::If>(expr)->condition.get());
      visit(llvm::cast<ast::If>(expr)->thenBody);
      return visit(llvm::cast<ast::If>(expr)->elseBody);
    case ast::Expr::Kind::Number:
    case ast::Expr::Kind::String:
    case ast::Expr::Kind::Bool:
    case ast::Expr::Kind::Ellipsis:
    case ast::Expr::Kind::Mistake:
    case ast::Expr::Kind::Member: // of a model
      return;
    }
  }

private:
  llvm::function_ref<void(const ast::Name &)> see;
  llvm::function_ref<void(StringRef)> bind;
};

} // namespace

void Elaborator::checkNames() {
  std::vector<std::string> everywhere = visibleNames(global);
  everywhere.push_back("grad_norm");
  auto check = [&](std::vector<std::string> known,
                   llvm::function_ref<void(NameVisitor &)> visitAll) {
    auto bind = [&](StringRef name) { known.push_back(name.str()); };
    auto nothing = [](const ast::Name &) {};
    NameVisitor binder(nothing, bind);
    visitAll(binder);
    llvm::StringSet<> names;
    for (const std::string &name : known)
      names.insert(name);
    auto see = [&](const ast::Name &name) {
      if (!names.contains(name.text))
        unknownName(name, known);
    };
    auto ignore = [](StringRef) {};
    NameVisitor checker(see, ignore);
    visitAll(checker);
  };
  for (const auto &setting : settings)
    check(everywhere, [&](NameVisitor &visitor) { visitor.visit(setting.second); });
  for (const auto &function : program.functions) {
    std::vector<std::string> known(everywhere);
    if (function->kind == ast::Function::Kind::Optimizer)
      known.insert(known.end(), {"param", "grad"});
    check(known, [&](NameVisitor &visitor) {
      visitor.visit(function->parameters);
      visitor.visit(function->body);
    });
  }
}

} // namespace dlc
