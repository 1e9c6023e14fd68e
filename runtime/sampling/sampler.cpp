#include "runtime/sampling/sampler.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "runtime/sampling/scan.h"

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

namespace {
// More likely first; among equals the lower id, so that the order never depends on an algorithm.
constexpr auto moreLikely = [](const auto &a, const auto &b) {
  return a.logit > b.logit || (a.logit == b.logit && a.token < b.token);
};
}  // namespace

// The vocabulary is never sorted: candidates are what lies above a threshold, found block by block through the maxima
// of blocks, and of these only the borders of sets are searched.
void Sampler::gather(std::span<const float> logits, float least) {
  candidates_.clear();
  for (size_t block = 0; block < maxima_.size(); ++block) {
    if (!(maxima_[block] >= least)) continue;
    size_t begin = block * scanBlock, end = std::min(logits.size(), begin + scanBlock), count = 0;
    Candidate found[scanBlock];  // without a branch for each: where many lie above, none could be foreseen
    for (size_t i = begin; i < end; ++i) {
      found[count] = {int32_t(i), logits[i], 0};
      count += logits[i] >= least;
    }
    candidates_.insert(candidates_.end(), found, found + count);
  }
}

void Sampler::keepTopK(std::span<const float> logits) {
  size_t k = size_t(options_.topK);
  // The k-th largest maximum of a block has k logits at or above it.
  float least = -INFINITY;
  if (k <= maxima_.size()) {
    ordered_ = maxima_;
    std::nth_element(ordered_.begin(), ordered_.begin() + long(k - 1), ordered_.end(), std::greater<>());
    least = ordered_[k - 1];
  }
  gather(logits, least);
  if (k < candidates_.size()) {
    std::nth_element(candidates_.begin(), candidates_.begin() + long(k), candidates_.end(), moreLikely);
    candidates_.resize(k);
  }
}

double Sampler::weigh(float best, double scale) {
  double total = 0;
  for (size_t begin = 0; begin < candidates_.size(); begin += scanBlock) {
    size_t count = std::min(scanBlock, candidates_.size() - begin);
    float logits[scanBlock], weights[scanBlock];
    for (size_t i = 0; i < count; ++i) logits[i] = candidates_[begin + i].logit;
    weightsOf({logits, count}, best, float(scale), weights);
    for (size_t i = 0; i < count; ++i) total += candidates_[begin + i].weight = weights[i];
  }
  return total;
}

void Sampler::keepTopP(std::span<const float> logits, float best, bool all) {
  double total, seen;
  if (all) {
    // Ever lower thresholds until enough lies above: likely tokens are few.
    total = blockWeights(logits, best, 1, sums_);
    double depth = 4;
    do {
      gather(logits, depth > 100 ? -INFINITY : float(best - depth));
      seen = weigh(best, 1);
      depth *= 2;
    } while (seen < options_.topP * total && candidates_.size() < logits.size() && depth < 400);
  } else {
    total = seen = weigh(best, 1);
  }
  keepMass(options_.topP * total, best);
}

// Keeps the smallest set of the most likely candidates whose weights reach `wanted`. Layers of like logits are taken
// whole, by their masses; only the layer at the border is searched.
void Sampler::keepMass(double wanted, float best) {
  constexpr int layers = 512, layersPerUnit = 16;
  auto layerOf = [best](const Candidate &candidate) {
    float depth = (best - candidate.logit) * layersPerUnit;
    return depth < layers - 1 ? int(depth) : layers - 1;
  };
  double masses[layers] = {};
  for (const Candidate &candidate : candidates_) masses[layerOf(candidate)] += candidate.weight;
  int last = 0;
  while (last < layers - 1 && masses[last] < wanted) wanted -= masses[last++];
  size_t kept = 0;
  border_.clear();
  for (Candidate candidate : candidates_) {
    int layer = layerOf(candidate);
    if (layer == last) border_.push_back(candidate);
    candidates_[kept] = candidate;
    kept += layer < last;
  }
  candidates_.resize(kept);
  candidates_.insert(candidates_.end(), border_.begin(), endOfMass(border_, wanted));
}

// Reorders `candidates` so that the smallest set of the most likely whose weights reach `wanted` comes first; returns
// its end. A search like that for the k-th largest, by weight instead of number.
std::vector<Sampler::Candidate>::iterator Sampler::endOfMass(std::vector<Candidate> &candidates, double wanted) {
  auto begin = candidates.begin(), end = candidates.end();
  while (end - begin > 1) {
    auto middle = begin + (end - begin) / 2;
    std::nth_element(begin, middle, end, moreLikely);
    double above = 0;
    for (auto at = begin; at != middle; ++at) above += at->weight;
    if (above >= wanted)
      end = middle;
    else
      wanted -= above, begin = middle;
  }
  return end;
}

void Sampler::keepMinP(std::span<const float> logits, float best, bool all) {
  float least = float(best + std::log(options_.minP));
  if (all) return gather(logits, least);
  std::erase_if(candidates_, [&](const Candidate &candidate) { return candidate.logit < least; });
}

int32_t Sampler::draw(float best) {
  double left = random_.uniform() * weigh(best, 1 / options_.temperature);
  for (const Candidate &candidate : candidates_)
    if ((left -= candidate.weight) < 0) return candidate.token;
  // Rounding left a crumb beyond the last: the last that can be drawn at all.
  return std::find_if(candidates_.rbegin(), candidates_.rend(), [](const Candidate &c) { return c.weight > 0; })->token;
}

int32_t Sampler::drawFromAll(std::span<const float> logits, float best) {
  float scale = float(1 / options_.temperature);
  double left = random_.uniform() * blockWeights(logits, best, scale, sums_);
  size_t block = 0, last = 0;  // last: of those that can be drawn
  for (; block < sums_.size(); ++block) {
    if (sums_[block] > 0) last = block;
    if (left < sums_[block]) break;
    left -= sums_[block];
  }
  size_t begin = last * scanBlock, count = std::min(scanBlock, logits.size() - begin), token = 0;
  float weights[scanBlock];
  weightsOf(logits.subspan(begin, count), best, scale, weights);
  for (size_t i = 0; i < count; ++i) {
    if (weights[i] > 0) token = i;
    if ((left -= weights[i]) < 0) break;
  }
  return int32_t(begin + token);
}

int32_t Sampler::choose(std::span<const float> given) {
  std::span<const float> logits = penalised(given);
  blockMaxima(logits, maxima_);
  size_t block = firstLargest(maxima_), begin = block * scanBlock;
  float best = maxima_[block];
  if (options_.temperature <= 0 || std::isinf(best))
    return int32_t(begin + firstLargest(logits.subspan(begin, std::min(scanBlock, logits.size() - begin))));
  bool all = options_.topK <= 0 || size_t(options_.topK) >= logits.size();
  if (!all) keepTopK(logits);
  if (options_.topP < 1) keepTopP(logits, best, all), all = false;
  if (options_.minP > 0) keepMinP(logits, best, all), all = false;
  return all ? drawFromAll(logits, best) : draw(best);
}

float logProbability(std::span<const float> logits, int32_t token) {
  double best = *std::max_element(logits.begin(), logits.end()), total = 0;
  for (float logit : logits) total += std::exp(double(logit) - best);
  return float(double(logits[size_t(token)]) - best - std::log(total));
}

}  // namespace llc
