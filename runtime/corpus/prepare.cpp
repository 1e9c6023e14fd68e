#include "runtime/corpus/prepare.h"

#include "runtime/corpus/parallel.h"

namespace llc::corpus {

namespace {
// One input, encoded some documents ahead.
class EncodedInput {
 public:
  EncodedInput(const Input &input, const Tokenizer &tokenizer, const PrepareOptions &options)
      : tokenizer_(tokenizer), options_(options), corpus_(input.files, options.corpus) {
    report_.name = input.name;
    report_.weight = input.weight;
  }
  double done() const { return double(report_.tokens) / report_.weight.value_or(1); }
  uint64_t bytesRead() const { return corpus_.bytesRead(); }
  uint64_t totalBytes() const { return corpus_.totalBytes(); }
  SourceReport report() const {
    SourceReport report = report_;
    report.counts = corpus_.counts();
    report.finished = finished_;
    return report;
  }

  // Writes the next document; false when there is none.
  Result<bool> write(data::DatasetWriter &writer) {
    if (next_ == encoded_.size()) LLC_TRY(encodeSome());
    if (next_ == encoded_.size()) return false;
    const Encoded &document = encoded_[next_++];
    for (const std::vector<int32_t> &ids : document.sequences) {
      LLC_TRY(writer.add(ids));
      report_.sequences += !ids.empty();
      report_.tokens += int64_t(ids.size());
      if (options_.encode && !ids.empty()) report_.numbers.push_back(document.number);
    }
    report_.leftOut += document.sequences.empty();
    return true;
  }

 private:
  Status encodeSome() {
    size_t room = options_.limit ? size_t(options_.limit - corpus_.counts().documents) : SIZE_MAX;
    LLC_ASSIGN(auto texts, corpus_.batch(std::min<size_t>(room, 1024)));
    finished_ = texts.empty();
    encoded_.assign(texts.size(), {});
    next_ = 0;
    std::vector<std::optional<Error>> errors(size_t(std::max(1, options_.threads)));
    inParallel(options_.threads, texts.size(), [&](size_t index, size_t worker) {
      if (Status status = encode(texts[index], encoded_[index]); !status) errors[worker] = status.error();
    });
    for (auto &error : errors)
      if (error) return diagnose(error->kind, report_.name).says(error->what).toFix(error->remedy);
    return success();
  }
  Status encode(const std::string &text, Encoded &document) const {
    if (options_.encode) {
      LLC_ASSIGN(document, options_.encode(text));
      return success();
    }
    EncodeOptions plain;
    plain.parseSpecial = false;  // a document that spells <s> has no token there
    LLC_ASSIGN(std::vector<int32_t> ids, tokenizer_.encode(text, plain));
    if (options_.addBos && tokenizer_.bosId()) ids.insert(ids.begin(), *tokenizer_.bosId());
    if (options_.addEos && tokenizer_.eosId()) ids.push_back(*tokenizer_.eosId());
    size_t most = options_.maxLength ? size_t(options_.maxLength) : ids.size();
    for (size_t begin = 0; begin < ids.size(); begin += most) {
      size_t end = std::min(begin + most, ids.size());
      document.sequences.emplace_back(ids.begin() + int64_t(begin), ids.begin() + int64_t(end));
    }
    return success();
  }
  const Tokenizer &tokenizer_;
  const PrepareOptions &options_;
  Corpus corpus_;
  SourceReport report_;
  std::vector<Encoded> encoded_;
  size_t next_ = 0;
  bool finished_ = false;
};
}  // namespace

Result<std::vector<SourceReport>> prepare(const std::vector<Input> &inputs, const Tokenizer &tokenizer,
                                          const PrepareOptions &options, data::DatasetWriter &writer,
                                          const std::function<void(uint64_t, uint64_t)> &onProgress) {
  std::vector<std::unique_ptr<EncodedInput>> sources;
  bool mixed = false;
  for (const Input &input : inputs) {
    sources.push_back(std::make_unique<EncodedInput>(input, tokenizer, options));
    mixed |= input.weight.has_value();
  }
  size_t current = 0;
  for (int64_t documents = 0;; ++documents) {
    if (mixed) {
      auto behind = [](const auto &a, const auto &b) { return a->done() < b->done(); };
      current = size_t(std::min_element(sources.begin(), sources.end(), behind) - sources.begin());
    }
    LLC_ASSIGN(bool more, sources[current]->write(writer));
    if (!more && (mixed || ++current == sources.size())) break;
    if (!onProgress || documents % 256) continue;
    uint64_t read = 0, total = 0;
    for (const auto &source : sources) {
      read += source->bytesRead();
      total += source->totalBytes();
    }
    onProgress(read, total);
  }
  std::vector<SourceReport> reports;
  for (const auto &source : sources) reports.push_back(source->report());
  return reports;
}

}  // namespace llc::corpus
