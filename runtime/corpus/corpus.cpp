#include "runtime/corpus/corpus.h"

namespace llc::corpus {

Status Corpus::reportBroken() {
  ++counts_.broken;
  std::string where = fmt::format("{}:{}", files_[file_].path, record_.line);
  if (!options_.skipBroken)
    return diagnose(ErrorKind::invalidInput, where)
        .says(record_.why)
        .toFix("mend the record, or skip such ones: --on-bad-record skip");
  if (options_.maxBroken >= 0 && counts_.broken > options_.maxBroken)
    return diagnose(ErrorKind::invalidInput, where)
        .says(fmt::format("{}; that is broken record {}, and --skip-bad allows {}", record_.why, counts_.broken,
                          options_.maxBroken))
        .toFix("look at what the file holds (--field, --format), or allow more");
  if (options_.onBroken) options_.onBroken(where + ": " + record_.why);
  return success();
}

Result<bool> Corpus::next(std::string_view &text) {
  while (file_ < files_.size()) {
    if (!reader_) {
      LLC_ASSIGN(reader_, RecordReader::open(files_[file_], options_.records));
    }
    LLC_TRY(reader_->next(record_));
    if (record_.kind == Record::Kind::broken) {
      LLC_TRY(reportBroken());
    } else if (record_.kind == Record::Kind::end) {
      finishedBytes_ += reader_->consumed();
      reader_.reset();
      ++file_;
    } else {
      ++counts_.documents;
      counts_.textBytes += record_.text.size();
      text = record_.text;
      return true;
    }
  }
  return false;
}

Result<std::vector<std::string>> Corpus::batch(size_t limit) {
  constexpr size_t enoughBytes = size_t(4) << 20;
  std::vector<std::string> texts;
  size_t bytes = 0;
  std::string_view text;
  while (texts.size() < limit && bytes < enoughBytes) {
    LLC_ASSIGN(bool more, next(text));
    if (!more) break;
    texts.push_back(std::move(record_.text));
    bytes += texts.back().size();
  }
  return texts;
}

uint64_t Corpus::totalBytes() const {
  uint64_t bytes = 0;
  for (const InputFile &file : files_) bytes += file.bytes;
  return bytes;
}

std::vector<InputFile> filesOf(const std::vector<Input> &inputs) {
  std::vector<InputFile> files;
  for (const Input &input : inputs) files.insert(files.end(), input.files.begin(), input.files.end());
  return files;
}

}  // namespace llc::corpus
