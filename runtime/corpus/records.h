// Text, JSON lines, CSV and Parquet as a stream of texts. A record that is broken is told apart from a file that can't
// be read on.
#pragma once
#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "runtime/corpus/byte_stream.h"
#include "runtime/corpus/inputs.h"

namespace llc::corpus {

struct RecordOptions {
  // Names of the fields whose text counts, joined by line breaks; empty: see textOf().
  std::vector<std::string> fields;
  // Text files: "line" (each line is a document), "blank" (documents are separated by blank lines), "file" (one
  // document), or anything else: a line of exactly this text separates documents.
  std::string separator = "line";
  // When given, a record is not a text but a JSON object, as text: a line of .jsonl, a row of .csv or .parquet,
  // {"text": ...} of other files. Objects for which it says an error are broken records.
  std::function<Status(const nlohmann::json &)> accepts = nullptr;
  uint64_t maxRecordBytes = uint64_t(64) << 20;  // longer ones are broken records
};

struct Record {
  enum class Kind { good, broken, end } kind = Kind::end;
  std::string text;  // valid UTF-8, never blank
  int64_t line = 0;  // where it begins, from 1; of Parquet the row
  std::string why;   // of a broken one
};

class RecordReader {
 public:
  static Result<std::unique_ptr<RecordReader>> open(const InputFile &file, const RecordOptions &options);
  virtual ~RecordReader() = default;
  // Blank records are left out. Error: the file itself is broken from here on.
  virtual Status next(Record &record) = 0;
  virtual uint64_t consumed() const = 0;
};

// The text of one JSON object: that of `fields`; or, when none are given, that of the first of these that it has:
//   conversations or messages: the items' content, value or text, one a line · content · text
//   prompt and response: "Prompt: ...\nResponse: ...\n" · otherwise all strings in it, one a line, lists included.
// Error (`what` only): a field is missing or holds no text.
Result<std::string> textOf(const nlohmann::json &object, const std::vector<std::string> &fields);

}  // namespace llc::corpus
