// What hides tokens in a run: the trainer's shares with the tokenizer's ids.
#pragma once
#include "runtime/data/masking.h"
#include "runtime/text/tokenizer.h"
#include "runtime/train/run.h"

namespace llc::train {

// The token that stands for what is hidden. Error: the tokenizer has none.
Result<TokenId> maskTokenOf(const Tokenizer &tokenizer);

// Special tokens are never hidden. Errors: no mask token; shares that are more than all.
Result<data::Masking> maskingFor(const MaskingShares &shares, const Tokenizer &tokenizer, uint64_t seed);

}  // namespace llc::train
