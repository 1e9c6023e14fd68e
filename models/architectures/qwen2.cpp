// Qwen2 and Qwen2.5: Llama with biases on queries, keys and values; later layers may slide (Yang et al. 2024).
#include "models/families/decoder.h"
#include "models/registry.h"

namespace llc::models {
namespace {
DecoderTraits readTraits(dsl::Config &config) {
  DecoderTraits t = readLlamaLike(config, {.maxPositions = 32768, .keyValueHeads = 32});
  t.attention.inputBias = true;
  t.windows = readQwenWindows(config, t.layers);
  if (config.boolean("use_mrope", false))
    config.refuse("use_mrope", "rotation in three axes is not supported", "use a text model");
  return t;
}
}  // namespace

dsl::Architecture qwen2(const Blocks &blocks) {
  return decoder({.name = "qwen2", .answersTo = {"Qwen2ForCausalLM"}, .traits = readTraits}, blocks);
}

}  // namespace llc::models
