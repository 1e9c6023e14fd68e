// Configurations of the decoder family: what its members share.
#include "models/families/decoder.h"

namespace llc::models {
using dsl::Config;

void checkDecoder(Config &config, const DecoderTraits &t) {
  const Attention &a = t.attention;
  if (a.keyValueHeads < 1 || a.heads % a.keyValueHeads)
    config.refuse(
        "num_key_value_heads",
        std::to_string(a.heads) + " query heads can't share " + std::to_string(a.keyValueHeads) + " key heads evenly",
        "use a divisor of num_attention_heads");
}

DecoderTraits readLlamaLike(Config &config, const LlamaLikeDefaults &defaults) {
  DecoderTraits t;
  t.vocabulary = config.requiredSize("vocab_size");
  t.hidden = config.requiredSize("hidden_size");
  t.layers = readLayers(config, "num_hidden_layers", 0);
  t.maxPositions = config.size("max_position_embeddings", defaults.maxPositions);
  Attention &a = t.attention;
  a.heads = config.requiredSize("num_attention_heads");
  a.keyValueHeads =
      config.size("num_key_value_heads",
                  config.isWritten("num_key_value_heads") ? a.heads : defaults.keyValueHeads.value_or(a.heads));
  std::optional<int64_t> headSize = config.optionalSize("head_dim");
  if (!headSize) headSize = defaults.headSize;
  a.headSize = headSize ? *headSize : evenHeads(config, "num_attention_heads", t.hidden, a.heads);
  a.rope = readRope(config, a.headSize, t.maxPositions);
  t.norm = {.kind = Norm::rms, .epsilon = readEpsilon(config, "rms_norm_eps", 1e-6)};
  a.norm = t.norm;
  t.mlp.inner = config.requiredSize("intermediate_size");
  t.mlp.activation = readActivation(config, defaults.activationKey, defaults.activation);
  t.tiedHead = config.boolean("tie_word_embeddings", defaults.tiedHead);
  t.dropout.attention = config.number("attention_dropout", 0);
  return t;
}

std::vector<int64_t> readWindows(Config &config, int64_t layers, std::optional<int64_t> window,
                                 const std::function<bool(int64_t)> &slides) {
  std::vector<int64_t> windows(size_t(layers), 0);
  std::vector<std::string> kinds = config.texts("layer_types");
  if (!kinds.empty() && int64_t(kinds.size()) != layers) {
    config.refuse("layer_types",
                  "has " + std::to_string(kinds.size()) + " entries for " + std::to_string(layers) + " layers",
                  "give one for each layer, or leave the key out");
    return windows;
  }
  for (size_t i = 0; i < windows.size(); ++i) {
    bool sliding = kinds.empty() ? slides(int64_t(i)) : kinds[i] == "sliding_attention";
    if (!kinds.empty() && !sliding && kinds[i] != "full_attention")
      config.refuse("layer_types", "unknown kind of layer '" + kinds[i] + "'",
                    "full_attention and sliding_attention are supported");
    if (sliding && !window)
      config.refuse("sliding_window", "is missing although layer " + std::to_string(i) + " slides",
                    "give its size in tokens");
    if (sliding) windows[i] = window.value_or(1);
  }
  return windows;
}

std::vector<int64_t> readQwenWindows(Config &config, int64_t layers) {
  bool used = config.boolean("use_sliding_window", false);
  int64_t written = config.size("sliding_window", 4096);
  int64_t first = config.integer("max_window_layers", 28);
  bool none = config.isWritten("sliding_window") && !config.has("sliding_window");
  std::optional<int64_t> window = used && !none ? std::optional(written) : std::nullopt;
  return readWindows(config, layers, window, [&](int64_t layer) { return window && layer >= first; });
}

}  // namespace llc::models
