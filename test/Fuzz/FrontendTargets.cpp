//===- FrontendTargets.cpp - Readers of programs --------------------------------------------===//
#include "Targets.h"

#include "Lexer.h"
#include "dlc/Driver/Pipeline.h"
#include "dlc/Frontend/Elaborate.h"
#include "dlc/Frontend/Parser.h"

#include "mlir/IR/BuiltinOps.h"

using namespace dlc;

static llvm::StringRef textOf(const uint8_t *data, size_t size) {
  return {reinterpret_cast<const char *>(data), size};
}

/// Renders what is wrong; nothing of the compiler's inside may be in it.
static void renderAll(const Diagnostics &diagnostics, llvm::StringRef program) {
  std::string text;
  llvm::raw_string_ostream os(text);
  diagnostics.render(os);
  for (llvm::StringRef inner : {"tensor<", "mlir", "dl.", "loc("})
    if (!program.contains(inner) && llvm::StringRef(text).contains(inner))
      abort();
}

void fuzzLexer(const uint8_t *data, size_t size) {
  Sources sources;
  uint32_t file = sources.add("fuzz.dl", textOf(data, size));
  Diagnostics diagnostics(sources);
  std::vector<Token> tokens = tokenize(sources, file, diagnostics);
  if (tokens.empty() || tokens.back().kind != Token::Kind::End)
    abort();
  for (const Token &token : tokens)
    if (token.range.begin > token.range.end || token.range.end > size)
      abort();
  renderAll(diagnostics, textOf(data, size));
}

void fuzzParser(const uint8_t *data, size_t size) {
  Sources sources;
  uint32_t file = sources.add("fuzz.dl", textOf(data, size));
  Diagnostics diagnostics(sources);
  std::unique_ptr<ast::Program> program = parse(sources, file, diagnostics);
  llvm::raw_null_ostream nowhere;
  if (program)
    ast::print(*program, nowhere);
  renderAll(diagnostics, textOf(data, size));
}

void fuzzCheck(const uint8_t *data, size_t size) {
  Sources sources;
  uint32_t file = sources.add("fuzz.dl", textOf(data, size));
  Diagnostics diagnostics(sources);
  std::unique_ptr<ast::Program> program = parse(sources, file, diagnostics);
  if (diagnostics.hasErrors())
    return;
  std::unique_ptr<mlir::MLIRContext> context = createContext();
  ProgramInfo info;
  ElaborateOptions options;
  mlir::OwningOpRef<mlir::ModuleOp> module =
      elaborate(*program, sources, diagnostics, *context, options, info);
  if (!module && !diagnostics.hasErrors())
    abort();
  renderAll(diagnostics, textOf(data, size));
}
