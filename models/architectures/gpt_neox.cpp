// GPT-NeoX and Pythia: attention and feed-forward side by side, a part of each head rotated (Black et al. 2022).
#include "models/families/decoder.h"
#include "models/registry.h"

namespace llc::models {
namespace {
DecoderTraits readTraits(dsl::Config &config) {
  DecoderTraits t;
  t.vocabulary = config.requiredSize("vocab_size");
  t.hidden = config.requiredSize("hidden_size");
  t.layers = readLayers(config, "num_hidden_layers", 0);
  t.maxPositions = config.size("max_position_embeddings", 2048);
  t.norm = {.kind = Norm::layer, .epsilon = readEpsilon(config, "layer_norm_eps", 1e-5)};
  t.tiedHead = config.boolean("tie_word_embeddings", false);
  t.parallelResidual = config.boolean("use_parallel_residual", true);
  Attention &a = t.attention;
  a.heads = a.keyValueHeads = config.requiredSize("num_attention_heads");
  a.headSize = evenHeads(config, "num_attention_heads", t.hidden, a.heads);
  a.rope = readRope(config, a.headSize, t.maxPositions,
                    {.theta = "rotary_emb_base", .partial = "rotary_pct", .defaultPartial = 0.25});
  a.inputBias = a.outputBias = config.boolean("attention_bias", true);
  a.name = "attention", a.fused = "query_key_value", a.output = "dense";
  a.fusedPerHead = true;
  t.mlp = {.inner = config.requiredSize("intermediate_size"),
           .activation = readActivation(config, "hidden_act", "gelu"),
           .bias = true,
           .gate = "",
           .up = "dense_h_to_4h",
           .down = "dense_4h_to_h"};
  t.dropout.embeddings = t.dropout.sublayers = config.number("hidden_dropout", 0);
  t.dropout.attention = config.number("attention_dropout", 0);
  config.irrelevant({"classifier_dropout", "is_decoder"});
  t.embeddingName = "gpt_neox.embed_in", t.layersName = "gpt_neox.layers";
  t.finalNormName = "gpt_neox.final_layer_norm", t.headName = "embed_out";
  t.unneededTensors = {"*.attention.bias", "*.attention.masked_bias", "*.rotary_emb.inv_freq"};
  t.optionalPrefixes = {"gpt_neox."};
  return t;
}
}  // namespace

dsl::Architecture gpt_neox(const Blocks &blocks) {
  return decoder({.name = "gpt_neox", .answersTo = {"GPTNeoXForCausalLM"}, .traits = readTraits}, blocks);
}

}  // namespace llc::models
