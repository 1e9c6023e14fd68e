#include "tools/cli/new_model.h"

#include <cmath>

#include "compiler/pipelines/pipeline.h"
#include "frontends/huggingface/import.h"
#include "mlir/IR/MLIRContext.h"
#include "models/registry.h"
#include "runtime/sampling/normal.h"

namespace llc::cli {

namespace {
bool endsWithAny(std::string_view name, std::initializer_list<std::string_view> endings) {
  return std::any_of(endings.begin(), endings.end(), [&](std::string_view ending) { return name.ends_with(ending); });
}

void fill(std::vector<float> &values, const dsl::NamedShape &parameter, double deviation, double residual,
          NormalNumbers &normal) {
  const std::string &name = parameter.name;
  if (parameter.shape.size() < 2) {
    std::fill(values.begin(), values.end(), name.ends_with("bias") ? 0.0f : 1.0f);
    return;
  }
  // What ends a branch that is added to the stream.
  bool writes =
      endsWithAny(name, {"o_proj.weight", "down_proj.weight", "c_proj.weight", "dense.weight", "dense_4h_to_h.weight"});
  normal.fill(values, writes ? residual : deviation);
}
}  // namespace

Status writeNewWeights(const std::string &directory, uint64_t seed, double deviation) {
  LLC_ASSIGN(huggingface::ModelSource source, huggingface::openConfig(directory, models::architectures()));
  auto context = compiler::makeContext();
  LLC_ASSIGN(std::vector<dsl::NamedShape> parameters, huggingface::parametersOf(source.model, *context));
  SafeTensorsWriter writer(directory + "/model.safetensors");
  for (const dsl::NamedShape &parameter : parameters)
    LLC_TRY(writer.declare(parameter.name, DType::f32, parameter.shape));
  double residual = deviation / std::sqrt(2.0 * double(std::max<int64_t>(1, source.model.layers)));
  std::vector<float> values;
  for (size_t i = 0; i < parameters.size(); ++i) {
    const dsl::NamedShape &parameter = parameters[i];
    NormalNumbers normal(seed, i);
    size_t count = 1;
    for (int64_t size : parameter.shape) count *= size_t(size);
    values.resize(count);
    fill(values, parameter, deviation, residual, normal);
    LLC_TRY(writer.write(values.data(), values.size() * sizeof(float)));
  }
  return writer.finish();
}

}  // namespace llc::cli
