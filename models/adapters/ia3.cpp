// (IA)^3 (Liu et al. 2022, Few-Shot Parameter-Efficient Fine-Tuning): a vector l scales what a layer gives, y = l (W x
// + b), or what a feed-forward layer reads, y = W (l x) + b. It begins with ones.
#include <algorithm>

#include "frontends/dsl/sugar.h"
#include "models/adapter_registry.h"
#include "models/blocks/projection.h"
#include "models/blocks/saved_modules.h"

namespace llc::models {
using namespace dsl;
namespace {
constexpr const char *nameOfScales = ".ia3_l";

struct Ia3 {
  std::map<std::string, Shape> scales;  // [1, inputs], or [outputs, 1], by module
  std::string suffix;
  double share = 1;

  // Scales of inputs are a row. With a single output, or a single input, both are the same numbers.
  static bool ofInputs(const Shape &shape, const Projection &module) {
    return shape[0] == 1 && shape[1] == module.inputs;
  }

  Tensor change(const Product &product, Tensor result) const {
    auto found = scales.find(product.module.name);
    if (found == scales.end()) return result;
    const Projection &module = product.module;
    bool isRow = ofInputs(found->second, module);
    Tensor stored =
        parameter(std::string(nameOfScales + 1) + suffix, isRow ? Shape{1, module.inputs} : Shape{module.outputs, 1});
    Tensor scale = reshape(stored, {isRow ? module.inputs : module.outputs});
    if (!isRow) {
      Tensor y = product.bias ? product.y + product.bias : product.y;
      return result + y * ((scale - 1) * share);
    }
    bool alone = share == 1 && result.handle() == product.y.handle();
    if (alone) return linear(product.x * scale, product.weight, !module.inputsFirst);
    return result + linear(product.x * ((scale - 1) * share), product.weight, !module.inputsFirst);
  }

  // 1 + share (l - 1); nothing where the module stays as it is.
  std::vector<float> factors(const Projection &module, const Adapter::Read &read) const {
    if (!scales.contains(module.name)) return {};
    std::vector<float> values = read(module.name + nameOfScales);
    for (float &value : values) value = float(1 + share * (double(value) - 1));
    return values;
  }

  bool mergeInto(const Projection &module, const Adapter::Read &read, std::span<float> weight) const {
    std::vector<float> values = factors(module, read);
    if (values.empty()) return false;
    bool isRow = ofInputs(scales.at(module.name), module);
    for (int64_t o = 0; o < module.outputs; ++o)
      for (int64_t i = 0; i < module.inputs; ++i)
        weight[size_t(module.inputsFirst ? i * module.outputs + o : o * module.inputs + i)] *=
            values[size_t(isRow ? i : o)];
    return true;
  }
  bool mergeIntoBias(const Projection &module, const Adapter::Read &read, std::span<float> bias) const {
    std::vector<float> values = factors(module, read);
    if (values.empty() || ofInputs(scales.at(module.name), module)) return false;
    for (size_t o = 0; o < bias.size(); ++o) bias[o] *= values[o];
    return true;
  }
};

Result<Adapter> readIa3(const AdapterFile &file) {
  Config &config = file.config;
  // Shapes say which modules are feed-forward ones.
  config.irrelevant({"task_type", "base_model_name_or_path", "revision", "inference_mode", "auto_mapping",
                     "peft_version", "runtime_config", "target_modules", "exclude_modules", "feedforward_modules",
                     "fan_in_fan_out", "init_ia3_weights"});
  SavedModules saved(file);
  LLC_TRY(config.status());
  auto ia3 = std::make_shared<Ia3>();
  ia3->suffix = file.suffix, ia3->share = file.share;
  for (const auto &[tensor, shape] : file.tensors) {
    if (!tensor.ends_with(nameOfScales)) {
      if (saved.has(tensor)) continue;
      return diagnose(ErrorKind::unsupported, tensor)
          .says("is no part of an IA3 of linear layers")
          .toFix("train the adapter on linear layers alone");
    }
    if (shape.size() != 2 || (shape[0] != 1 && shape[1] != 1))
      return diagnose(ErrorKind::invalidInput, tensor)
          .says("is neither a row [1, inputs] nor a column [outputs, 1]")
          .toFix("save the adapter once more with PEFT");
    ia3->scales[tensor.substr(0, tensor.size() - std::string_view(nameOfScales).size())] = shape;
  }
  Adapter adapter;
  adapter.applyTo = [ia3](const Model &model) {
    return withChangedProducts(model, [ia3](const Product &product, Tensor y) { return ia3->change(product, y); });
  };
  adapter.mergeInto = [ia3](const Projection &module, const Adapter::Read &tensor, std::span<float> weight) {
    return ia3->mergeInto(module, tensor, weight);
  };
  adapter.mergeIntoBias = [ia3](const Projection &module, const Adapter::Read &tensor, std::span<float> bias) {
    return ia3->mergeIntoBias(module, tensor, bias);
  };
  return adapter;
}

bool isCalled(const std::string &name, const std::string &ending) {
  return name == ending || name.ends_with("." + ending);
}

// Names of feed-forward modules among the targets, which PEFT wants them to be.
Result<std::vector<std::string>> feedForwardOf(const AdapterSettings &settings) {
  const std::vector<std::string> &targets = settings.targets;
  std::vector<std::string> chosen;
  for (const std::string &name : settings.feedForward) {
    if (!targets.empty() && std::ranges::find(targets, name) == targets.end())
      return diagnose(ErrorKind::invalidInput, "feedforward_modules")
          .says("'" + name + "' is none of target_modules")
          .toFix("use names that stand there, too");
    chosen.push_back(name);
  }
  if (!chosen.empty()) return chosen;
  for (const char *usual : {"down_proj", "mlp.c_proj", "dense_4h_to_h", "output.dense"})
    if (targets.empty() || std::ranges::find(targets, usual) != targets.end()) chosen.push_back(usual);
  return chosen;
}

Result<NewAdapter> makeIa3(const AdapterSettings &settings, const Model &, const std::vector<Projection> &targets) {
  LLC_ASSIGN(std::vector<std::string> feedForward, feedForwardOf(settings));
  NewAdapter made;
  bool inputsFirst = false;
  for (const Projection &module : targets) {
    inputsFirst = inputsFirst || module.inputsFirst;
    bool isRow = std::ranges::any_of(feedForward, [&](const std::string &name) { return isCalled(module.name, name); });
    made.tensors.push_back({.name = module.name + nameOfScales,
                            .shape = isRow ? Shape{1, module.inputs} : Shape{module.outputs, 1},
                            .first = AdapterTensor::ones});
  }
  made.config = {{"feedforward_modules", feedForward},
                 {"fan_in_fan_out", inputsFirst},
                 {"init_ia3_weights", true},
                 {"exclude_modules", nullptr},
                 {"modules_to_save", nullptr}};
  return made;
}
}  // namespace

AdapterKind ia3() {
  return {.name = "IA3",
          .usualTargets = {{"k_proj", "v_proj", "down_proj"},
                           {"c_attn", "mlp.c_proj"},
                           {"query_key_value", "dense_4h_to_h"},
                           {"key", "value", "output.dense"}},
          .savesModules = true,
          .read = readIa3,
          .make = makeIa3};
}

}  // namespace llc::models
