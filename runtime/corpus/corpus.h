// All documents of some inputs, one after another: files in order, broken records reported and skipped or refused.
#pragma once
#include <functional>

#include "runtime/corpus/records.h"

namespace llc::corpus {

struct CorpusOptions {
  RecordOptions records;
  bool skipBroken = false;  // false: the first broken record is an error
  int64_t maxBroken = -1;   // with skipBroken: more than so many are an error; -1: no limit
  // Gets "file:line: why" of each record that is skipped.
  std::function<void(const std::string &)> onBroken;
};

struct CorpusCounts {
  int64_t documents = 0, broken = 0;
  uint64_t textBytes = 0;  // of the documents
};

class Corpus {
 public:
  Corpus(std::vector<InputFile> files, CorpusOptions options)
      : files_(std::move(files)), options_(std::move(options)) {}

  // The next document's text, valid until the next call; false at the end. Errors name file and line.
  Result<bool> next(std::string_view &text);
  // Up to `limit` documents or some megabytes of them, to be worked on at once; empty at the end.
  Result<std::vector<std::string>> batch(size_t limit);

  const CorpusCounts &counts() const { return counts_; }
  uint64_t bytesRead() const {
    return finishedBytes_ + (reader_ ? reader_->consumed() : 0);
  }  // of totalBytes(): for progress
  uint64_t totalBytes() const;

 private:
  Status reportBroken();
  std::vector<InputFile> files_;
  CorpusOptions options_;
  size_t file_ = 0;
  std::unique_ptr<RecordReader> reader_;
  Record record_;
  CorpusCounts counts_;
  uint64_t finishedBytes_ = 0;
};

// All files of all inputs.
std::vector<InputFile> filesOf(const std::vector<Input> &inputs);

}  // namespace llc::corpus
