// Qwen2 and Qwen2.5: Llama with biases on queries, keys and values; later layers may slide (Yang et al. 2024).
#include "models/families/decoder.h"
#include "models/registry.h"

namespace llc::models {

dsl::Architecture qwen2(const Blocks &blocks) {
  return decoder({.name = "qwen2", .answersTo = {"Qwen2ForCausalLM"}, .traits = [](dsl::Config &config) {
    DecoderTraits t = readLlamaLike(config, {.maxPositions = 32768, .keyValueHeads = 32});
    t.attention.inputBias = true;
    t.windows = readQwenWindows(config, t.layers);
    return t;
  }}, blocks);
}

}  // namespace llc::models
