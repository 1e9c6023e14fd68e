// Qwen3: norms of queries and keys per head instead of biases (Yang et al. 2025).
#include "models/families/decoder.h"
#include "models/registry.h"

namespace llc::models {
namespace {
DecoderTraits readTraits(dsl::Config &config) {
  DecoderTraits t = readLlamaLike(config, {.maxPositions = 32768, .keyValueHeads = 32, .headSize = 128});
  t.attention.inputBias = t.attention.outputBias = config.boolean("attention_bias", false);
  t.attention.queryNorm = "q_norm";
  t.attention.keyNorm = "k_norm";
  t.windows = readQwenWindows(config, t.layers);
  return t;
}
}  // namespace

dsl::Architecture qwen3(const Blocks &blocks) {
  return decoder({.name = "qwen3", .answersTo = {"Qwen3ForCausalLM"}, .traits = readTraits}, blocks);
}

}  // namespace llc::models
