// What losses are made of: rows of tokens as a model sees them whole, and the log-probabilities of what comes next.
#pragma once
#include "frontends/dsl/training.h"

namespace llc::models {

// The batch's rows one after the other. Positions count the tokens of a segment, tokens see their own segment.
dsl::Tokens wholeRows(const dsl::LossInput &in);
// x[B,S] with each element replaced by the next one of its row, the last by 0.
dsl::Tensor next(dsl::Tensor x);
// [B,S] f32: 1 where the next token has a label and is no padding, else 0.
dsl::Tensor learned(const dsl::LossInput &in);
// [B*S] f32: log-probability of the next token's label, 0 where it has none.
dsl::Tensor nextLogProbabilities(const dsl::LossInput &in);
// Of logits [T,V] and labels [T]: the logit of each label, 0 where it is negative.
dsl::Tensor ofLabels(dsl::Tensor logits, dsl::Tensor labels);
// Of rows [B], i32: where in wholeRows each one's last token stands that is no padding; of rows of padding its first.
dsl::Tensor lastTokens(const dsl::LossInput &in);
// [1]: all elements of x together.
dsl::Tensor total(dsl::Tensor x);

// total: sum of w * -log p(next label), weight: sum of w, where the label of a token is the next token's and w is 1 if
// that label is not negative (-100 by convention; so are labels of what begins a segment) and the next token is no
// padding. S > 1. Padding may stand on the left or on the right; a mask of 1 and 0 is the plain case of segments.
dsl::LossTerms nextTokenLoss(const dsl::LossInput &in);
// The same with what is added to the loss: label smoothing (Szegedy et al. 2016), by which a label has 1 - smoothing
// and every other token of the vocabulary the same share of the rest, without the least value that this can have (0
// stays the loss of what is certain and right); and z * log(Z)^2 of the softmax's sum Z, which keeps logits near 0
// (Chowdhery et al. 2022). Metrics ce_loss, the plain loss, and z_loss. Both 0: nextTokenLoss() itself.
struct LossAdditions {
  double smoothing = 0, z = 0;
};
dsl::LossTerms nextTokenLoss(const dsl::LossInput &in, const LossAdditions &additions);

// Of tokens [B*S] of a model that fills in what is hidden, in whole rows: -log p of a token's own label, whether that
// is the model's first choice (1 or 0), and 1 where it has a label and is no padding; all are 0 elsewhere.
struct HiddenTokens {
  dsl::Tensor losses, hits, weight;
};
HiddenTokens hiddenTokens(const dsl::LossInput &in);

// The same for a model that fills in what is hidden: the label of a token is its own. Metric "accuracy": how often the
// label is the model's first choice.
dsl::LossTerms hiddenTokenLoss(const dsl::LossInput &in);
// The one of both that fits the model.
dsl::LossTerms tokenLoss(const dsl::LossInput &in);

// Of rows [B]: log-probability of all its labels together, and how many there are.
struct RowLogProbabilities {
  dsl::Tensor sum, count;
};
RowLogProbabilities rowLogProbabilities(const dsl::LossInput &in);

}  // namespace llc::models
