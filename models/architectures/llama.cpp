// Llama 1 to 3 and the many models that share its layout (Touvron et al. 2023).
#include "models/families/decoder.h"
#include "models/registry.h"

namespace llc::models {
namespace {
DecoderTraits readTraits(dsl::Config &config) {
  DecoderTraits t = readLlamaLike(config);
  t.attention.inputBias = t.attention.outputBias = config.boolean("attention_bias", false);
  t.mlp.bias = config.boolean("mlp_bias", false);
  return t;
}
}  // namespace

dsl::Architecture llama(const Blocks &blocks) {
  return decoder({.name = "llama", .answersTo = {"LlamaForCausalLM"}, .traits = readTraits}, blocks);
}

}  // namespace llc::models
