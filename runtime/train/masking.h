// What hides tokens in a run: the trainer's shares with the tokenizer's ids.
#pragma once
#include "runtime/data/masking.h"
#include "runtime/text/tokenizer.h"
#include "runtime/train/run.h"

namespace llc::train {

// Special tokens are never hidden. Errors: the tokenizer has no token that stands for what is hidden; shares that are
// more than all.
Result<data::Masking> maskingFor(const MaskingShares &shares, const Tokenizer &tokenizer, uint64_t seed);

}  // namespace llc::train
