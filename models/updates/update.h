// One step of an optimizer over all weights: clipping by the global norm, the optimizer's direction, decoupled weight
// decay (Loshchilov and Hutter 2019); and nothing at all where the loss or the norm is not finite. Early updates: each
// weight moves as soon as its gradient is complete, and stays where the loss or that gradient is not finite.
#pragma once
#include "frontends/dsl/training.h"
#include "models/updates/optimizer.h"

namespace llc::models {

// What averages of weights are called. Before the first step they must be equal to the weights.
inline constexpr const char *averagePrefix = "ema";

// eightBit: tensors as large as their weight, where blockSize() is not 0; everything else stays f32.
enum class StateType { f32, eightBit };

// How the new value of a weight that is kept in bf16 gets there from f32; weights in f32 are not rounded.
enum class Rounding { nearest, stochastic };

// Weights that move in their own way.
struct ParameterGroup {
  std::string pattern;                     // of names; '*' stands for anything
  std::optional<double> rateScale = {};    // times the learning rate; absent: as without the group
  std::optional<double> weightDecay = {};  // instead of the common one, of vectors too
};

struct UpdateOptions {
  std::string optimizer = "adamw";  // NAME_8bit and NAME_bnb_8bit: NAME with state in 8 bits
  StateType state = StateType::f32;
  OptimizerSettings settings;  // over the optimizer's own
  double weightDecay = 0;
  bool decayVectors = false;   // biases and norms decay, too
  double maxGradientNorm = 0;  // 0: no clipping
  // The last layer and what comes after it learn by the whole rate, each layer below by so much of the one above it,
  // the embeddings as a layer below the first. A group's own rate counts instead.
  double layerDecay = 1;
  bool early = false;          // without clipping and scaling of the loss only
  double emaDecay = 0;         // of averages over the steps, "ema/NAME" of each weight; 0: none
  Rounding rounding = Rounding::nearest;
  uint64_t seed = 0;                   // of stochastic rounding
  std::vector<ParameterGroup> groups;  // the first one that a name fits counts
  std::vector<std::string> frozen;     // patterns ('*' stands for anything) of weights that stay as they are
};

// Errors: no optimizer of that name, a setting that it does not have or out of range; a pattern that fits no weight;
// all weights frozen.
Result<dsl::UpdateRule> updateRule(const UpdateOptions &options, const std::vector<dsl::NamedShape> &weights);

}  // namespace llc::models
