// Trains a byte-level BPE tokenizer (Sennrich et al. 1508.07909 on bytes, as GPT-2 does) and writes it as
// tokenizer.json. The merges are those that Hugging Face tokenizers' BpeTrainer finds on the same texts: pairs are
// chosen by count, then by the lower ids; counts are kept the way it keeps them, also where two merges spell the same
// token.
#pragma once
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "runtime/base/status.h"
#include "runtime/text/normalizer.h"
#include "runtime/text/pretokenizer.h"

namespace llc::corpus {

struct ByteLevelOptions {
  int64_t vocabularySize = 32000;
  int64_t minFrequency = 2;                // pairs that are rarer are not merged
  int64_t maxTokenLength = 0;              // bytes; 0: no limit
  std::string pattern = "gpt2";            // how text is cut into words: "gpt2", "llama3", or a regular expression
  bool splitDigits = true;                 // every digit is a token of its own
  std::string normalization = "identity";  // or nfc, nfkc
  std::vector<std::string> special = {"<pad>", "<s>", "</s>", "<unk>", "<mask>"};  // ids 0, 1, 2 ...
};

// How often each word occurs. Words are what merges never cross.
class WordCounts {
 public:
  // Errors: invalidInput (a pattern that is no regular expression, an unknown normalization).
  static Result<WordCounts> create(const ByteLevelOptions &options, int threads);
  // Cuts and counts, with all threads. Error: a pattern that needs too many steps on a text.
  Status add(const std::vector<std::string> &texts);
  // The counts of all threads together; the object is empty afterwards.
  std::map<std::string, int64_t> take();

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  using Map = std::unordered_map<std::string, int64_t, Hash, std::equal_to<>>;
  Status addTo(Map &counts, std::string text) const;
  std::unique_ptr<text::Normalizer> normalizer_;
  std::unique_ptr<text::PreTokenizer> cutter_;
  std::vector<Map> counts_;  // one a thread
};

struct BpeVocabulary {
  std::vector<std::string> tokens;                    // bytes; by id, special ones first
  std::vector<std::pair<uint32_t, uint32_t>> merges;  // ids of the parts, by rank
};
// `progress` is told how many tokens there are, now and then. Errors: invalidInput (a vocabulary smaller than bytes and
// special tokens), resource (more than 2^32 symbols).
Result<BpeVocabulary> trainBpe(const std::map<std::string, int64_t> &words, const ByteLevelOptions &options,
                               const std::function<void(int64_t)> &progress = nullptr);

// tokenizer.json, and what belongs beside it: tokenizer_config.json.
std::string tokenizerJson(const BpeVocabulary &vocabulary, const ByteLevelOptions &options);
std::string tokenizerConfigJson(const std::vector<std::string> &special);

}  // namespace llc::corpus
