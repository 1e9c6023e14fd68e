#include "tools/cli/new_model.h"

#include <cmath>

#include "compiler/pipelines/pipeline.h"
#include "frontends/huggingface/import.h"
#include "mlir/IR/MLIRContext.h"
#include "models/registry.h"
#include "runtime/train/initial_model.h"

namespace llc::cli {

namespace {
bool endsWithAny(std::string_view name, std::initializer_list<std::string_view> endings) {
  return std::any_of(endings.begin(), endings.end(), [&](std::string_view ending) { return name.ends_with(ending); });
}

InitialTensor initial(const dsl::NamedShape &parameter, double deviation, double residual) {
  const std::string &name = parameter.name;
  if (parameter.shape.size() < 2) return {name, parameter.shape, 0, name.ends_with("bias") ? 0.0f : 1.0f};
  // What ends a branch that is added to the stream.
  bool writes =
      endsWithAny(name, {"o_proj.weight", "down_proj.weight", "c_proj.weight", "dense.weight", "dense_4h_to_h.weight"});
  return {name, parameter.shape, writes ? residual : deviation};
}
}  // namespace

Status writeNewWeights(const std::string &directory, uint64_t seed, double deviation, DType type) {
  LLC_ASSIGN(huggingface::ModelSource source, huggingface::openConfig(directory, models::architectures()));
  auto context = compiler::makeContext();
  LLC_ASSIGN(std::vector<dsl::NamedShape> parameters, huggingface::parametersOf(source.model, *context));
  double residual = deviation / std::sqrt(2.0 * double(std::max<int64_t>(1, source.model.layers)));
  std::vector<InitialTensor> tensors;
  for (const dsl::NamedShape &parameter : parameters) tensors.push_back(initial(parameter, deviation, residual));
  return train::writeWeights(directory + "/model.safetensors", tensors, seed, type);
}

}  // namespace llc::cli
