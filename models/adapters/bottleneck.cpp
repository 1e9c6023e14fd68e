// Bottleneck adapters (Houlsby et al. 2019): y + s up(f(down(y))) of what a layer gives, that of a sublayer's last one
// in the paper; behind the feed-forward block alone in Pfeiffer et al. 2021. PEFT has no such kind; keys and names are
// those of its fork by Hu et al. 2023 (LLM-Adapters).
#include <cmath>

#include "frontends/dsl/sugar.h"
#include "models/adapter_registry.h"
#include "models/blocks/dropout.h"
#include "models/blocks/mlp.h"
#include "models/blocks/projection.h"

namespace llc::models {
using namespace dsl;
namespace {
constexpr const char *nameOfDown = ".adapter_down.weight", *nameOfDownBias = ".adapter_down.bias",
                     *nameOfUp = ".adapter_up.weight", *nameOfUpBias = ".adapter_up.bias",
                     *nameOfShare = ".adapter_share";

struct Bottleneck {
  std::set<std::string> modules;
  int64_t size = 0;
  Activation activation = nullptr;
  double scale = 1, dropout = 0;
  std::string suffix;
  bool sharesAtRunTime = false;

  Tensor own(const char *name, const Shape &shape) const { return parameter(std::string(name + 1) + suffix, shape); }

  Tensor change(const Product &product, Tensor result) const {
    if (!modules.contains(product.module.name)) return result;
    int64_t width = product.module.outputs;
    Tensor y = product.bias ? result + product.bias : result;
    Tensor inner = activation(linear(y, own(nameOfDown, {size, width})) + own(nameOfDownBias, {size}));
    Tensor change = linear(inner, own(nameOfUp, {width, size})) + own(nameOfUpBias, {width});
    change = llc::dsl::scale(dropped(change, dropout), scale);
    return result + (sharesAtRunTime ? change * own(nameOfShare, {1}) : change);
  }
};

Result<Adapter> readBottleneck(const AdapterFile &file) {
  Config &config = file.config;
  auto adapter = std::make_shared<Bottleneck>();
  adapter->suffix = file.suffix;
  adapter->size = config.requiredSize("bottleneck_size");
  adapter->activation = readActivation(config, "non_linearity", "tanh");
  adapter->scale = config.number("scaling", 1) * (file.sharesAtRunTime ? 1 : file.share);
  adapter->sharesAtRunTime = file.sharesAtRunTime;
  adapter->dropout = config.number("adapter_dropout", 0);
  if (!(adapter->dropout >= 0 && adapter->dropout < 1))
    config.refuse("adapter_dropout", "must be from 0 to below 1", "0.05 and 0.1 are common");
  for (const char *key : {"use_parallel_adapter", "modules_to_save"})
    if (!config.asksForNothing(key)) config.refuse(key, "is not supported", "leave it out");
  if (config.text("bias", "none") != "none")
    config.refuse("bias", "trained biases are not supported", "leave them out");
  config.irrelevant({"task_type", "base_model_name_or_path", "revision", "inference_mode", "auto_mapping",
                     "peft_version", "target_modules", "use_adapterp", "init_weights", "fan_in_fan_out"});
  LLC_TRY(config.status());
  for (const auto &[tensor, shape] : file.tensors) {
    size_t end = std::string::npos;
    for (std::string_view ending : {nameOfDown, nameOfDownBias, nameOfUp, nameOfUpBias})
      if (tensor.ends_with(ending)) end = tensor.size() - ending.size();
    std::string module = tensor.substr(0, end);
    for (const char *ending : {nameOfDown, nameOfDownBias, nameOfUp, nameOfUpBias})
      if (end == std::string::npos || !file.tensors.contains(module + ending))
        return diagnose(ErrorKind::invalidInput, tensor)
            .says(end == std::string::npos ? "is no part of a bottleneck adapter"
                                           : "is there without " + module + ending)
            .toFix("save the adapter once more");
    adapter->modules.insert(module);
  }
  Adapter made;
  if (adapter->sharesAtRunTime)
    for (const std::string &module : adapter->modules) made.shares.insert(module + nameOfShare);
  made.applyTo = [adapter](const Model &model) {
    Model changed =
        withChangedProducts(model, [adapter](const Product &product, Tensor y) { return adapter->change(product, y); });
    changed.drops |= adapter->dropout > 0;
    return changed;
  };
  return made;
}

// Zeros on the way up: a new adapter changes nothing.
Result<NewAdapter> makeBottleneck(const AdapterSettings &settings, const Model &,
                                  const std::vector<Projection> &targets) {
  if (settings.bottleneck < 1)
    return diagnose(ErrorKind::invalidInput, "bottleneck_size").says("must be at least 1").toFix("64 is common");
  NewAdapter made;
  for (const Projection &module : targets) {
    double bound = 1 / std::sqrt(double(module.outputs));
    auto add = [&](const char *name, const Shape &shape, AdapterTensor::First first) {
      made.tensors.push_back({module.name + name, shape, first, bound});
    };
    add(nameOfDown, {settings.bottleneck, module.outputs}, AdapterTensor::uniform);
    add(nameOfDownBias, {settings.bottleneck}, AdapterTensor::uniform);
    add(nameOfUp, {module.outputs, settings.bottleneck}, AdapterTensor::zeros);
    add(nameOfUpBias, {module.outputs}, AdapterTensor::zeros);
  }
  made.config = {{"bottleneck_size", settings.bottleneck},
                 {"non_linearity", settings.activation},
                 {"adapter_dropout", settings.dropout},
                 {"scaling", 1.0},
                 {"use_parallel_adapter", false},
                 {"bias", "none"},
                 {"modules_to_save", nullptr}};
  return made;
}
}  // namespace

AdapterKind bottleneck() {
  return {.name = "BOTTLENECK",
          .usualTargets = {{"o_proj", "down_proj"}, {"c_proj"}, {"dense", "dense_4h_to_h"}},
          .read = readBottleneck,
          .make = makeBottleneck};
}

}  // namespace llc::models
