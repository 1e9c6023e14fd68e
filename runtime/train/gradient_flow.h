// Norms of gradients by place of the model, which show where they vanish, explode, or stop being finite.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "runtime/train/training_program.h"

namespace llc::train {

// What such metrics of a step are called: "grad_norms/PLACE".
inline constexpr std::string_view gradientNorms = "grad_norms/";

// "model.layers.3" of all weights of a layer; other weights are places of their own.
std::string placeOfWeight(std::string_view weight);
// The layer's number in a place; -1: it is none.
int64_t layerOfPlace(std::string_view place);

class GradientFlow {
 public:
  // `squares`: where the step writes the sum of the squares of this weight's gradient.
  void add(std::string_view weight, const float *squares);
  // The norms of the last step, whose loss was multiplied with `lossScale`.
  void addTo(Metrics &metrics, double lossScale) const;

 private:
  std::vector<std::pair<std::string, std::vector<const float *>>> places_;
};

// Of a step that was left out: where it stopped being finite, as far as weights and norms tell.
std::string whereNotFinite(const StepResult &result, std::span<const TensorState> state);

}  // namespace llc::train
