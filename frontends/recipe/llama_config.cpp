#include "frontends/recipe/llama_config.h"

#include <fmt/format.h>

#include <cmath>

#include "frontends/recipe/config_values.h"

namespace llc::recipe {

namespace {
struct Shape {
  int64_t vocabulary, width, layers, heads, keyHeads, headWidth, inner;
};
Shape shapeOf(const OrderedJson &config) {
  Shape s{};
  s.vocabulary = integerValue(config, "vocab_size");
  s.width = integerValue(config, "d_model");
  s.layers = integerValue(config, "n_layers");
  s.heads = integerValue(config, "n_heads");
  s.inner = feedForwardWidth(config);
  OrderedJson keys = valueOf(config, "n_kv_heads"), head = valueOf(config, "head_dim");
  bool shared = textValue(config, "attention_type", "") == "mqa";
  s.keyHeads = keys.is_null() ? (shared ? 1 : s.heads) : keys.get<int64_t>();
  s.headWidth = head.is_null() ? s.width / s.heads : head.get<int64_t>();
  return s;
}

// What keys must be for a llama: name, the values that it can have, what to write.
Status requireLlama(const OrderedJson &config, const std::string &where) {
  auto refuse = [&](const std::string &key, const std::string &what, const std::string &remedy) {
    return diagnose(ErrorKind::unsupported, where)
        .says(fmt::format("{} is {}; pretraining makes models of the llama family, which {}", key,
                          valueOf(config, key).dump(), what))
        .toFix(remedy);
  };
  std::string position = textValue(config, "pos_type", "rope");
  bool positionGiven = config.contains("pos_type");
  if (positionGiven ? position != "rope" : !flagValue(config, "use_rope", true))
    return refuse(positionGiven ? "pos_type" : "use_rope", "has rotary positions", "write pos_type: rope");
  std::string kind = textValue(config, "ffn_type", "swiglu");
  if (kind != "swiglu" && kind != "geglu")
    return refuse("ffn_type", "has gated feed-forward layers", "write swiglu or geglu");
  if (textValue(config, "attention_type", "standard") == "sparse" || config.contains("sparse_attention"))
    return refuse(config.contains("sparse_attention") ? "sparse_attention" : "attention_type",
                  "sees all earlier tokens", "write attention_type: standard, and leave sparse_attention out");
  if (!valueOf(config, "window").is_null()) return refuse("window", "sees all earlier tokens", "leave window out");
  if (!flagValue(config, "norm_first", true))
    return refuse("norm_first", "has its norms before the sub-layers", "write norm_first: true");
  if (!flagValue(config, "use_rms_norm", true))
    return refuse("use_rms_norm", "has RMS norms", "write use_rms_norm: true");
  if (flagValue(config, "use_parallel_ffn", false))
    return refuse("use_parallel_ffn", "has attention and feed-forward one after the other",
                  "write use_parallel_ffn: false");
  if (textValue(config, "objective", "causal") != "causal")
    return refuse("objective", "predicts the next token", "write objective: causal");
  return success();
}

OrderedJson ropeScaling(const OrderedJson &config) {
  OrderedJson scaling = valueOf(config, "rope_scaling");
  if (!scaling.is_object() || !scaling.contains("type")) return scaling;
  OrderedJson renamed = scaling;
  renamed["rope_type"] = scaling["type"];
  renamed.erase("type");
  return renamed;
}
}  // namespace

Result<OrderedJson> llamaConfig(const OrderedJson &config, const std::string &where) {
  LLC_TRY(requireLlama(config, where));
  Shape s = shapeOf(config);
  OrderedJson theta = valueOf(config, "rope_theta");
  OrderedJson out = {{"architectures", {"LlamaForCausalLM"}},
                     {"model_type", "llama"},
                     {"vocab_size", s.vocabulary},
                     {"hidden_size", s.width},
                     {"intermediate_size", s.inner},
                     {"num_hidden_layers", s.layers},
                     {"num_attention_heads", s.heads},
                     {"num_key_value_heads", s.keyHeads},
                     {"head_dim", s.headWidth},
                     {"hidden_act", textValue(config, "ffn_type", "swiglu") == "geglu" ? "gelu" : "silu"},
                     {"max_position_embeddings", integerValue(config, "max_len")},
                     {"initializer_range", valueOf(config, "initializer_range")},
                     {"rms_norm_eps", valueOf(config, "rms_norm_eps")},
                     {"rope_theta", theta.is_null() ? OrderedJson(10000.0) : theta},
                     {"attention_bias", false},
                     {"attention_dropout", 0.0},
                     {"mlp_bias", false},
                     {"tie_word_embeddings", valueOf(config, "tie_word_embeddings")},
                     {"bos_token_id", valueOf(config, "bos_token_id")},
                     {"eos_token_id", valueOf(config, "eos_token_id")},
                     {"pad_token_id", valueOf(config, "pad_token_id")},
                     {"torch_dtype", "float32"},
                     {"use_cache", true}};
  if (OrderedJson scaling = ropeScaling(config); !scaling.is_null()) out["rope_scaling"] = scaling;
  return out;
}

std::vector<InitialTensor> llamaTensors(const OrderedJson &config) {
  Shape s = shapeOf(config);
  double deviation = valueOf(config, "initializer_range").get<double>(), depth = double(s.layers);
  double input = deviation / std::sqrt(2 * depth), output = deviation / std::sqrt(depth);
  std::vector<InitialTensor> tensors = {{"model.embed_tokens.weight", {s.vocabulary, s.width}, deviation}};
  for (int64_t layer = 0; layer < s.layers; ++layer) {
    std::string block = fmt::format("model.layers.{}.", layer);
    auto add = [&](const char *name, std::vector<int64_t> shape, double spread) {
      tensors.push_back({block + name + ".weight", std::move(shape), spread});
    };
    add("input_layernorm", {s.width}, 0);
    add("self_attn.q_proj", {s.heads * s.headWidth, s.width}, input);
    add("self_attn.k_proj", {s.keyHeads * s.headWidth, s.width}, input);
    add("self_attn.v_proj", {s.keyHeads * s.headWidth, s.width}, input);
    add("self_attn.o_proj", {s.width, s.heads * s.headWidth}, output);
    add("post_attention_layernorm", {s.width}, 0);
    add("mlp.gate_proj", {s.inner, s.width}, deviation);
    add("mlp.up_proj", {s.inner, s.width}, deviation);
    add("mlp.down_proj", {s.width, s.inner}, deviation);
  }
  tensors.push_back({"model.norm.weight", {s.width}, 0});
  if (!flagValue(config, "tie_word_embeddings", false))
    tensors.push_back({"lm_head.weight", {s.vocabulary, s.width}, deviation});
  return tensors;
}

}  // namespace llc::recipe
