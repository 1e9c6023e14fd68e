#include "frontends/recipe/bert_config.h"

#include <fmt/format.h>

#include "frontends/recipe/config_values.h"

namespace llc::recipe {

namespace {
constexpr int64_t tokenTypes = 2;

bool has(const OrderedJson &config, const std::string &name) { return !valueOf(config, name).is_null(); }

Status requireBert(const OrderedJson &config, const std::string &where) {
  auto refuse = [&](const std::string &key, const std::string &what, const std::string &remedy) {
    return diagnose(ErrorKind::unsupported, where)
        .says(fmt::format("{} is {}; with objective mlm pretraining makes models of the bert family, which {}", key,
                          valueOf(config, key).dump(), what))
        .toFix(remedy + "; create-config --objective mlm writes what fits");
  };
  if (textValue(config, "pos_type", "") != "absolute")
    return refuse("pos_type", "has learned positions", "write pos_type: absolute");
  std::string kind = textValue(config, "ffn_type", "");
  if (kind != "gelu" && kind != "relu" && kind != "silu")
    return refuse("ffn_type", "has feed-forward layers of two matrices", "write gelu, relu or silu");
  if (flagValue(config, "norm_first", true))
    return refuse("norm_first", "has its norms behind the sub-layers", "write norm_first: false");
  if (flagValue(config, "use_rms_norm", true) || flagValue(config, "use_biasless_norm", false))
    return refuse(flagValue(config, "use_rms_norm", true) ? "use_rms_norm" : "use_biasless_norm",
                  "has layer norms with biases", "write use_rms_norm: false, use_biasless_norm: false");
  if (!flagValue(config, "tie_word_embeddings", false))
    return refuse("tie_word_embeddings", "has the embedding as its head", "write tie_word_embeddings: true");
  if (flagValue(config, "use_parallel_ffn", false))
    return refuse("use_parallel_ffn", "has attention and feed-forward one after the other",
                  "write use_parallel_ffn: false");
  std::string attention = textValue(config, "attention_type", "standard");
  if (attention != "standard" && attention != "flash2")
    return refuse("attention_type", "has keys for each head, and sees all tokens", "write attention_type: standard");
  for (const char *key : {"n_kv_heads", "head_dim", "window", "sparse_attention", "rope_theta", "rope_scaling"})
    if (has(config, key)) return refuse(key, "has no such thing", "leave it out");
  return success();
}
}  // namespace

bool fillsIn(const OrderedJson &config) { return textValue(config, "objective", "causal") == "mlm"; }

const std::vector<std::pair<std::string, OrderedJson>> &bertDefaults() {
  static const std::vector<std::pair<std::string, OrderedJson>> defaults = {
      {"pos_type", "absolute"}, {"use_rope", false},           {"ffn_type", "gelu"},   {"norm_first", false},
      {"use_rms_norm", false},  {"tie_word_embeddings", true}, {"rms_norm_eps", 1e-12}};
  return defaults;
}

Result<OrderedJson> bertConfig(const OrderedJson &config, const std::string &where) {
  LLC_TRY(requireBert(config, where));
  return OrderedJson{{"architectures", {"BertForMaskedLM"}},
                     {"model_type", "bert"},
                     {"vocab_size", integerValue(config, "vocab_size")},
                     {"hidden_size", integerValue(config, "d_model")},
                     {"intermediate_size", feedForwardWidth(config)},
                     {"num_hidden_layers", integerValue(config, "n_layers")},
                     {"num_attention_heads", integerValue(config, "n_heads")},
                     {"hidden_act", textValue(config, "ffn_type", "gelu")},
                     {"max_position_embeddings", integerValue(config, "max_len")},
                     {"type_vocab_size", tokenTypes},
                     {"initializer_range", valueOf(config, "initializer_range")},
                     {"layer_norm_eps", valueOf(config, "rms_norm_eps")},
                     {"hidden_dropout_prob", 0.0},
                     {"attention_probs_dropout_prob", 0.0},
                     {"tie_word_embeddings", true},
                     {"pad_token_id", valueOf(config, "pad_token_id")},
                     {"torch_dtype", "float32"}};
}

std::vector<InitialTensor> bertTensors(const OrderedJson &config) {
  int64_t vocabulary = integerValue(config, "vocab_size"), width = integerValue(config, "d_model");
  int64_t inner = feedForwardWidth(config);
  double deviation = valueOf(config, "initializer_range").get<double>();
  std::vector<InitialTensor> tensors;
  auto matrix = [&](const std::string &name, int64_t rows, int64_t columns) {
    tensors.push_back({name + ".weight", {rows, columns}, deviation});
  };
  auto bias = [&](const std::string &name, int64_t size) { tensors.push_back({name + ".bias", {size}, 0, 0}); };
  auto linear = [&](const std::string &name, int64_t outputs, int64_t inputs) {
    matrix(name, outputs, inputs);
    bias(name, outputs);
  };
  auto norm = [&](const std::string &name) {
    tensors.push_back({name + ".weight", {width}, 0});
    bias(name, width);
  };
  matrix("bert.embeddings.word_embeddings", vocabulary, width);
  matrix("bert.embeddings.position_embeddings", integerValue(config, "max_len"), width);
  matrix("bert.embeddings.token_type_embeddings", tokenTypes, width);
  norm("bert.embeddings.LayerNorm");
  for (int64_t layer = 0; layer < integerValue(config, "n_layers"); ++layer) {
    std::string block = fmt::format("bert.encoder.layer.{}.", layer);
    for (const char *name : {"query", "key", "value"}) linear(block + "attention.self." + name, width, width);
    linear(block + "attention.output.dense", width, width);
    norm(block + "attention.output.LayerNorm");
    linear(block + "intermediate.dense", inner, width);
    linear(block + "output.dense", width, inner);
    norm(block + "output.LayerNorm");
  }
  linear("cls.predictions.transform.dense", width, width);
  norm("cls.predictions.transform.LayerNorm");
  bias("cls.predictions", vocabulary);
  return tensors;
}

}  // namespace llc::recipe
