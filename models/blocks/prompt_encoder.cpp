#include "models/blocks/prompt_encoder.h"

#include <cmath>

#include "frontends/dsl/sugar.h"

namespace llc::models {
using namespace dsl;
namespace {
// Where the network's weights are: parameters, or what a step has just made of them.
using Read = DerivedParameter::Read;

struct Prompt {
  PromptEncoder encoder;
  std::map<std::string, Shape> tensors;  // of the file
  std::string suffix;
  Shape shape;  // [tokens, width]

  bool isEncoded() const { return tensors.contains(promptTable); }
  std::string nameOf(const std::string &tensor) const { return tensor + suffix; }

  Tensor encoded(const Read &read) const {
    auto own = [&](const std::string &name) { return read(nameOf(name), tensors.at(name)); };
    Tensor x = own(promptTable);
    for (size_t i = 0; i < encoder.layers.size(); ++i) {
      x = linear(x, own(encoder.layers[i] + ".weight")) + own(encoder.layers[i] + ".bias");
      if (i + 1 < encoder.layers.size()) x = encoder.activation(x);
    }
    return x;
  }
  // What was saved counts, as for PEFT; a new adapter has not got it yet.
  Tensor traced(bool training) const {
    auto read = [](const std::string &name, const Shape &shape) { return parameter(name, shape); };
    return isEncoded() && (training || !tensors.contains(promptEmbeddings))
               ? encoded(read)
               : parameter(nameOf(promptEmbeddings), shape);
  }
};

Error wrong(const std::string &tensor, const std::string &what) {
  return diagnose(ErrorKind::invalidInput, tensor)
      .says(what)
      .toFix("save the adapter once more with PEFT, or see that both of its files are of one adapter");
}

// Of a file with an encoder: its layers follow from each other.
Status checkEncoder(const Prompt &prompt) {
  auto shapeOf = [&](const std::string &name) {
    auto found = prompt.tensors.find(name);
    return found == prompt.tensors.end() ? Shape() : found->second;
  };
  Shape table = shapeOf(promptTable);
  if (table.size() != 2 || table[0] != prompt.shape[0])
    return wrong(promptTable, "is no matrix with a row for each virtual token");
  int64_t inputs = table[1];
  for (const std::string &layer : prompt.encoder.layers) {
    Shape weight = shapeOf(layer + ".weight");
    if (weight.size() != 2 || weight[1] != inputs || shapeOf(layer + ".bias") != Shape{weight[0]})
      return wrong(layer, "does not fit what comes before it, or is missing");
    inputs = weight[0];
  }
  return inputs == prompt.shape[1] ? success() : wrong(promptTable, "belongs to rows of another width");
}

Status checkTensors(const Prompt &prompt) {
  for (const auto &[name, shape] : prompt.tensors) {
    bool known = name == promptEmbeddings || name == promptTable;
    for (const std::string &layer : prompt.encoder.layers)
      known = known || name == layer + ".weight" || name == layer + ".bias";
    if (!known)
      return diagnose(ErrorKind::unsupported, name)
          .says("is no part of virtual tokens")
          .toFix("save the adapter with PEFT's save_pretrained()");
  }
  if (auto found = prompt.tensors.find(promptEmbeddings); found != prompt.tensors.end()) {
    if (found->second != prompt.shape)
      return wrong(promptEmbeddings, "is not of the shape [" + std::to_string(prompt.shape[0]) + ", " +
                                         std::to_string(prompt.shape[1]) +
                                         "] that num_virtual_tokens and the model need");
  } else if (!prompt.isEncoded()) {
    return wrong(promptEmbeddings, "is missing");
  }
  return prompt.isEncoded() ? checkEncoder(prompt) : success();
}

Status checkUse(const AdapterFile &file) {
  if (file.share != 1)
    return diagnose(ErrorKind::invalidInput, "--adapter")
        .says("virtual tokens can't be added in part")
        .toFix("leave out :SHARE");
  if (file.model.virtualTokens)
    return diagnose(ErrorKind::invalidInput, "--adapter")
        .says("two adapters have virtual tokens")
        .toFix("use one of them");
  if (file.model.keyValueHeads < 1)
    return diagnose(ErrorKind::unsupported, file.model.name)
        .says("virtual tokens are not available for this architecture")
        .toFix("use a LoRA");
  return success();
}
}  // namespace

Result<Adapter> readPrompt(const AdapterFile &file, const PromptEncoder &encoder, bool isPrefix) {
  const Model &model = file.model;
  int64_t count = file.config.requiredSize("num_virtual_tokens");
  if (int64_t submodules = file.config.integer("num_transformer_submodules", 1); submodules != 1)
    file.config.refuse("num_transformer_submodules", "is " + std::to_string(submodules) + ", a decoder has 1",
                       "use an adapter of a decoder");
  file.config.irrelevant({"task_type", "base_model_name_or_path", "revision", "inference_mode", "auto_mapping",
                          "peft_version", "token_dim", "num_attention_heads", "num_layers", "modules_to_save",
                          "tokenizer_*", "runtime_config", "prompt_tuning_init*", "encoder_*", "prefix_projection"});
  LLC_TRY(file.config.status());
  LLC_TRY(checkUse(file));
  int64_t width = isPrefix ? model.layers * 2 * model.keyValueHeads * model.headSize : model.hidden;
  auto prompt = std::make_shared<const Prompt>(Prompt{encoder, file.tensors, file.suffix, {count, width}});
  LLC_TRY(checkTensors(*prompt));
  Adapter adapter;
  adapter.applyTo = [prompt, isPrefix](const Model &before) {
    VirtualTokens::Trace trace = [prompt](bool training) { return prompt->traced(training); };
    VirtualTokens tokens{.count = prompt->shape[0]};
    (isPrefix ? tokens.keysAndValues : tokens.embeddings) = trace;
    Model changed = withVirtualTokens(before, tokens);
    if (prompt->isEncoded())
      changed.derived.push_back({prompt->nameOf(promptEmbeddings), prompt->shape,
                                 [prompt](const Read &read) { return prompt->encoded(read); }});
    return changed;
  };
  if (prompt->isEncoded())  // a program reads what is trained, or what is saved
    for (const auto &[name, shape] : file.tensors) adapter.spare.insert(prompt->nameOf(name));
  return adapter;
}

std::vector<AdapterTensor> newEncoder(const PromptEncoder &encoder, int64_t tokens, const std::vector<int64_t> &sizes) {
  std::vector<AdapterTensor> all = {{promptTable, {tokens, sizes[0]}, AdapterTensor::normal, 1}};
  for (size_t i = 0; i < encoder.layers.size(); ++i) {
    double bound = 1 / std::sqrt(double(sizes[i]));
    all.push_back({encoder.layers[i] + ".weight", {sizes[i + 1], sizes[i]}, AdapterTensor::uniform, bound});
    all.push_back({encoder.layers[i] + ".bias", {sizes[i + 1]}, AdapterTensor::uniform, bound});
  }
  return all;
}

std::vector<std::pair<std::string, ConfigValue>> promptKeys(const AdapterSettings &settings, const Model &model) {
  return {{"num_virtual_tokens", settings.virtualTokens},
          {"num_transformer_submodules", int64_t(1)},
          {"num_layers", model.layers},
          {"modules_to_save", nullptr}};
}

Status checkPrompt(const AdapterSettings &settings, const Model &model) {
  if (settings.virtualTokens < 1)
    return diagnose(ErrorKind::invalidInput, "num_virtual_tokens").says("must be at least 1").toFix("20 is common");
  if (model.keyValueHeads > 0) return success();
  return diagnose(ErrorKind::unsupported, model.name)
      .says("virtual tokens are not available for this architecture")
      .toFix("train a LoRA");
}

}  // namespace llc::models
