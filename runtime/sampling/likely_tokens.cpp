#include "runtime/sampling/likely_tokens.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

namespace llc {

namespace {
// Layers of like logits below the best; the last one holds all the rest.
constexpr int32_t layers = 1024, anyLayer = -1;
// Layers per unit: where few blocks come near the best; where most do; to the end of all that has weight.
constexpr float thin = 128, medium = 64, thick = 16;
constexpr size_t fewCandidates = 256;  // sorting is cheaper than making layers
constexpr int32_t allTokens = std::numeric_limits<int32_t>::max();

// The layer with which the masses reach `wanted`, the last one if none does; leaves of `wanted` what is to be found in
// it.
size_t layerWith(std::span<const double> masses, double &wanted) {
  size_t layer = 0;
  while (layer + 1 < masses.size() && masses[layer] < wanted) wanted -= masses[layer++];
  return layer;
}
}  // namespace

template <class Body>
void LikelyTokens::eachBlock(float least, Body body) const {
  for (size_t block = 0; block < maxima_.size(); ++block)
    if (maxima_[block] >= least) body(block);
}

void LikelyTokens::read(std::span<const float> logits) {
  logits_ = logits;
  border_ = {-INFINITY, allTokens};
  maxima_.resize(scanBlocks(logits.size()));
  for (size_t block = 0; block < maxima_.size(); ++block) maxima_[block] = code_.blockMaximum(logits, block);
  best_ = maxima_[code_.firstLargest(maxima_)];
}

int32_t LikelyTokens::mostLikely() const {
  size_t begin = code_.firstLargest(maxima_) * scanBlock;
  return int32_t(begin + code_.firstLargest(logits_.subspan(begin, std::min(scanBlock, logits_.size() - begin))));
}

// Fills masses_ with the weights of every layer within the border; returns the sum of all.
double LikelyTokens::sumLayers(float scale, float layersPerUnit) {
  masses_.assign(layers, 0);
  float lowest = best_ - layers / layersPerUnit;
  eachBlock(border_.least, [&](size_t block) {
    LogitBlock buffer, weights;
    const float *logits = code_.keptLogits(logits_, block, border_, buffer);
    code_.weightsOf(logits, best_, scale, weights);
    if (maxima_[block] < lowest) {
      masses_.back() += code_.sumOf(weights);
      return;
    }
    LayerBlock layer;
    code_.layersOf(logits, best_, layersPerUnit, layers, layer);
    for (size_t i = 0; i < scanBlock; ++i) masses_[size_t(layer[i])] += weights[i];
  });
  double total = 0;
  for (double mass : masses_) total += mass;
  return total;
}

// Fills candidates_ with the tokens within a border and in a layer.
void LikelyTokens::find(const Border &border, float scale, int32_t wanted, float layersPerUnit) {
  candidates_.clear();
  bool bounded = wanted != anyLayer && wanted < layers - 1;
  float least = bounded ? std::max(border.least, best_ - float(wanted + 2) / layersPerUnit) : border.least;
  eachBlock(least, [&](size_t block) {
    LogitBlock buffer;
    LayerBlock layer;
    GroupFlags any;  // most have none
    const float *logits = code_.keptLogits(logits_, block, border, buffer);
    layer.fill(anyLayer);
    if (wanted != anyLayer) code_.layersOf(logits, best_, layersPerUnit, layers, layer);
    code_.groupsWith(logits, layer, wanted, any);
    for (size_t begin = 0; begin < scanBlock; begin += scanGroup)
      for (size_t i = begin; any[begin / scanGroup] && i < begin + scanGroup; ++i)
        if (layer[i] == wanted && logits[i] > -INFINITY)
          candidates_.push_back({int32_t(block * scanBlock + i), logits[i], 0});
  });
  for (size_t begin = 0; begin < candidates_.size(); begin += scanBlock) {
    size_t count = std::min(scanBlock, candidates_.size() - begin);
    LogitBlock logits = {}, weights;
    for (size_t i = 0; i < count; ++i) logits[i] = candidates_[begin + i].logit;
    code_.weightsOf(logits.data(), best_, scale, weights);
    for (size_t i = 0; i < count; ++i) candidates_[begin + i].weight = weights[i];
  }
}

// Leaves those candidates among which `wanted` is reached, by layers between the least and the most likely one, and
// takes from `wanted` what lies above them. False: nothing tells the candidates apart.
bool LikelyTokens::narrow(double &wanted) {
  auto [least, most] = std::minmax_element(candidates_.begin(), candidates_.end(),
                                           [](const Candidate &a, const Candidate &b) { return a.logit < b.logit; });
  constexpr size_t parts = 256;
  float top = most->logit, perUnit = float(parts - 1) / (top - least->logit);
  if (!(perUnit > 0) || std::isinf(perUnit)) return false;
  double masses[parts] = {};
  auto partOf = [=](const Candidate &candidate) {
    return std::min(size_t((top - candidate.logit) * perUnit), parts - 1);
  };
  for (const Candidate &candidate : candidates_) masses[partOf(candidate)] += candidate.weight;
  size_t part = layerWith(masses, wanted);
  std::erase_if(candidates_, [&](const Candidate &candidate) { return partOf(candidate) != part; });
  return true;
}

// Moves the border to the candidate with which the weights, the most likely first, reach `wanted`.
void LikelyTokens::searchCandidates(double wanted) {
  while (candidates_.size() > fewCandidates && narrow(wanted)) {
  }
  auto moreLikely = [](const Candidate &a, const Candidate &b) {
    return a.logit > b.logit || (a.logit == b.logit && a.token < b.token);
  };
  if (!std::is_sorted(candidates_.begin(), candidates_.end(), moreLikely))  // many equal ones are
    std::sort(candidates_.begin(), candidates_.end(), moreLikely);
  for (const Candidate &candidate : candidates_) {
    border_ = {candidate.logit, candidate.token};
    if ((wanted -= candidate.weight) <= 0) break;
  }
}

// Moves the border to where a share of all weights is reached, or the mass `most` if that is less.
void LikelyTokens::keepMass(float scale, double share, double most) {
  size_t near = 0;
  eachBlock(best_ - layers / thin, [&](size_t) { ++near; });
  float layersPerUnit = near < maxima_.size() / 2 ? thin : medium;
  double total = sumLayers(scale, layersPerUnit), wanted = std::min(share * total, most);
  if (wanted > total - masses_.back()) sumLayers(scale, layersPerUnit = thick);
  size_t layer = layerWith(masses_, wanted);
  find(border_, scale, int32_t(layer), layersPerUnit);
  searchCandidates(wanted);
}

void LikelyTokens::keepMost(int64_t count) {
  if (count >= int64_t(logits_.size())) return;
  if (count > int64_t(maxima_.size())) return keepMass(0, 1, double(count));
  // The k-th largest maximum of a block has k logits at or above it.
  ordered_ = maxima_;
  std::nth_element(ordered_.begin(), ordered_.begin() + long(count - 1), ordered_.end(), std::greater<>());
  find({ordered_[size_t(count - 1)], allTokens}, 0, anyLayer, 0);
  searchCandidates(double(count));
}

void LikelyTokens::keepShare(double share) { keepMass(1, share, INFINITY); }

void LikelyTokens::keepRelative(double weight) {
  float least = float(best_ + std::log(weight));
  if (least > border_.least) border_ = {least, allTokens};
}

void LikelyTokens::weigh(size_t block, float scale, LogitBlock &weights) const {
  LogitBlock buffer;
  code_.weightsOf(code_.keptLogits(logits_, block, border_, buffer), best_, scale, weights);
}

int32_t LikelyTokens::at(double fraction, float scale) {
  sums_.assign(maxima_.size(), 0);
  double total = 0;
  LogitBlock weights;
  eachBlock(border_.least, [&](size_t block) {
    weigh(block, scale, weights);
    total += sums_[block] = code_.sumOf(weights);
  });
  double left = fraction * total;
  size_t last = 0;  // of those that can be drawn: rounding may leave a crumb beyond
  for (size_t block = 0; block < sums_.size(); ++block) {
    if (sums_[block] > 0) last = block;
    if (left < sums_[block]) break;
    left -= sums_[block];
  }
  weigh(last, scale, weights);
  size_t token = 0;
  for (size_t i = 0; i < scanBlock; ++i) {
    if (weights[i] > 0) token = i;
    if ((left -= weights[i]) < 0) break;
  }
  return int32_t(last * scanBlock + token);
}

}  // namespace llc
