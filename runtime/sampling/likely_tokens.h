// The likely tokens of a vocabulary: as many as asked for, or as few as have a share of the probability together.
// Nothing is sorted: layers of like logits are taken whole, by their masses, and only the layer at the border is
// searched. Passes go over those blocks of logits alone that reach the border.
#pragma once
#include <vector>

#include "runtime/sampling/scan.h"

namespace llc {

class LikelyTokens {
 public:
  // Forgets all borders. `logits` may not be empty and must live until the last use. NaN counts as -infinity.
  void read(std::span<const float> logits);
  float best() const { return best_; }
  int32_t mostLikely() const;  // the lowest id among equals

  // Each moves the border towards the most likely token, if at all. best() must be finite.
  void keepMost(int64_t count);      // so many; at least one
  void keepShare(double share);      // the fewest that reach this share of what is within; at least one
  void keepRelative(double weight);  // those with at least so many times the probability of the most likely
  const Border &border() const { return border_; }

  // The token where the sum of exp((logit - best) * scale) within the border, in the order of ids, exceeds `fraction`
  // (in [0, 1)) of the whole. best() must be finite.
  int32_t at(double fraction, float scale);

 private:
  struct Candidate {
    int32_t token;
    float logit, weight;
  };
  double sumLayers(float scale, float layersPerUnit);
  void keepMass(float scale, double share, double most);
  void find(const Border &border, float scale, int32_t layer, float layersPerUnit);
  void searchCandidates(double wanted);
  bool narrow(double &wanted);
  void weigh(size_t block, float scale, LogitBlock &weights) const;
  template <class Body>
  void eachBlock(float least, Body body) const;

  const ScanCode &code_ = scanCode();
  std::span<const float> logits_;
  float best_ = 0;
  Border border_ = {};
  std::vector<float> maxima_, ordered_;  // of blocks
  std::vector<double> sums_, masses_;    // weights of blocks; of layers
  std::vector<Candidate> candidates_;    // in the order of ids
};

}  // namespace llc
