#include "runtime/train/training_memory.h"

#include <algorithm>

#include "runtime/serve/session.h"
#include "runtime/train/compiled_step.h"

namespace llc::train {

nlohmann::ordered_json trainingMemory(const Manifest &manifest, int64_t threads) {
  uint64_t weights = 0, frozen = 0, state = 0, averages = 0, gradients = 0,
           scratch = scratchStride(manifest) * uint64_t(threads);
  auto partOf = [&](const ParameterSpec &parameter) -> uint64_t & {
    if (!parameter.updated) return frozen;
    if (isSummedGradient(parameter.name)) return gradients;
    if (isAverage(parameter.name)) return averages;
    return isOptimizerState(parameter.name) ? state : weights;
  };
  for (const ParameterSpec &parameter : manifest.parameters) partOf(parameter) += parameter.bytes;
  return {{"weights", weights},
          {"frozen", frozen},
          {"optimizer_state", state},
          {"averages", averages},
          {"gradients", gradients},
          {"arena", manifest.arenaBytes},
          {"scratch", scratch},
          {"total", weights + frozen + state + averages + gradients + manifest.arenaBytes + scratch}};
}

bool movesEarly(const Manifest &manifest) {
  const EntrySpec *step = manifest.entry("train_step");
  return step && std::ranges::any_of(step->outputs, [](const auto &output) { return output.name == movedWeights; });
}

}  // namespace llc::train
