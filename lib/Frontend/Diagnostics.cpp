//===- Diagnostics.cpp -----------------------------------------------------------------------===//
#include "dlc/Frontend/Diagnostics.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/Format.h"

using namespace dlc;

uint32_t Sources::add(llvm::StringRef name, llvm::StringRef text) {
  File &file = files.emplace_back();
  file.name = name.str();
  file.text = text.str();
  file.lineStarts.push_back(0);
  for (uint32_t i = 0; i < file.text.size(); ++i)
    if (file.text[i] == '\n')
      file.lineStarts.push_back(i + 1);
  return files.size() - 1;
}

Sources::Position Sources::position(uint32_t file, uint32_t offset) const {
  const auto &starts = files[file].lineStarts;
  auto next = llvm::upper_bound(starts, offset);
  return {unsigned(next - starts.begin()), unsigned(offset - *(next - 1) + 1)};
}

llvm::StringRef Sources::line(uint32_t file, unsigned line) const {
  const File &f = files[file];
  uint32_t begin = f.lineStarts[line - 1];
  uint32_t end = line < f.lineStarts.size() ? f.lineStarts[line] : f.text.size();
  return llvm::StringRef(f.text).slice(begin, end).rtrim("\r\n");
}

Diagnostic &Diagnostic::note(const llvm::Twine &message) {
  notes.push_back({message.str(), {}, false});
  return *this;
}

Diagnostic &Diagnostic::note(const llvm::Twine &message, SourceRange range) {
  notes.push_back({message.str(), range, true});
  return *this;
}

Diagnostic &Diagnostic::underline(SourceRange range) {
  others.push_back(range);
  return *this;
}

Diagnostic &Diagnostics::report(Severity severity, SourceRange range, const llvm::Twine &message) {
  for (const Diagnostic &known : diagnostics)
    if (known.range.file == range.file && known.range.begin == range.begin) {
      ignored = {};
      return ignored;
    }
  constexpr size_t enough = 100;
  if (diagnostics.size() >= enough) {
    errors += severity == Severity::Error;
    ignored = {};
    return ignored;
  }
  errors += severity == Severity::Error;
  diagnostics.push_back({severity, range, message.str(), {}, {}});
  return diagnostics.back();
}

bool Diagnostics::hasOnLine(SourceRange range, size_t most) const {
  unsigned line = sources.position(range.file, range.begin).line;
  for (size_t i = 0; i < std::min(most, diagnostics.size()); ++i) {
    SourceRange other = diagnostics[i].range;
    if (other.file == range.file && sources.position(other.file, other.begin).line == line)
      return true;
  }
  return false;
}

void Diagnostics::moveTo(SourceRange range, size_t first,
                         llvm::function_ref<bool(uint32_t)> inside) {
  for (size_t i = first; i < diagnostics.size(); ++i) {
    Diagnostic &moved = diagnostics[i];
    if (!inside(moved.range.file))
      continue;
    bool known = llvm::any_of(diagnostics, [&](const Diagnostic &other) {
      return other.range.file == range.file && other.range.begin == range.begin;
    });
    if (known) {
      errors -= errors > 1 && moved.severity == Severity::Error;
      diagnostics.erase(diagnostics.begin() + i--);
      continue;
    }
    moved.note("this is computed here", moved.range);
    moved.range = range;
    moved.others.clear();
  }
}

/// Width of the text around the caret that is shown of a very long line.
static constexpr size_t shownWidth = 120;

