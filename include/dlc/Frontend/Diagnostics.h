//===- Diagnostics.h - Sources, and what is wrong with them -------------------------*- C++ -*-===//
#ifndef DLC_FRONTEND_DIAGNOSTICS_H
#define DLC_FRONTEND_DIAGNOSTICS_H

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/raw_ostream.h"

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

namespace dlc {

/// Bytes [begin, end) of a source.
struct SourceRange {
  uint32_t file = 0, begin = 0, end = 0;

  /// From the start of this one to the end of `last`.
  SourceRange to(SourceRange last) const { return {file, begin, last.end}; }
};

/// The texts that a program is made of: the user's file and the standard library's.
class Sources {
public:
  uint32_t add(llvm::StringRef name, llvm::StringRef text);
  llvm::StringRef name(uint32_t file) const { return files[file].name; }
  llvm::StringRef text(uint32_t file) const { return files[file].text; }
  llvm::StringRef text(SourceRange range) const {
    return text(range.file).slice(range.begin, range.end);
  }

  /// Line and column, both from 1; the column counts bytes.
  struct Position {
    unsigned line, column;
  };
  Position position(uint32_t file, uint32_t offset) const;
  /// The text of a line without its end.
  llvm::StringRef line(uint32_t file, unsigned line) const;

private:
  struct File {
    std::string name, text;
    std::vector<uint32_t> lineStarts;
  };
  std::deque<File> files; // does not move them
};

enum class Severity { Error, Warning };

/// One mistake: where, what, and notes that help.
struct Diagnostic {
  Severity severity;
  SourceRange range;
  std::string message;
  llvm::SmallVector<SourceRange, 2> others; // underlined as well
  struct Note {
    std::string message;
    SourceRange range; // of file 0, empty: none
    bool located;
  };
  std::vector<Note> notes;

  Diagnostic &note(const llvm::Twine &message);
  Diagnostic &note(const llvm::Twine &message, SourceRange range);
  Diagnostic &underline(SourceRange range);
};

/// Collects diagnostics; at most one error per place.
class Diagnostics {
public:
  explicit Diagnostics(const Sources &sources) : sources(sources) {}

  Diagnostic &error(SourceRange range, const llvm::Twine &message) {
    return report(Severity::Error, range, message);
  }
  Diagnostic &warning(SourceRange range, const llvm::Twine &message) {
    return report(Severity::Warning, range, message);
  }
  bool hasErrors() const { return errors > 0; }
  size_t errorCount() const { return errors; }
  /// Of errors and warnings.
  size_t count() const { return diagnostics.size(); }
  /// Whether one of the first `most` is on the line of `range`.
  bool hasOnLine(SourceRange range, size_t most) const;
  /// Moves those from the `first` on that are in a file for which `inside` holds to `range`, with a
  /// note of where they come from.
  void moveTo(SourceRange range, size_t first, llvm::function_ref<bool(uint32_t)> inside);

  /// Writes all, by place in the source, as `file:line:column: error: message` with the line and a
  /// caret.
  void render(llvm::raw_ostream &os) const;

private:
  Diagnostic &report(Severity severity, SourceRange range, const llvm::Twine &message);
  void render(const Diagnostic &diagnostic, llvm::raw_ostream &os) const;
  void renderLine(const Diagnostic &diagnostic, llvm::raw_ostream &os) const;

  const Sources &sources;
  std::deque<Diagnostic> diagnostics;
  Diagnostic ignored; // a second error at a place that has one
  size_t errors = 0;
};

/// ", did you mean 'x'?" for the candidate nearest to `name`; empty if none is near.
std::string didYouMean(llvm::StringRef name, llvm::ArrayRef<llvm::StringRef> candidates);

} // namespace dlc

#endif
