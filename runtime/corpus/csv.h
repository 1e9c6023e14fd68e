// Rows of CSV as RFC 4180 has them: fields in double quotes may hold delimiters, line breaks and doubled quotes.
#pragma once
#include <string>
#include <vector>

#include "runtime/corpus/lines.h"

namespace llc::corpus {

struct CsvRow {
  std::vector<std::string> cells;
  int64_t line = 0;  // where it begins
  std::string why;   // what is wrong with it; empty if nothing
};

class CsvRows {
 public:
  CsvRows(std::unique_ptr<ByteStream> stream, char delimiter, uint64_t limit)
      : lines_(std::move(stream), limit), delimiter_(delimiter), limit_(limit) {}
  // False at the end of the file. Blank lines between rows are left out. After a broken row reading goes on at the next
  // line.
  Result<bool> next(CsvRow &row);
  uint64_t consumed() const { return lines_.consumed(); }

 private:
  Status readCells(std::string_view line, CsvRow &row);
  Result<size_t> readQuoted(std::string_view &line, size_t at, std::string &cell, CsvRow &row);
  Lines lines_;
  char delimiter_;
  uint64_t limit_, size_ = 0;
};

}  // namespace llc::corpus
