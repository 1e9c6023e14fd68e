// LoRA (Hu et al. 2021): y = x W^T + s (x A^T) B^T with A [rank, inputs], B [outputs, rank], s = alpha / rank. rsLoRA
// (Kalajdzievski 2023): s = alpha / sqrt(rank). DoRA (Liu et al. 2024): the rows of W + s B A get lengths of their own,
// m; the length they have counts as a constant in gradients, as the paper proposes (4.3) and PEFT does.
#include <cmath>

#include "frontends/dsl/sugar.h"
#include "models/adapter_registry.h"
#include "models/blocks/dropout.h"
#include "models/blocks/projection.h"
#include "models/blocks/saved_modules.h"

namespace llc::models {
using namespace dsl;
namespace {
constexpr const char *nameOfA = ".lora_A.weight", *nameOfB = ".lora_B.weight",
                     *nameOfLengths = ".lora_magnitude_vector", *nameOfShare = ".adapter_share";

struct Part {
  int64_t rank = 0;
  double scale = 0;
  bool hasLengths = false;
};

// One adapter: which modules it changes, and how.
struct Lora {
  std::map<std::string, Part> parts;
  std::string suffix;
  double share = 1, dropout = 0;
  bool sharesAtRunTime = false;

  Tensor own(const char *name, const Shape &shape) const { return parameter(std::string(name + 1) + suffix, shape); }

  Tensor change(const Product &product, Tensor result) const {
    auto found = parts.find(product.module.name);
    if (found == parts.end()) return result;
    const Part &part = found->second;
    Tensor a = own(nameOfA, {part.rank, product.module.inputs}), b = own(nameOfB, {product.module.outputs, part.rank});
    Tensor x = dropped(product.x, dropout);
    if (part.hasLengths) return withLengths(product, result, part, x, a, b);
    if (sharesAtRunTime) return result + linear(scale(linear(x, a), part.scale) * own(nameOfShare, {1}), b);
    return result + linear(scale(linear(x, a), part.scale * share), b);
  }

  // With dropout the change of the lengths reads what is left of x, too (as in PEFT).
  Tensor withLengths(const Product &product, Tensor result, const Part &part, Tensor x, Tensor a, Tensor b) const {
    Tensor lengths = own(nameOfLengths, {product.module.outputs}) / lengthsOf(product, part, a, b);
    Tensor added = linear(scale(linear(x, a), part.scale), b);
    bool drops = x.handle() != product.x.handle();
    Tensor y =
        drops ? product.y + linear(x, product.weight, !product.module.inputsFirst) * (lengths - 1) + added * lengths
              : (product.y + added) * lengths;
    bool alone = share == 1 && result.handle() == product.y.handle();
    return alone ? y : result + (y - product.y) * share;
  }

  // Of the rows of W + s B A, from |W|^2 + B (2 s A W^T + s^2 A A^T B^T): without a matrix of W's size.
  static Tensor lengthsOf(const Product &product, const Part &part, Tensor a, Tensor b) {
    bool inputsFirst = product.module.inputsFirst;
    Tensor squares =
        generic({product.weight}, {.signature = inputsFirst ? "io->o" : "oi->o", .body = "a*a", .combiner = "sum"},
                {product.module.outputs}, DType::f32);
    Tensor cross = contract(product.weight, a, inputsFirst ? "io,ri->or" : "oi,ri->or");
    Tensor own = contract(b, contract(a, a, "ri,qi->rq"), "oq,rq->or");
    Tensor mixed = cross * (2 * part.scale) + own * (part.scale * part.scale);
    Tensor rest = generic({b, mixed}, {.signature = "or,or->o", .body = "a*b", .combiner = "sum"},
                          {product.module.outputs}, DType::f32);
    return generic({squares + rest}, {.signature = "o->o", .body = "stop(sqrt(max(a,0)))", .combiner = ""},
                   {product.module.outputs}, DType::f32);
  }

  bool mergeInto(const Projection &module, const Adapter::Read &read, std::span<float> weight) const {
    auto found = parts.find(module.name);
    if (found == parts.end()) return false;
    const Part &part = found->second;
    std::vector<float> a = read(module.name + nameOfA), b = read(module.name + nameOfB), lengths, row(module.inputs);
    if (part.hasLengths) lengths = read(module.name + nameOfLengths);
    size_t step = module.inputsFirst ? size_t(module.outputs) : 1;  // between neighbours of a row
    for (int64_t o = 0; o < module.outputs; ++o) {
      float *first = weight.data() + (module.inputsFirst ? o : o * module.inputs);
      for (int64_t i = 0; i < module.inputs; ++i) row[i] = first[i * step];
      for (int64_t r = 0; r < part.rank; ++r) {
        float factor = float(part.scale * (part.hasLengths ? 1 : share) * b[o * part.rank + r]);
        for (int64_t i = 0; i < module.inputs; ++i) row[i] += factor * a[r * module.inputs + i];
      }
      if (part.hasLengths) lengthen(row, lengths[o], first, step);
      for (int64_t i = 0; i < module.inputs; ++i) first[i * step] = row[i];
    }
    return true;
  }

