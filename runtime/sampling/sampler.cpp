#include "runtime/sampling/sampler.h"

#include <algorithm>
#include <cmath>

namespace llc {

namespace {
Status inRange(std::string_view option, double value, double least, double most) {
  if (value >= least && value <= most) return success();
  return diagnose(ErrorKind::invalidInput, std::string(option))
      .says(fmt::format("is {}", value))
      .toFix(most > 1e17 ? fmt::format("choose a number of at least {}", least)
                         : fmt::format("choose a number from {} to {}", least, most));
}
}  // namespace

Status SamplingOptions::check() const {
  LLC_TRY(inRange("temperature", temperature, 0, 1e6));
  LLC_TRY(inRange("top-k", double(topK), 0, 1e18));
  LLC_TRY(inRange("top-p", topP, 0, 1));
  LLC_TRY(inRange("min-p", minP, 0, 1));
  LLC_TRY(inRange("repeat-penalty", repeatPenalty, 1e-6, 1e6));
  LLC_TRY(inRange("presence-penalty", presencePenalty, -100, 100));
  LLC_TRY(inRange("frequency-penalty", frequencyPenalty, -100, 100));
  return inRange("penalty-window", double(penaltyWindow), -1, 1e18);
}

void Sampler::accept(int32_t token) {
  if (options_.penaltyWindow == 0) return;
  ++counts_[token];
  if (options_.penaltyWindow < 0) return;
  seen_.push_back(token);
  if (int64_t(seen_.size()) <= options_.penaltyWindow) return;
  auto oldest = counts_.find(seen_.front());
  if (--oldest->second == 0) counts_.erase(oldest);
  seen_.pop_front();
}

bool Sampler::hasPenalties() const {
  return options_.repeatPenalty != 1 || options_.presencePenalty != 0 || options_.frequencyPenalty != 0;
}

std::span<const float> Sampler::penalised(std::span<const float> logits) {
  if (!hasPenalties() || counts_.empty()) return logits;
  adjusted_.assign(logits.begin(), logits.end());
  for (auto [token, count] : counts_) {
    if (token < 0 || size_t(token) >= adjusted_.size()) continue;
    double logit = adjusted_[size_t(token)];
    logit = logit > 0 ? logit / options_.repeatPenalty : logit * options_.repeatPenalty;
    logit -= options_.presencePenalty + options_.frequencyPenalty * double(count);
    adjusted_[size_t(token)] = float(logit);
  }
  return adjusted_;
}

int32_t Sampler::choose(std::span<const float> logits) {
  likely_.read(penalised(logits));
  if (options_.temperature <= 0 || std::isinf(likely_.best())) return likely_.mostLikely();
  if (options_.topK > 0) likely_.keepMost(options_.topK);
  if (options_.topP < 1) likely_.keepShare(options_.topP);
  if (options_.minP > 0) likely_.keepRelative(options_.minP);
  constexpr double steepest = 1e30;  // the inverse of the smallest temperatures is no float
  return likely_.at(random_.uniform(), float(std::min(1 / options_.temperature, steepest)));
}

float logProbability(std::span<const float> logits, int32_t token) {
  double best = *std::max_element(logits.begin(), logits.end()), total = 0;
  for (float logit : logits) total += std::exp(double(logit) - best);
  return float(double(logits[size_t(token)]) - best - std::log(total));
}

}  // namespace llc
