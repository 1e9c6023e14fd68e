// Hides tokens of a batch for models that are to fill them in (Devlin et al. 2019, section 3.1). What is hidden is
// another choice in each batch and each epoch (Liu et al. 2019, section 4.1), and a function of (seed, number of the
// batch, place): a stream that is restored hides the same.
#pragma once
#include <cstdint>
#include <vector>

namespace llc::data {

struct Batch;

struct Masking {
  double probability = 0;    // that a token is to be filled in; 0: nothing is hidden
  double maskShare = 0.8;    // of those tokens: `mask` stands in their place
  double randomShare = 0.1;  // any token of the vocabulary does; the rest stays as it is
  int32_t mask = 0, vocabulary = 1;
  std::vector<bool> special = {};  // by id: never hidden
  uint64_t seed = 0;

  // Labels become the tokens that are to be filled in, -100 elsewhere.
  void hide(uint64_t number, Batch &batch) const;
};

}  // namespace llc::data
