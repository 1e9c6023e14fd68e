#include "tools/cli/new_adapter.h"

#include <algorithm>
#include <cmath>

#include "compiler/pipelines/pipeline.h"
#include "mlir/IR/MLIRContext.h"
#include "models/adapter_registry.h"
#include "models/blocks/saved_modules.h"
#include "runtime/base/output_file.h"
#include "runtime/sampling/random.h"
#include "tools/cli/adapters.h"

namespace llc::cli {

namespace {
std::vector<std::string> usualTargets(const dsl::AdapterKind &kind, const std::vector<dsl::Projection> &modules) {
  for (const std::vector<std::string> &targets : kind.usualTargets)
    if (huggingface::chooseTargets(targets, modules).ok()) return targets;
  return {"all-linear"};
}

int64_t elements(const dsl::Shape &shape) {
  int64_t count = 1;
  for (int64_t size : shape) count *= size;
  return count;
}

// Lengths of the weight's rows, one for each output.
Result<std::vector<float>> lengths(const huggingface::ModelSource &source, const dsl::Projection &module) {
  LLC_ASSIGN(const TensorView *weight, source.weight(module.name + ".weight"));
  std::vector<float> result;
  for (int64_t o = 0; o < module.outputs; ++o) {
    double squares = 0;
    for (int64_t i = 0; i < module.inputs; ++i) {
      int64_t place = module.inputsFirst ? i * module.outputs + o : o * module.inputs + i;
      double x = loadElement(weight->bytes.data(), weight->type, size_t(place));
      squares += x * x;
    }
    result.push_back(float(std::sqrt(squares)));
  }
  return result;
}

// All of the model's parameter `source`, or its `rows`.
Result<std::vector<float>> copied(const huggingface::ModelSource &source, const dsl::AdapterTensor &tensor) {
  LLC_ASSIGN(const TensorView *from, source.weight(tensor.source));
  std::vector<float> values(size_t(elements(tensor.shape)));
  size_t width = tensor.rows.empty() ? values.size() : values.size() / tensor.rows.size();
  for (size_t i = 0; i < values.size(); ++i) {
    size_t row = tensor.rows.empty() ? 0 : size_t(tensor.rows[i / width]);
    double value = loadElement(from->bytes.data(), from->type, row * width + i % width);
    values[i] = float(tensor.first == dsl::AdapterTensor::rowsOf ? value * tensor.bound : value);
  }
  return values;
}

// Two independent ones at a time (Box and Muller 1958).
void drawNormal(std::vector<float> &values, double deviation, Random random) {
  for (size_t i = 0; i < values.size(); i += 2) {
    double length = deviation * std::sqrt(-2 * std::log(1 - random.uniform())), angle = 2 * M_PI * random.uniform();
    values[i] = float(length * std::cos(angle));
    if (i + 1 < values.size()) values[i + 1] = float(length * std::sin(angle));
  }
}

Result<std::vector<float>> firstValues(const huggingface::ModelSource &source, const dsl::AdapterTensor &tensor,
                                       Random random) {
  std::vector<float> values(size_t(elements(tensor.shape)), 0.0f);
  switch (tensor.first) {
    case dsl::AdapterTensor::normsOfWeight:
      return lengths(source, tensor.module);
    case dsl::AdapterTensor::rowsOf:
    case dsl::AdapterTensor::copied:
      return copied(source, tensor);
    case dsl::AdapterTensor::normal:
      drawNormal(values, tensor.bound, random);
      break;
    case dsl::AdapterTensor::uniform:
      for (float &value : values) value = float((2 * random.uniform() - 1) * tensor.bound);
      break;
    case dsl::AdapterTensor::ones:
      std::ranges::fill(values, 1.0f);
      break;
    case dsl::AdapterTensor::zeros:
      break;
  }
  return values;
}

// Weights of the modules whose names end so, as they are in the model.
Status addSaved(dsl::NewAdapter &made, const huggingface::ModelSource &source,
                const std::vector<std::string> &endings) {
  if (endings.empty()) return success();
  auto context = compiler::makeContext();
  LLC_ASSIGN(std::vector<dsl::NamedShape> parameters, huggingface::parametersOf(source.model, *context));
  auto refuse = [](const std::string &what, const std::string &remedy) {
    return diagnose(ErrorKind::invalidInput, "modules_to_save").says(what).toFix(remedy);
  };
  for (const std::string &ending : endings)
    if (std::ranges::none_of(parameters, [&](const auto &one) { return models::isOfModule(one.name, ending); }))
      return refuse("no module of the model is called '" + ending + "'",
                    "see names with llc-model inspect MODEL --params, for instance lm_head or embed_tokens");
  for (const dsl::NamedShape &parameter : parameters) {
    if (std::ranges::none_of(endings, [&](const auto &ending) { return models::isOfModule(parameter.name, ending); }))
      continue;
    if (source.model.headIsEmbedding && parameter.name == source.model.embeddingName)
      return refuse("the head shares the weights of " + parameter.name, "leave it out");
    made.tensors.push_back({.name = parameter.name,
                            .shape = parameter.shape,
                            .first = dsl::AdapterTensor::copied,
                            .source = parameter.name});
  }
  for (auto &[key, value] : made.config)
    if (key == "modules_to_save") value = endings;
  return success();
}
}  // namespace

Result<AdapterPlan> planAdapter(const huggingface::ModelSource &source, const AdapterRequest &request) {
  static const std::vector<dsl::AdapterKind> kinds = models::adapterKinds();
  auto kind = std::ranges::find(kinds, request.kind, &dsl::AdapterKind::name);
  if (kind == kinds.end())
    return diagnose(ErrorKind::invalidInput, "adapter").says("there is no kind " + request.kind).toFix("use LORA");
  AdapterPlan plan;
  plan.prefix = kind->prefix;
  huggingface::AdapterTargets targets;
  bool changesLayers = !kind->usualTargets.empty();
  if (changesLayers) {
    LLC_ASSIGN(std::vector<dsl::Projection> modules, projectionsOf(source.model));
    LLC_ASSIGN(targets, huggingface::chooseTargets(
                            request.targets.empty() ? usualTargets(*kind, modules) : request.targets, modules));
  } else {
    plan.virtualTokens = request.settings.virtualTokens;
  }
  dsl::AdapterSettings settings = request.settings;
  settings.targets = targets.endings;
  LLC_ASSIGN(plan.made, kind->make(settings, source.model, targets.modules));
  if (!request.saved.empty() && !kind->savesModules)
    return diagnose(ErrorKind::invalidInput, "modules_to_save")
        .says("is no setting of " + kind->name)
        .toFix("leave it out, or train a LoRA or an IA3");
  LLC_TRY(addSaved(plan.made, source, request.saved));
  plan.config = huggingface::adapterConfig(request.kind, plan.made, changesLayers ? &targets : nullptr, request.base);
  plan.fingerprint = huggingface::baseFingerprint(source);
  for (const dsl::AdapterTensor &tensor : plan.made.tensors) plan.trained += elements(tensor.shape);
  for (const TensorView &tensor : source.checkpoint.tensors()) plan.all += tensor.elements();
  return plan;
}

Status writeNewAdapter(const huggingface::ModelSource &source, const AdapterPlan &plan, const std::string &directory,
                       uint64_t seed) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  SafeTensorsWriter writer(directory + "/" + huggingface::adapterWeightsFile);
  writer.setMetadata("format", "pt");
  writer.setMetadata(huggingface::baseFingerprintKey, plan.fingerprint);
  for (const dsl::AdapterTensor &tensor : plan.made.tensors)
    LLC_TRY(writer.declare(plan.prefix + tensor.name, DType::f32, tensor.shape));
  for (size_t i = 0; i < plan.made.tensors.size(); ++i) {
    LLC_ASSIGN(std::vector<float> values, firstValues(source, plan.made.tensors[i], Random(seed, i)));
    LLC_TRY(writer.write(values.data(), values.size() * sizeof(float)));
  }
  LLC_TRY(writer.finish());
  return writeFile(directory + "/" + huggingface::adapterConfigFile, plan.config);
}

}  // namespace llc::cli
