#include "frontends/recipe/model_config.h"

#include <fmt/format.h>

namespace llc::recipe {

namespace {
const KeySpec *findKey(std::string_view path) {
  for (const KeySpec &key : configKeys())
    if (key.path == path) return &key;
  return nullptr;
}

bool isSection(std::string_view name) {
  for (const KeySpec &key : configKeys())
    if (key.path.starts_with(name) && key.path.substr(name.size()).starts_with('.')) return true;
  return false;
}

std::string nearestKeys(const std::string &path) {
  std::vector<std::string> names;
  for (const KeySpec &key : configKeys()) names.push_back(key.path);
  return nearestNames(path, names);
}

Status checkObject(const OrderedJson &object, const std::string &prefix, const std::string &where,
                   std::vector<std::string> &warnings) {
  for (const auto &[name, value] : object.items()) {
    std::string path = prefix + name;
    if (const KeySpec *key = findKey(path)) {
      if (!value.is_null()) LLC_TRY(checkValue(*key, value, where));
    } else if (prefix.empty() && isSection(name) && value.is_object()) {
      LLC_TRY(checkObject(value, path + ".", where, warnings));
    } else {
      std::string near = nearestKeys(path);
      warnings.push_back(fmt::format("{}: no key is named '{}'{}: it has no effect", where, path,
                                     near.empty() ? "" : " (did you mean " + near + "?)"));
    }
  }
  return success();
}

int64_t integerOf(const OrderedJson &config, const char *name, int64_t otherwise) {
  auto found = config.find(name);
  return found == config.end() || found->is_null() ? otherwise : found->get<int64_t>();
}
std::string textOf(const OrderedJson &config, const char *name, const char *otherwise) {
  auto found = config.find(name);
  return found == config.end() || !found->is_string() ? otherwise : found->get<std::string>();
}
bool flagOf(const OrderedJson &config, const char *name, bool otherwise) {
  auto found = config.find(name);
  return found == config.end() || !found->is_boolean() ? otherwise : found->get<bool>();
}

struct Heads {
  int64_t queries, keys, width;
};
Heads headsOf(const OrderedJson &config) {
  int64_t queries = integerOf(config, "n_heads", 32);
  int64_t keys = integerOf(config, "n_kv_heads", textOf(config, "attention_type", "") == "mqa" ? 1 : queries);
  return {queries, keys, integerOf(config, "head_dim", integerOf(config, "d_model", 4096) / queries)};
}

std::string positionType(const OrderedJson &config) {
  return textOf(config, "pos_type", flagOf(config, "use_rope", true) ? "rope" : "absolute");
}

Status checkRelations(const OrderedJson &config, const std::string &where, std::vector<std::string> &warnings) {
  auto wrong = [&](const std::string &what, const std::string &remedy) {
    return diagnose(ErrorKind::invalidInput, where).says(what).toFix(remedy);
  };
  int64_t width = integerOf(config, "d_model", 4096), vocabulary = integerOf(config, "vocab_size", 32000);
  Heads heads = headsOf(config);
  if (!config.contains("head_dim") && width % heads.queries != 0)
    return wrong(fmt::format("n_heads {} does not divide d_model {}", heads.queries, width),
                 "change one of them, or give head_dim");
  if (heads.queries % heads.keys != 0)
    return wrong(fmt::format("n_kv_heads {} does not divide n_heads {}", heads.keys, heads.queries),
                 "change one of them");
  if (positionType(config) == "rope" && heads.width % 2 != 0)
    return wrong(fmt::format("heads have a width of {}, and rope turns pairs", heads.width),
                 "choose n_heads or head_dim such that it is even");
  for (const char *name : {"pad_token_id", "bos_token_id", "eos_token_id"})
    if (integerOf(config, name, 0) >= vocabulary)
      return wrong(
          fmt::format("{} {} is outside the vocabulary of {} tokens", name, integerOf(config, name, 0), vocabulary),
          "take both from the tokenizer");
  if (config.contains("use_rope") && config.contains("pos_type") &&
      flagOf(config, "use_rope", true) != (positionType(config) == "rope"))
    warnings.push_back(fmt::format("{}: use_rope and pos_type contradict each other; pos_type {} counts", where,
                                   positionType(config)));
  return success();
}

// Numbers such as 1e-06 are texts for YAML 1.1 unless they have a dot.
std::string yamlScalar(const OrderedJson &value) {
  std::string text = value.dump();
  size_t exponent = text.find('e');
  if (value.is_number_float() && exponent != text.npos && text.find('.') == text.npos) text.insert(exponent, ".0");
  return text;
}
}  // namespace

Status setKey(OrderedJson &config, const std::string &assignment) {
  size_t equals = assignment.find('=');
  if (equals == std::string::npos || equals == 0)
    return diagnose(ErrorKind::invalidInput, "--set " + assignment)
        .says("expected KEY=VALUE")
        .toFix("write for instance d_model=768 or training.lr=3e-4");
  std::string path = assignment.substr(0, equals), text = assignment.substr(equals + 1);
  const KeySpec *key = findKey(path);
  if (!key) {
    std::string near = nearestKeys(path);
    return diagnose(ErrorKind::invalidInput, "--set " + path)
        .says("no key has this name")
        .toFix(near.empty() ? "llc-model create-config --full -o - shows the keys" : "did you mean " + near + "?");
  }
  LLC_ASSIGN(OrderedJson value, parseValue(*key, text, "--set"));
  size_t dot = path.find('.');
  if (dot == std::string::npos)
    config[path] = value;
  else
    config[path.substr(0, dot)][path.substr(dot + 1)] = value;
  return success();
}

Status checkConfig(const OrderedJson &config, const std::string &where, std::vector<std::string> &warnings) {
  if (!config.is_object())
    return diagnose(ErrorKind::invalidInput, where)
        .says("is no object of keys and values")
        .toFix("make one with llc-model create-config");
  LLC_TRY(checkObject(config, "", where, warnings));
  return checkRelations(config, where, warnings);
}

int64_t feedForwardWidth(const OrderedJson &config) {
  int64_t width = integerOf(config, "d_model", 4096);
  int64_t standard = (8 * width / 3 + 255) / 256 * 256;
  return integerOf(config, "d_ff", standard);
}

ParameterCounts countParameters(const OrderedJson &config) {
  int64_t width = integerOf(config, "d_model", 4096), layers = integerOf(config, "n_layers", 32),
          vocabulary = integerOf(config, "vocab_size", 32000);
  Heads heads = headsOf(config);
  std::string kind = textOf(config, "ffn_type", "swiglu");
  bool gated = kind == "swiglu" || kind == "geglu";
  bool bias = !flagOf(config, "use_rms_norm", true) && !flagOf(config, "use_biasless_norm", false);
  ParameterCounts counts;
  counts.embedding =
      vocabulary * width + (positionType(config) == "absolute" ? integerOf(config, "max_len", 4096) * width : 0);
  counts.attention = layers * width * heads.width * (2 * heads.queries + 2 * heads.keys);
  counts.feedForward = layers * width * feedForwardWidth(config) * (gated ? 3 : 2);
  counts.norms = (2 * layers + 1) * width * (bias ? 2 : 1);
  counts.head = flagOf(config, "tie_word_embeddings", false) ? 0 : vocabulary * width;
  if (textOf(config, "objective", "causal") == "mlm") {  // a BERT: types of tokens, biases, more norms, a deeper head
    int64_t inner = feedForwardWidth(config);
    counts.embedding += 2 * width;
    counts.attention += layers * 4 * width;
    counts.feedForward += layers * (inner + width);
    counts.norms = (2 * layers + 2) * 2 * width;
    counts.head += width * width + width + vocabulary;
  }
  return counts;
}

std::string toYaml(const OrderedJson &config) {
  std::string out;
  for (const auto &[name, value] : config.items()) {
    if (!value.is_object()) {
      out += fmt::format("{}: {}\n", name, yamlScalar(value));
      continue;
    }
    out += name + ":\n";
    for (const auto &[inner, item] : value.items()) out += fmt::format("  {}: {}\n", inner, yamlScalar(item));
  }
  return out;
}

}  // namespace llc::recipe
