// What a compiled training program takes.
#pragma once
#include <nlohmann/json.hpp>

#include "runtime/abi/manifest.h"

namespace llc::train {

// Bytes: "weights", "frozen" (weights that stay as they are, in each layout that products read), "optimizer_state",
// "averages" (of weights), "gradients" (those that are summed over micro-batches; a step of one keeps them in the
// arena), "arena" (activations and gradients), "scratch" (of threads), "total".
nlohmann::ordered_json trainingMemory(const Manifest &manifest, int64_t threads);

// Does each weight move as soon as its gradient is complete? Such a step says how many did: "moved_weights".
inline constexpr const char *movedWeights = "moved_weights";
bool movesEarly(const Manifest &manifest);

}  // namespace llc::train
