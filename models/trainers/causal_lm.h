// Next-token prediction: the loss that language models are trained with, and its trainer's whole program.
#pragma once
#include "frontends/dsl/architecture.h"

namespace llc::models {

// [1]: sum of w * -log p(next label) over sum of w, where the label of a token is the next token's and w is 1 if that
// label is not negative (-100 by convention) and the next token is no padding. All of `ids`, `mask` (1: token, 0:
// padding, on the left or on the right) and `labels` are [B,S] i32, S > 1. Positions count the tokens of a row; tokens
// see tokens only. Some w must be 1.
dsl::Tensor causalLmLoss(const dsl::Model &model, dsl::Tensor ids, dsl::Tensor mask, dsl::Tensor labels);

}  // namespace llc::models
