#include "runtime/corpus/csv.h"

#include <fmt/format.h>

#include "runtime/base/memory.h"

namespace llc::corpus {

Result<bool> CsvRows::next(CsvRow &row) {
  std::string_view line;
  do {
    LLC_ASSIGN(bool more, lines_.next(line));
    if (!more) return false;
  } while (line.empty());
  row.cells.clear();
  row.why.clear();
  row.line = lines_.number();
  size_ = line.size();
  if (lines_.tooLong()) return row.why = fmt::format("is longer than {}", humanBytes(limit_)), true;
  LLC_TRY(readCells(line, row));
  return true;
}

Status CsvRows::readCells(std::string_view line, CsvRow &row) {
  for (size_t at = 0;;) {
    std::string &cell = row.cells.emplace_back();
    if (at < line.size() && line[at] == '"') {
      LLC_ASSIGN(at, readQuoted(line, at + 1, cell, row));
      if (!row.why.empty()) return success();
    } else {
      size_t end = std::min(line.find(delimiter_, at), line.size());
      cell = line.substr(at, end - at);
      at = end;
    }
    if (at >= line.size()) return success();
    ++at;  // the delimiter; behind a last one there is an empty cell
  }
}

// `at` is behind the opening quote; gives the place behind the closing one, on what may be a later `line` by then.
Result<size_t> CsvRows::readQuoted(std::string_view &line, size_t at, std::string &cell, CsvRow &row) {
  for (;;) {
    size_t quote = line.find('"', at);
    cell += line.substr(at, quote == line.npos ? line.npos : quote - at);
    if (quote != line.npos) {
      at = quote + 1;
      if (at >= line.size() || line[at] == delimiter_) return at;
      if (line[at] != '"') return row.why = "has text behind the closing quote of a field", at;
      cell += '"';
      ++at;
      continue;
    }
    LLC_ASSIGN(bool more, lines_.next(line));
    if (!more) return row.why = "has a quote that never closes", at;
    size_ += line.size() + 1;
    if (lines_.tooLong() || size_ > limit_) return row.why = fmt::format("is longer than {}", humanBytes(limit_)), at;
    cell += '\n';
    at = 0;
  }
}

}  // namespace llc::corpus
