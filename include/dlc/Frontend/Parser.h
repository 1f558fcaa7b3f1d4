//===- Parser.h - Text to AST -------------------------------------------------------*- C++ -*-===//
#ifndef DLC_FRONTEND_PARSER_H
#define DLC_FRONTEND_PARSER_H

#include "dlc/Frontend/AST.h"

namespace dlc {

/// Parses a source. Mistakes go to `diagnostics`; what could be understood is returned all the
/// same.
std::unique_ptr<ast::Program> parse(const Sources &sources, uint32_t file,
                                    Diagnostics &diagnostics);

/// Parses a source that is one `name = expr`, where the name may be any; null after a mistake.
ast::StmtPtr parseSetting(const Sources &sources, uint32_t file, Diagnostics &diagnostics);

} // namespace dlc

#endif
