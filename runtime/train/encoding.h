// How texts become the sequences that a trainer learns from.
#pragma once
#include "runtime/corpus/examples.h"
#include "runtime/corpus/prepared_data.h"
#include "runtime/train/run_config.h"

namespace llc::train {

// What a row of a batch is made from, and what its labels are.
enum class Examples {
  text,         // documents: packed, cut where a row is full, every token is a label
  completions,  // prompts with completions, conversations or texts, each whole: the tokens to be learned are labels
  preferences,  // rows 2i and 2i + 1: one prompt with the completion that was chosen, and with the rejected one
  comparisons,  // rows 2i and 2i + 1: a text that was chosen, and one that was rejected; with margins
};
// Whether rows 2i and 2i + 1 belong together.
inline bool arePairs(Examples examples) {
  return examples == Examples::preferences || examples == Examples::comparisons;
}

struct Encoding {
  Examples examples;
  corpus::ExampleOptions options;
  corpus::PrepareOptions prepare;
  std::string about;  // the same for the same results
};

// Rows will have at most `length` tokens. The tokenizer and `progress` must outlive the result. Errors: a chat template
// that is missing or broken.
Result<Encoding> encodingOf(const RunConfig &config, Examples examples, const corpus::TokenizerWithHash &tokenizer,
                            int64_t length, Progress &progress);

}  // namespace llc::train
