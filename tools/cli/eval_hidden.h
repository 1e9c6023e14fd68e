// How well a bidirectional model fills in what is hidden from it.
#pragma once
#include <string>

#include "tools/cli/corpus_flags.h"
#include "tools/cli/tracing.h"

namespace llc::cli {

struct HiddenEvalOptions {
  std::string dtype, activations;
  std::vector<std::string> adapters;
  CorpusFlags texts;
  int64_t context = 0, limit = 0, threads = 0;  // of a row, of documents; 0: all
  // 0: each token is hidden alone, the others are seen (pseudo-perplexity: Salazar et al. 2020); else this share of
  // them at once, as training hides them.
  double share = 0;
  uint64_t seed = 0;
  bool json = false;
};

// Prints the result. Texts longer than a row are cut into rows that do not overlap; special tokens stand around each
// one and are never hidden.
Status evaluateHidden(const ModelPlace &place, const HiddenEvalOptions &options, Progress &progress);

}  // namespace llc::cli
