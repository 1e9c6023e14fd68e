#include "tools/cli/eval_documents.h"

#include <fmt/format.h>

#include "runtime/data/dataset.h"

namespace llc::cli {

namespace {
constexpr uint64_t longestText = uint64_t(1) << 30;

class Documents {
 public:
  Documents(const EvalDocuments &from, Progress &progress, const DocumentReader &read)
      : from_(from), progress_(progress), read_(read) {}

  Status texts(const std::string &path) {
    if (!from_.tokenizer)
      return diagnose(ErrorKind::invalidInput, path)
          .says("text needs a tokenizer, and this model has none")
          .toFix("give a prepared dataset (.bin)");
    CorpusFlags flags = from_.texts;
    flags.inputs = {path};
    LLC_ASSIGN(auto inputs, findInputs(flags));
    corpus::CorpusOptions options = corpusOptions(flags, progress_);
    options.records.maxRecordBytes = longestText;
    corpus::Corpus corpus(corpus::filesOf(inputs), options);
    for (std::string_view text; !enough();) {
      LLC_ASSIGN(bool more, corpus.next(text));
      if (!more) break;
      LLC_ASSIGN(auto ids, from_.tokenizer->encode(text, {.addSpecial = true}));
      LLC_TRY(document(ids, text.size()));
    }
    return success();
  }
  Status dataset(const std::string &path) {
    LLC_ASSIGN(data::Dataset dataset, data::Dataset::open(path));
    if (int64_t(dataset.header().vocabulary) > from_.vocabulary)
      return diagnose(ErrorKind::invalidInput, path)
          .says(
              fmt::format("was made for {} tokens, the model knows {}", dataset.header().vocabulary, from_.vocabulary))
          .toFix("prepare the data with the model's tokenizer");
    std::vector<int32_t> ids;
    for (uint64_t i = 0; i < dataset.sequences() && !enough(); ++i) {
      LLC_ASSIGN(uint64_t length, dataset.length(i));
      ids.resize(length);
      LLC_TRY(dataset.read(i, 0, ids));
      LLC_TRY(document(ids, 0));
    }
    return success();
  }

 private:
  bool enough() const { return from_.limit && count_ >= from_.limit; }
  Status document(std::span<const int32_t> ids, uint64_t bytes) { return ++count_, read_(ids, bytes); }

  const EvalDocuments &from_;
  Progress &progress_;
  const DocumentReader &read_;
  int64_t count_ = 0;
};
}  // namespace

bool isDataset(const std::string &path) { return path.ends_with(".bin") || path.ends_with(".index"); }

Status forEachDocument(const EvalDocuments &documents, Progress &progress, const DocumentReader &read) {
  Documents all(documents, progress, read);
  for (const std::string &path : documents.texts.inputs) LLC_TRY(isDataset(path) ? all.dataset(path) : all.texts(path));
  return success();
}

}  // namespace llc::cli
