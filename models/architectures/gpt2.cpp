// GPT-2: learned positions, layer norms, matrices stored inputs first (Radford et al. 2019).
#include <cmath>

#include "models/families/decoder.h"
#include "models/registry.h"

namespace llc::models {
namespace {
DecoderTraits readTraits(dsl::Config &config) {
  DecoderTraits t;
  t.vocabulary = config.size("vocab_size", 50257);
  t.hidden = config.size("n_embd", 768);
  t.layers = readLayers(config, "n_layer", 12);
  t.maxPositions = config.size("n_positions", 1024);
  t.norm = {.kind = Norm::layer, .epsilon = readEpsilon(config, "layer_norm_epsilon", 1e-5)};
  t.tiedHead = config.boolean("tie_word_embeddings", true);
  Attention &a = t.attention;
  a.heads = a.keyValueHeads = config.size("n_head", 12);
  a.headSize = evenHeads(config, "n_head", t.hidden, a.heads);
  if (!config.boolean("scale_attn_weights", true)) a.scale = 1;
  if (config.boolean("scale_attn_by_inverse_layer_idx", false))
    for (int64_t layer = 0; layer < t.layers; ++layer) t.scoreScales.push_back(1.0f / float(layer + 1));
  a.inputBias = a.outputBias = true;
  a.layout = WeightLayout::inputsFirst;
  a.name = "attn", a.fused = "c_attn", a.output = "c_proj";
  t.mlp = {.inner = config.size("n_inner", 4 * t.hidden),
           .activation = readActivation(config, "activation_function", "gelu_new"),
           .bias = true,
           .layout = WeightLayout::inputsFirst,
           .gate = "",
           .up = "c_fc",
           .down = "c_proj"};
  t.dropout = {.embeddings = config.number("embd_pdrop", 0.1),
               .sublayers = config.number("resid_pdrop", 0.1),
               .attention = config.number("attn_pdrop", 0.1)};
  // reorder_and_upcast_attn changes the order of roundings only; the summary heads are other models'.
  config.irrelevant({"summary_*", "reorder_and_upcast_attn", "n_ctx"});
  if (config.boolean("add_cross_attention", false))
    config.refuse("add_cross_attention", "attention to an encoder is not supported", "set it to false");
  t.embeddingName = "transformer.wte", t.positionsName = "transformer.wpe", t.layersName = "transformer.h";
  t.finalNormName = "transformer.ln_f", t.attentionNormName = "ln_1", t.mlpNormName = "ln_2";
  t.unneededTensors = {"*.attn.bias", "*.attn.masked_bias"};  // causal masks
  t.optionalPrefixes = {"transformer."};
  return t;
}
}  // namespace

dsl::Architecture gpt2(const Blocks &blocks) {
  return decoder({.name = "gpt2", .answersTo = {"GPT2LMHeadModel"}, .traits = readTraits}, blocks);
}

}  // namespace llc::models