  void lengthen(std::vector<float> &row, float length, const float *before, size_t step) const {
    double squares = 0;
    for (float x : row) squares += double(x) * x;
    float factor = float(length / std::sqrt(squares));
    for (size_t i = 0; i < row.size(); ++i)
      row[i] = before[i * step] + float(share) * (factor * row[i] - before[i * step]);
  }
};

// ---- adapter_config.json
void checkKeys(Config &config) {
  for (const char *key : {"layer_replication", "trainable_token_indices", "target_parameters",
                          "alora_invocation_tokens", "use_qalora", "lora_bias", "use_bdlora"})
    if (!config.asksForNothing(key)) config.refuse(key, "is not supported", "merge the adapter with PEFT");
  if (config.text("bias", "none") != "none")
    config.refuse("bias", "trained biases are not supported", "merge the adapter with PEFT");
  // First values that are taken out of the base weights: those are others then.
  if (config.has("init_lora_weights") && !config.isBoolean("init_lora_weights")) {
    std::string first = config.text("init_lora_weights", "");
    for (const char *changing : {"pissa", "olora", "loftq", "corda", "lora_ga"})
      if (first.starts_with(changing))
        config.refuse("init_lora_weights", "'" + first + "' has changed the base model's weights, too",
                      "save it in PEFT with path_initial_model_for_weight_conversion");
  }
  config.irrelevant({"task_type", "base_model_name_or_path", "revision", "inference_mode", "auto_mapping",
                     "peft_version", "runtime_config", "target_modules", "exclude_modules", "layers_to_transform",
                     "layers_pattern", "fan_in_fan_out", "init_lora_weights", "megatron_*", "qalora_group_size",
                     "*_config", "ensure_weight_tying"});
}

// A number that rank_pattern or alpha_pattern may change for some modules.
struct Numbers {
  double common;
  std::vector<std::pair<std::string, double>> others;

