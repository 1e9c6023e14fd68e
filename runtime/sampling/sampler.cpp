#include "runtime/sampling/sampler.h"

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

void Sampler::penalise() {
  if (!hasPenalties()) return;
  for (auto [token, count] : counts_) {
    if (token < 0 || size_t(token) >= candidates_.size()) continue;
    double logit = candidates_[size_t(token)].logit;
    logit = logit > 0 ? logit / options_.repeatPenalty : logit * options_.repeatPenalty;
    logit -= options_.presencePenalty + options_.frequencyPenalty * double(count);
    candidates_[size_t(token)].logit = float(logit);
  }
}

namespace {
// More likely first; among equals the lower id, so that the order never depends on the sort's algorithm.
constexpr auto moreLikely = [](const auto &a, const auto &b) {
  return a.logit > b.logit || (a.logit == b.logit && a.token < b.token);
};
}  // namespace

// The filters only sort what they keep: sorting a whole vocabulary would take longer than computing the logits of a
// small model. Candidates stay in the order of ids until one of the first two filters sorts them.
void Sampler::keepTopK() {
  if (options_.topK <= 0 || size_t(options_.topK) >= candidates_.size()) return;
  auto end = candidates_.begin() + options_.topK;
  std::partial_sort(candidates_.begin(), end, candidates_.end(), moreLikely);
  candidates_.erase(end, candidates_.end());
}

void Sampler::keepTopP() {
  if (options_.topP >= 1) return;
  double total = 0, reached = 0, best = bestLogit();
  for (const Candidate &candidate : candidates_) total += std::exp(candidate.logit - best);
  constexpr auto lessLikely = [](const Candidate &a, const Candidate &b) { return moreLikely(b, a); };
  std::make_heap(candidates_.begin(), candidates_.end(), lessLikely);
  auto heapEnd = candidates_.end();
  while (heapEnd != candidates_.begin() && (heapEnd == candidates_.end() || reached < options_.topP * total)) {
    std::pop_heap(candidates_.begin(), heapEnd--, lessLikely);
    reached += std::exp(heapEnd->logit - best);
  }
  candidates_.erase(candidates_.begin(), heapEnd);
  std::reverse(candidates_.begin(), candidates_.end());
}

void Sampler::keepMinP() {
  if (options_.minP <= 0) return;
  double least = bestLogit() + std::log(options_.minP);
  std::erase_if(candidates_, [&](const Candidate &candidate) { return candidate.logit < least; });
}

float Sampler::bestLogit() const { return std::min_element(candidates_.begin(), candidates_.end(), moreLikely)->logit; }

int32_t Sampler::draw() {
  double total = 0, best = bestLogit();
  for (Candidate &candidate : candidates_) {
    candidate.weight = std::exp((candidate.logit - best) / options_.temperature);
    total += candidate.weight;
  }
  double left = random_.uniform() * total;
  for (const Candidate &candidate : candidates_)
    if ((left -= candidate.weight) < 0) return candidate.token;
  // Rounding left a crumb beyond the last: the last that can be drawn at all.
  return std::find_if(candidates_.rbegin(), candidates_.rend(), [](const Candidate &c) { return c.weight > 0; })->token;
}

namespace {
int32_t mostLikely(std::span<const float> logits) {
  size_t best = 0;
  float highest = -INFINITY;
  for (size_t i = 0; i < logits.size(); ++i)
    if (logits[i] > highest) highest = logits[i], best = i;
  return int32_t(best);
}
}  // namespace

int32_t Sampler::choose(std::span<const float> logits) {
  if (options_.temperature <= 0 && !hasPenalties()) return mostLikely(logits);
  candidates_.resize(logits.size());
  for (size_t i = 0; i < logits.size(); ++i)
    // NaN would break the order that sorting relies on; as the least likely token it only matters when all are.
    candidates_[i] = {int32_t(i), std::isnan(logits[i]) ? -INFINITY : logits[i], 0};
  penalise();
  auto best = std::min_element(candidates_.begin(), candidates_.end(), moreLikely);
  if (options_.temperature <= 0 || std::isinf(best->logit)) return best->token;
  keepTopK();
  keepTopP();
  keepMinP();
  return draw();
}

float logProbability(std::span<const float> logits, int32_t token) {
  double best = *std::max_element(logits.begin(), logits.end()), total = 0;
  for (float logit : logits) total += std::exp(double(logit) - best);
  return float(double(logits[size_t(token)]) - best - std::log(total));
}

}  // namespace llc
