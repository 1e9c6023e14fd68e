// The documents that eval reads: of texts and of prepared datasets alike.
#pragma once
#include <functional>
#include <span>
#include <string>

#include "runtime/text/tokenizer.h"
#include "tools/cli/corpus_flags.h"

namespace llc::cli {

bool isDataset(const std::string &path);  // a prepared one, by its name

struct EvalDocuments {
  const CorpusFlags &texts;
  const Tokenizer *tokenizer = nullptr;  // null: datasets only
  int64_t vocabulary = 0;                // of the model
  int64_t limit = 0;                     // documents; 0: all
};

// `bytes` of its text; 0 in a dataset.
using DocumentReader = std::function<Status(std::span<const int32_t> ids, uint64_t bytes)>;
// Calls `read` for each of them, in order. Errors: its own; texts without a tokenizer; a dataset of other tokens.
Status forEachDocument(const EvalDocuments &documents, Progress &progress, const DocumentReader &read);

}  // namespace llc::cli
