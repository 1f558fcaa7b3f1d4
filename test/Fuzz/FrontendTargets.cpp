//===- FrontendTargets.cpp - Readers of programs --------------------------------------------===//
#include "Targets.h"

#include "Lexer.h"
#include "dlc/Driver/Pipeline.h"
#include "dlc/Frontend/Elaborate.h"
#include "dlc/Frontend/Parser.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Verifier.h"

using namespace dlc;

namespace {
/// An input as a program, and what is said about it.
struct Input {
  Input(const uint8_t *data, size_t size)
      : file(sources.add("fuzz.dl", {reinterpret_cast<const char *>(data), size})),
        diagnostics(sources) {}

  /// Renders what is wrong; nothing of the compiler's inside may be in it.
  void render() const {
    std::string text;
    llvm::raw_string_ostream os(text);
    diagnostics.render(os);
    require(text.empty() == (diagnostics.count() == 0), "every diagnostic is shown");
    for (llvm::StringRef inner : {"tensor<", "mlir", "dl.", "loc("})
      require(sources.text(file).contains(inner) || !llvm::StringRef(text).contains(inner),
              "a diagnostic speaks of the program");
  }

  Sources sources;
  uint32_t file;
  Diagnostics diagnostics;
};
} // namespace

void fuzzLexer(const uint8_t *data, size_t size) {
  Input input(data, size);
  std::vector<Token> tokens = tokenize(input.sources, input.file, input.diagnostics);
  require(!tokens.empty() && tokens.back().kind == Token::Kind::End, "the last token is End");
  uint32_t reached = 0;
  for (const Token &token : tokens) {
    require(token.range.begin >= reached && token.range.end >= token.range.begin,
            "tokens follow one another");
    reached = token.range.end;
  }
  require(reached <= size, "tokens lie in the text");
  input.render();
}

void fuzzParser(const uint8_t *data, size_t size) {
  Input input(data, size);
  std::unique_ptr<ast::Program> program = parse(input.sources, input.file, input.diagnostics);
  require(program->understood || input.diagnostics.hasErrors(), "what is not understood is said");
  llvm::raw_null_ostream nowhere;
  ast::print(*program, nowhere);
  input.render();

  Input setting(data, size);
  ast::StmtPtr statement = parseSetting(setting.sources, setting.file, setting.diagnostics);
  require(statement || setting.diagnostics.hasErrors(), "a setting is there or refused");
  setting.render();
}

void fuzzCheck(const uint8_t *data, size_t size) {
  Input input(data, size);
  std::unique_ptr<ast::Program> program = parse(input.sources, input.file, input.diagnostics);
  // Where single statements could not be read, the others are checked all the same.
  if (program->understood) {
    std::unique_ptr<mlir::MLIRContext> context = createContext();
    mlir::ScopedDiagnosticHandler handler(context.get(), [](mlir::Diagnostic &diagnostic) {
      fprintf(stderr, "%s\n", diagnostic.str().c_str());
      require(false, "MLIR has nothing to say");
    });
    ProgramInfo info;
    mlir::OwningOpRef<mlir::ModuleOp> module =
        elaborate(*program, input.sources, input.diagnostics, *context, {}, info);
    require(bool(module) != input.diagnostics.hasErrors(), "a module is there or refused");
    require(!module || mlir::succeeded(mlir::verify(*module)), "a module is well formed");
  }
  input.render();
}