/// The line and, below it, a caret and tildes.
void Diagnostics::renderLine(const Diagnostic &diagnostic, llvm::raw_ostream &os) const {
  SourceRange range = diagnostic.range;
  auto [line, column] = sources.position(range.file, range.begin);
  llvm::StringRef text = sources.line(range.file, line);
  size_t lineStart = range.begin - (column - 1);
  std::string marks(text.size() + 1, ' ');
  auto underline = [&](SourceRange r, char first) {
    if (r.file != range.file || r.begin < lineStart || r.begin > lineStart + text.size())
      return;
    size_t begin = r.begin - lineStart, end = std::max<size_t>(r.end - lineStart, begin + 1);
    for (size_t i = begin; i < std::min(end, marks.size()); ++i)
      marks[i] = i == begin ? first : '~';
  };
  for (SourceRange other : diagnostic.others)
    underline(other, '~');
  underline(range, '^');

  size_t from = 0;
  std::string shown = text.str();
  if (text.size() > shownWidth) {
    from = column > shownWidth / 2 ? std::min(column - shownWidth / 2, text.size()) : 0;
    shown = text.substr(from, shownWidth).str();
    marks = from < marks.size() ? marks.substr(from, shownWidth + 1) : "";
  }
  // One column per character: continuation bytes of UTF-8 take none, control characters become
  // blanks.
  std::string clean, aligned;
  for (size_t i = 0; i < shown.size(); ++i) {
    unsigned char c = shown[i];
    clean += c < 0x20 || c == 0x7f ? ' ' : char(c);
    if ((c & 0xC0) != 0x80)
      aligned += i < marks.size() ? marks[i] : ' ';
  }
  if (marks.size() > shown.size())
    aligned += marks.substr(shown.size());
  os << llvm::format("%5u", line) << " | " << clean << "\n      | "
     << llvm::StringRef(aligned).rtrim() << "\n";
}

void Diagnostics::render(const Diagnostic &diagnostic, llvm::raw_ostream &os) const {
  SourceRange range = diagnostic.range;
  auto [line, column] = sources.position(range.file, range.begin);
  os << sources.name(range.file) << ':' << line << ':' << column << ": "
     << (diagnostic.severity == Severity::Error ? "error: " : "warning: ") << diagnostic.message
     << '\n';
  renderLine(diagnostic, os);
  for (const Diagnostic::Note &note : diagnostic.notes) {
    os << "note: " << note.message;
    if (note.located) {
      auto at = sources.position(note.range.file, note.range.begin);
      os << ": " << sources.name(note.range.file) << ':' << at.line << ':' << at.column;
    }
    os << '\n';
  }
}

void Diagnostics::render(llvm::raw_ostream &os) const {
  llvm::SmallVector<const Diagnostic *> sorted;
  for (const Diagnostic &diagnostic : diagnostics)
    sorted.push_back(&diagnostic);
  llvm::sort(sorted, [](const Diagnostic *a, const Diagnostic *b) {
    return std::pair(a->range.file, a->range.begin) < std::pair(b->range.file, b->range.begin);
  });
  for (const Diagnostic *diagnostic : sorted)
    render(*diagnostic, os);
}

/// Two neighbouring letters changed places.
static bool isTransposed(llvm::StringRef a, llvm::StringRef b) {
  size_t i = 0;
  while (i < a.size() && i < b.size() && a[i] == b[i])
    ++i;
  return a.size() == b.size() && i + 1 < a.size() && a[i] == b[i + 1] && a[i + 1] == b[i] &&
         a.substr(i + 2) == b.substr(i + 2);
}

static size_t commonPrefix(llvm::StringRef a, llvm::StringRef b) {
  size_t i = 0;
  while (i < a.size() && i < b.size() && a[i] == b[i])
    ++i;
  return i;
}

std::string dlc::didYouMean(llvm::StringRef name, llvm::ArrayRef<llvm::StringRef> candidates) {
  llvm::StringRef best;
  if (name.size() < 2)
    return ""; // near to everything
  unsigned limit = name.size() <= 3 ? 1 : 2, distance = limit + 1;
  for (llvm::StringRef candidate : candidates) {
    unsigned d = isTransposed(name, candidate)
                     ? 1
                     : name.edit_distance(candidate, /*AllowReplacements=*/true, limit);
    // Of equally near ones, the one that begins alike; then the first in the alphabet.
    size_t prefix = commonPrefix(name, candidate), bestPrefix = commonPrefix(name, best);
    bool nearer = d < distance || (d == distance && prefix > bestPrefix) ||
                  (d == distance && prefix == bestPrefix && candidate < best);
    if (d <= limit && nearer) {
      distance = d;
      best = candidate;
    }
  }
  return distance > limit ? "" : (", did you mean '" + best + "'?").str();
}