  static Numbers read(Config &config, const char *key, double common) {
    Numbers numbers{common, {}};
    Config &pattern = config.object(key);
    for (const std::string &name : pattern.keys()) numbers.others.emplace_back(name, pattern.number(name, common));
    return numbers;
  }
  Result<double> of(const std::string &module, const AdapterFile &file) const {
    for (const auto &[key, number] : others) {
      LLC_ASSIGN(bool meant, file.means(key, module));
      if (meant) return number;
    }
    return common;
  }
};

Error wrong(const std::string &tensor, const std::string &what) {
  return diagnose(ErrorKind::invalidInput, tensor)
      .says(what)
      .toFix("save the adapter once more with PEFT, or see that both of its files are of one adapter");
}

Result<Part> readPart(const AdapterFile &file, const std::string &module, const Numbers &ranks, const Numbers &alphas,
                      bool byRoot, bool hasLengths) {
  const Shape &a = file.tensors.at(module + nameOfA);
  if (a.size() != 2 || a[0] < 1) return wrong(module + nameOfA, "is no matrix [rank, inputs]");
  LLC_ASSIGN(double rank, ranks.of(module, file));
  LLC_ASSIGN(double alpha, alphas.of(module, file));
  if (rank != double(a[0]))
    return wrong(module + nameOfA, "has " + std::to_string(a[0]) + " rows, adapter_config.json says rank " +
                                       std::to_string(int64_t(rank)));
  if (!file.tensors.contains(module + nameOfB)) return wrong(module + nameOfB, "is missing");
  if (file.tensors.contains(module + nameOfLengths) != hasLengths)
    return wrong(module + nameOfLengths,
                 hasLengths ? "is missing although use_dora is true" : "is there although use_dora is false");
  return Part{a[0], alpha / (byRoot ? std::sqrt(rank) : rank), hasLengths};
}

Result<Adapter> read(const AdapterFile &file) {
  Config &config = file.config;
  checkKeys(config);
  bool byRoot = config.boolean("use_rslora", false), hasLengths = config.boolean("use_dora", false);
  Numbers ranks = Numbers::read(config, "rank_pattern", double(config.size("r", 8)));
  Numbers alphas = Numbers::read(config, "alpha_pattern", config.number("lora_alpha", 8));
  SavedModules saved(file);
  auto lora = std::make_shared<Lora>();
  lora->suffix = file.suffix, lora->share = file.share, lora->dropout = config.number("lora_dropout", 0);
  if (!(lora->dropout >= 0 && lora->dropout < 1))
    config.refuse("lora_dropout", "must be from 0 to below 1", "0.05 and 0.1 are common");
  LLC_TRY(config.status());
  for (const auto &[tensor, shape] : file.tensors) {
    size_t end = std::string::npos;
    for (std::string_view ending : {nameOfA, nameOfB, nameOfLengths})
      if (tensor.ends_with(ending)) end = tensor.size() - ending.size();
    std::string module = tensor.substr(0, end);
    if (end == std::string::npos && saved.has(tensor)) continue;
    if (end == std::string::npos)
      return diagnose(ErrorKind::unsupported, tensor)
          .says("is no part of a LoRA of linear layers")
          .toFix("train the adapter on linear layers alone, or merge it with PEFT");
    if (!file.tensors.contains(module + nameOfA)) return wrong(module + nameOfA, "is missing");
    if (!tensor.ends_with(nameOfA)) continue;
    LLC_ASSIGN(lora->parts[module], readPart(file, module, ranks, alphas, byRoot, hasLengths));
  }
  Adapter adapter;
  // Whole weights are there or not, and lengths that depend on a share would be computed anew for each token.
  lora->sharesAtRunTime = file.sharesAtRunTime && !hasLengths && !saved.any();
  if (lora->sharesAtRunTime)
    for (const auto &[module, part] : lora->parts) adapter.shares.insert(module + nameOfShare);
  adapter.applyTo = [lora](const Model &model) {
    Model changed =
        withChangedProducts(model, [lora](const Product &product, Tensor y) { return lora->change(product, y); });
    changed.drops |= lora->dropout > 0;
    return changed;
  };
  adapter.mergeInto = [lora](const Projection &module, const Adapter::Read &tensor, std::span<float> weight) {
    return lora->mergeInto(module, tensor, weight);
  };
  return adapter;
}

// ---- a new one; first values as PEFT's
Result<NewAdapter> make(const AdapterSettings &settings, const Model &, const std::vector<Projection> &targets) {
  NewAdapter made;
  bool inputsFirst = false;
  for (const Projection &module : targets) {
    inputsFirst = inputsFirst || module.inputsFirst;
    int64_t least = std::min(module.inputs, module.outputs);
    if (settings.rank < 1 || settings.rank > least)
      return diagnose(ErrorKind::invalidInput, module.name)
          .says("a rank of " + std::to_string(settings.rank) + " is out of range")
          .toFix("use 1 to " + std::to_string(least) + ", the smaller side of its weight");
    // Kaiming's uniform numbers with a = sqrt(5).
    made.tensors.push_back({module.name + nameOfA,
                            {settings.rank, module.inputs},
                            AdapterTensor::uniform,
                            1 / std::sqrt(double(module.inputs)),
                            module});
    made.tensors.push_back({module.name + nameOfB, {module.outputs, settings.rank}, AdapterTensor::zeros, 0, module});
    if (settings.hasMagnitudes)
      made.tensors.push_back({module.name + nameOfLengths, {module.outputs}, AdapterTensor::normsOfWeight, 0, module});
  }
  bool isWhole = settings.alpha == std::floor(settings.alpha) && std::abs(settings.alpha) < 1e9;
  made.config = {{"r", settings.rank},
                 {"lora_alpha", isWhole ? ConfigValue(int64_t(settings.alpha)) : ConfigValue(settings.alpha)},
                 {"lora_dropout", settings.dropout},
                 {"bias", "none"},
                 {"fan_in_fan_out", inputsFirst},
                 {"use_rslora", settings.scalesByRoot},
                 {"use_dora", settings.hasMagnitudes},
                 {"init_lora_weights", true},
                 {"modules_to_save", nullptr},
                 {"layers_to_transform", nullptr},
                 {"layers_pattern", nullptr},
                 {"rank_pattern", std::map<std::string, int64_t>()},
                 {"alpha_pattern", std::map<std::string, int64_t>()}};
  return made;
}
}  // namespace

AdapterKind lora() {
  return {.name = "LORA",
          .usualTargets = {{"q_proj", "v_proj"}, {"c_attn"}, {"query_key_value"}, {"qkv_proj"}},
          .savesModules = true,
          .read = read,
          .make = make};
}

}  // namespace llc::models
