// A model with rows for more tokens: what training makes of one whose tokenizer knows more than it does.
#pragma once
#include "runtime/base/progress.h"
#include "runtime/train/run_start.h"
#include "tools/cli/train_options.h"

namespace llc::cli {

// By training.vocab_mismatch: the number of tokens that the model is to have, where the tokenizer has more than the
// model that `start` describes and that can be mended by new rows; its configuration becomes that of the larger model.
// Nothing where the vocabulary is large enough, and where the run refuses what doesn't fit (an adapter's base stays as
// it is).
Result<std::optional<int64_t>> growVocabulary(const TrainConfig &config, const TrainVerb &verb, train::RunStart &start,
                                              Progress &progress);

// The model in `model` with the configuration `larger`, into `directory`, with `files` beside it. Rows that it has stay
// as they are; new ones are random by the configuration's initializer_range and `seed`, new elements of biases 0.
Status writeResized(const std::string &model, const train::OrderedJson &larger,
                    const std::map<std::string, std::string> &files, uint64_t seed, const std::string &directory);

}  // namespace llc::cli
