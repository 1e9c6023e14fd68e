// What trainers of pairs share: rows 2i and 2i + 1 of a batch are a pair, what was chosen and what was rejected.
#pragma once
#include "frontends/dsl/dsl.h"

namespace llc::models {

// Of rows [2P] those that were chosen, or rejected: [P].
dsl::Tensor chosenOf(dsl::Tensor rows);
dsl::Tensor rejectedOf(dsl::Tensor rows);
// x[P]: log of the logistic function, without overflow.
dsl::Tensor logLogistic(dsl::Tensor x);

}  // namespace llc::models
