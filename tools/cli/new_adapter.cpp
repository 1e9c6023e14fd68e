#include "tools/cli/new_adapter.h"

#include <cmath>

#include "models/adapter_registry.h"
#include "runtime/base/output_file.h"
#include "runtime/sampling/random.h"
#include "tools/cli/adapters.h"

namespace llc::cli {

namespace {
// What PEFT changes where nothing is said: queries and values, or what holds them.
std::vector<std::string> usualTargets(const std::vector<dsl::Projection> &modules) {
  for (const std::vector<std::string> &targets :
       {std::vector<std::string>{"q_proj", "v_proj"}, {"c_attn"}, {"query_key_value"}, {"qkv_proj"}})
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

Result<std::vector<float>> firstValues(const huggingface::ModelSource &source, const dsl::AdapterTensor &tensor,
                                       Random random) {
  if (tensor.first == dsl::AdapterTensor::normsOfWeight) return lengths(source, tensor.module);
  std::vector<float> values(size_t(elements(tensor.shape)), 0.0f);
  if (tensor.first == dsl::AdapterTensor::uniform)
    for (float &value : values) value = float((2 * random.uniform() - 1) * tensor.bound);
  return values;
}
}  // namespace

Result<AdapterPlan> planAdapter(const huggingface::ModelSource &source, const AdapterRequest &request) {
  LLC_ASSIGN(std::vector<dsl::Projection> modules, projectionsOf(source.model));
  LLC_ASSIGN(huggingface::AdapterTargets targets,
             huggingface::chooseTargets(request.targets.empty() ? usualTargets(modules) : request.targets, modules));
  AdapterPlan plan;
  for (const dsl::AdapterKind &kind : models::adapterKinds()) {
    if (kind.name != request.kind) continue;
    LLC_ASSIGN(plan.made, kind.make(request.settings, targets.modules));
  }
  plan.config = huggingface::adapterConfig(request.kind, plan.made, targets, request.base);
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
    LLC_TRY(writer.declare(huggingface::adapterPrefix + tensor.name, DType::f32, tensor.shape));
  for (size_t i = 0; i < plan.made.tensors.size(); ++i) {
    LLC_ASSIGN(std::vector<float> values, firstValues(source, plan.made.tensors[i], Random(seed, i)));
    LLC_TRY(writer.write(values.data(), values.size() * sizeof(float)));
  }
  LLC_TRY(writer.finish());
  return writeFile(directory + "/" + huggingface::adapterConfigFile, plan.config);
}

}  // namespace llc::cli
