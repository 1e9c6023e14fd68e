// What a trainer that was compiled ahead of time carries beside code and weights: everything that a run asks of its
// configuration, so that the executable needs no other file than its data.
#pragma once
#include "runtime/base/config_key.h"
#include "runtime/formats/initial_tensor.h"
#include "runtime/train/run.h"

namespace llc::train {

struct TrainerPlan {
  std::string verb;  // "pretrain"
  RunConfig config;  // as it was compiled, with data.block_size
  TrainerTraits trainer;
  std::vector<InitialTensor> initial;        // pretrain: the weights of the first step; otherwise they travel along
  std::map<std::string, std::string> names;  // what a weight is called in its checkpoint, where that is not its name

  std::optional<AdapterRun> adapter;  // that is trained; what it begins with travels along

  // The keys of a run. Those that are fixed have been compiled in; a flag may stand for a key.
  struct Key {
    KeySpec spec;
    bool fixed = false;
    std::string flag;      // "--learning-rate,--lr"; empty: only --set
    std::string flagText;  // of a flag without a value: what it sets
  };
  std::vector<Key> keys;
};
std::string toJson(const TrainerPlan &plan);
// Errors: invalidInput. `where` names the file.
Result<TrainerPlan> parseTrainerPlan(std::string_view text, const std::string &where);

// Names of files in a trainer's artifact.
inline constexpr const char *planFile = "trainer.json", *modelConfigFile = "model/config.json",
                            *modelWeightsFile = "model/model.safetensors",
                            *adapterWeightsFile = "adapter/adapter_model.safetensors";
inline constexpr std::string_view tokenizerFolder = "tokenizer/";

}  // namespace llc::train
