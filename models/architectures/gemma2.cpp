// Gemma 2: norms on both sides of each sublayer, soft-capped scores and logits, every other layer slides (Gemma Team
// 2024).
#include <cmath>

#include "models/families/decoder.h"
#include "models/registry.h"

namespace llc::models {
namespace {
DecoderTraits readTraits(dsl::Config &config) {
  DecoderTraits t = readLlamaLike(config, {.maxPositions = 8192,
                                           .keyValueHeads = 4,
                                           .headSize = 256,
                                           .tiedHead = true,
                                           .activationKey = "hidden_activation",
                                           .activation = "gelu_pytorch_tanh"});
  config.irrelevant({"hidden_act"});  // older files have both; hidden_activation is the one that counts
  t.norm.offset = 1;
  t.embeddingScale = float(std::sqrt(double(t.hidden)));
  t.attention.inputBias = t.attention.outputBias = config.boolean("attention_bias", false);
  t.attention.scale = 1 / std::sqrt(double(config.size("query_pre_attn_scalar", 256)));
  t.attention.softCap =
      config.isWritten("attn_logit_softcapping") ? config.optionalNumber("attn_logit_softcapping") : 50.0;
  t.logitCap = config.isWritten("final_logit_softcapping") ? config.optionalNumber("final_logit_softcapping") : 30.0;
  t.windows =
      readWindows(config, t.layers, config.size("sliding_window", 4096), [](int64_t layer) { return layer % 2 == 0; });
  if (config.boolean("use_bidirectional_attention", false))
    config.refuse("use_bidirectional_attention", "attention in both directions is not supported", "set it to false");
  t.attentionOutputNormName = "post_attention_layernorm";
  t.mlpNormName = "pre_feedforward_layernorm";
  t.mlpOutputNormName = "post_feedforward_layernorm";
  return t;
}
}  // namespace

dsl::Architecture gemma2(const Blocks &blocks) {
  return decoder({.name = "gemma2", .answersTo = {"Gemma2ForCausalLM"}, .traits = readTraits}, blocks);
}

}  // namespace llc::models
