// Dynamic loss scaling (Micikevicius et al. 2018) with the numbers of PyTorch's GradScaler: the loss is multiplied
// before the backward, so that small gradients stay above f16's least number, and gradients are divided again before
// they are used.
#pragma once
#include <array>
#include <cmath>

namespace llc::train {

class LossScale {
 public:
  static constexpr float initial = 65536, growth = 2, backoff = 0.5f;
  static constexpr float growthInterval = 2000;  // good steps in a row

  float scale() const { return state_[0]; }
  // After a step with that scale: whether its gradients were finite.
  void update(bool finite) {
    if (!finite) {
      state_ = {scale() * backoff, 0};
    } else if (++state_[1] >= growthInterval) {
      float larger = scale() * growth;
      state_ = {std::isfinite(larger) ? larger : scale(), 0};
    }
  }
  // The scale, and good steps since it changed: all that a run which goes on needs.
  std::array<float, 2> &state() { return state_; }

 private:
  std::array<float, 2> state_ = {initial, 0};
};

}  // namespace llc::train
