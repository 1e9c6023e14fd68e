// Next-token prediction: the loss that language models are trained with.
#pragma once
#include "frontends/dsl/training.h"

namespace llc::models {

// total: sum of w * -log p(next label), weight: sum of w, where the label of a token is the next token's and w is 1 if
// that label is not negative (-100 by convention; so are labels of what begins a segment) and the next token is no
// padding. All of `ids`, `segments` (0: padding, on the left or on the right; 1, 2 ..: sequences packed into a row; a
// mask of 1 and 0 is the plain case) and `labels` are [B,S] i32, S > 1. Positions count the tokens of a segment, tokens
// see their own segment.
dsl::LossTerms causalLm(const dsl::Model &model, dsl::Tensor ids, dsl::Tensor segments, dsl::Tensor labels);

}  // namespace llc::models
