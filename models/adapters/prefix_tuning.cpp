// Prefix tuning (Li and Liang 2021): keys and values of virtual tokens in each layer are trained, by themselves or as
// what a small network gives.
#include "frontends/dsl/ops.h"
#include "models/adapter_registry.h"
#include "models/blocks/prompt_encoder.h"

namespace llc::models {
using namespace dsl;
namespace {
const PromptEncoder transform = {{"transform.0", "transform.2"}, [](Tensor x) { return tanh(x); }};  // as PEFT's

Result<Adapter> readPrefix(const AdapterFile &file) { return readPrompt(file, transform, /*isPrefix=*/true); }

Result<NewAdapter> makePrefix(const AdapterSettings &settings, const Model &model, const std::vector<Projection> &) {
  LLC_TRY(checkPrompt(settings, model));
  int64_t width = model.keyValueHeads * model.headSize, all = model.layers * 2 * width;
  int64_t inner = settings.encoderSize ? settings.encoderSize : width;
  NewAdapter made{promptKeys(settings, model), {}};
  // As PEFT has it where heads share keys: its numbers are those of keys.
  made.config.insert(made.config.end(), {{"token_dim", width},
                                         {"num_attention_heads", model.keyValueHeads},
                                         {"encoder_hidden_size", inner},
                                         {"prefix_projection", settings.projects}});
  if (settings.projects)
    made.tensors = newEncoder(transform, settings.virtualTokens, {width, inner, all});
  else
    made.tensors = {{promptEmbeddings, {settings.virtualTokens, all}, AdapterTensor::normal, 1}};
  return made;
}
}  // namespace

AdapterKind prefix_tuning() { return {.name = "PREFIX_TUNING", .prefix = "", .read = readPrefix, .make = makePrefix}; }

}  // namespace llc::models
