// Choosing the next token. The chain: repeat, presence and frequency penalties (over the last `penaltyWindow` tokens),
// then top-k, top-p, min-p, then the temperature, then one draw. Temperature 0 takes the most likely token (the lowest
// id among equals). The same seed and logits give the same tokens on every machine.
//   repeat penalty: Keskar et al. 2019 (arXiv 1909.05858); top-p: Holtzman et al. 2019 (arXiv 1904.09751);
//   min-p: Nguyen et al. 2024 (arXiv 2407.01082).
#pragma once
#include <cstdint>
#include <deque>
#include <map>
#include <span>
#include <vector>

#include "runtime/base/status.h"
#include "runtime/sampling/likely_tokens.h"
#include "runtime/sampling/random.h"

namespace llc {

struct SamplingOptions {
  double temperature = 0;
  int64_t topK = 0;             // 0: all
  double topP = 1;              // smallest set of tokens whose probabilities reach this sum
  double minP = 0;              // drops tokens less likely than this share of the most likely one
  double repeatPenalty = 1;     // divides positive and multiplies negative logits of tokens seen
  double presencePenalty = 0;   // subtracted once from tokens seen
  double frequencyPenalty = 0;  // subtracted per time seen
  int64_t penaltyWindow = 64;   // how many of the last tokens count as seen; 0: none, -1: all
  uint64_t seed = 0;
  // invalidInput with the option's name and range.
  Status check() const;
};

class Sampler {
 public:
  explicit Sampler(const SamplingOptions &options) : options_(options), random_(options.seed) {}
  // Tells the sampler a token that stands in the text (prompt or chosen); choose() does not do that by itself.
  void accept(int32_t token);
  // `logits` may not be empty. NaN counts as impossible; +infinity wins.
  int32_t choose(std::span<const float> logits);

 private:
  bool hasPenalties() const;
  std::span<const float> penalised(std::span<const float> logits);
  SamplingOptions options_;
  Random random_;
  std::deque<int32_t> seen_;
  std::map<int32_t, int64_t> counts_;
  std::vector<float> adjusted_;  // logits with penalties
  LikelyTokens likely_;
};

// log softmax(logits)[token], accumulated in double.
float logProbability(std::span<const float> logits, int32_t token);

}  // namespace llc
