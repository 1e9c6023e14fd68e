// Text from a model in the middle of its training, by the program that trains it: its weights are where they are, and
// nothing else is compiled. Each token is a forward of a row, without a cache.
#pragma once
#include "runtime/text/tokenizer.h"
#include "runtime/train/run_config.h"
#include "runtime/train/training_program.h"

namespace llc::train {

inline constexpr int64_t longestSample = 256;  // tokens of such a row, at most

// The prompt and up to 50 tokens behind it, drawn at temperature 0.8, always by the same numbers: texts of different
// steps differ by the model alone. `model`: its config.json, for the vocabulary and tokens that end a text. Errors: a
// prompt that is longer than the row.
Result<std::string> sampleText(StepProgram &program, const Tokenizer &tokenizer, const OrderedJson &model,
                               const std::string &prompt);

}  // namespace llc::train
