// From what the user names to files: a file, a directory (searched through), or a pattern (*, ?, [...]), each with a
// weight if wanted ("wiki/*.jsonl.zst:0.7").
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "runtime/base/status.h"

namespace llc::corpus {

enum class Format { text, jsonl, csv, tsv, parquet };

struct InputFile {
  std::string path;
  Format format = Format::text;
  uint64_t bytes = 0;  // on disk
};

struct Input {
  std::string name;              // as given, without the weight
  std::optional<double> weight;  // what stood behind the last colon
  std::vector<InputFile> files;  // sorted by path; at least one
};

// `format` overrides what the names say (.txt .md .text; .jsonl .ndjson; .csv; .tsv; each also with .gz or .zst;
// .parquet). Files named one by one may have any name (text, then); in directories and patterns only these endings
// count. Errors: notFound (with the directory that was searched), unsupported (Arrow).
Result<std::vector<Input>> findInputs(const std::vector<std::string> &specifications,
                                      std::optional<Format> format = std::nullopt);

// "text", "jsonl", "csv", "tsv", "parquet"
Result<Format> formatNamed(const std::string &name);

}  // namespace llc::corpus
