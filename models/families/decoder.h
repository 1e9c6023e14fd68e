// The decoder family: token embedding, layers of attention and feed-forward with residuals, a last norm, a head. What
// its members differ in is in DecoderTraits; an architecture is a function from a configuration to traits.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "frontends/dsl/architecture.h"
#include "models/blocks/attention.h"
#include "models/blocks/mlp.h"
#include "models/blocks/norm.h"
#include "models/families/blocks.h"
#include "models/families/config.h"

namespace llc::models {

struct DecoderTraits {
  int64_t vocabulary = 0, hidden = 0, layers = 0, maxPositions = 0;
  Attention attention;
  std::vector<int64_t> windows;    // per layer, 0 for none; empty: no layer has one
  std::vector<float> scoreScales;  // per layer; empty: all 1
  Mlp mlp;
  Norm norm;
  bool parallelResidual = false;  // x + attention(norm(x)) + mlp(norm(x)) instead of one after the other
  bool tiedHead = false;          // logits use the embedding's matrix
  double embeddingScale = 1, logitScale = 1;
  dsl::DropoutRates dropout;
  std::optional<double> logitCap;  // logits become cap * tanh(logit / cap)

  // Names of the weights, those of a layer relative to "LAYERS.number". A norm whose name is empty is left out, so that
  // the names say where norms stand: before a sublayer, after it (on what is added to the residual), or both.
  std::string embeddingName = "model.embed_tokens", positionsName, layersName = "model.layers";
  std::string finalNormName = "model.norm", headName = "lm_head";
  std::string attentionNormName = "input_layernorm", attentionOutputNormName;
  std::string mlpNormName = "post_attention_layernorm", mlpOutputNormName;  // parallel and empty: shares attention's
  std::vector<std::string> unneededTensors = {"*.rotary_emb.inv_freq"};
  std::vector<std::string> optionalPrefixes;
};

struct DecoderArchitecture {
  std::string name;
  std::vector<std::string> answersTo;
  std::function<DecoderTraits(dsl::Config &)> traits;
};
dsl::Architecture decoder(DecoderArchitecture description, const Blocks &blocks);

// Checks what holds for every member (heads divide, sizes fit); mistakes go to `config`.
void checkDecoder(dsl::Config &config, const DecoderTraits &traits);
dsl::Model decoderModel(const std::string &name, const DecoderTraits &traits, const Blocks &blocks);

// ---- reading configurations: what several architectures share
// What an architecture's reference implementation assumes when a key is absent, and where its keys have other names.
struct LlamaLikeDefaults {
  int64_t maxPositions = 2048;
  std::optional<int64_t> keyValueHeads = {};  // without it as many as query heads
  std::optional<int64_t> headSize = {};       // without it hidden / heads
  bool tiedHead = false;
  const char *activationKey = "hidden_act", *activation = "silu";
};
// Sizes, heads, activation, tied head, rotation and RMS norms under the names that Llama introduced.
DecoderTraits readLlamaLike(dsl::Config &config, const LlamaLikeDefaults &defaults = {});
// Windows by layer_types ("full_attention" | "sliding_attention") or, without it, by `slides(layer)`.
std::vector<int64_t> readWindows(dsl::Config &config, int64_t layers, std::optional<int64_t> window,
                                 const std::function<bool(int64_t)> &slides);
// use_sliding_window, sliding_window and max_window_layers as Qwen writes them.
std::vector<int64_t> readQwenWindows(dsl::Config &config, int64_t layers);

}  // namespace llc::models
