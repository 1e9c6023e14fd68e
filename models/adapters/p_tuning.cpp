// P-tuning (Liu et al. 2021): as prompt tuning, with embeddings that a small network computes while they are trained.
#include "frontends/dsl/ops.h"
#include "models/adapter_registry.h"
#include "models/blocks/prompt_encoder.h"

namespace llc::models {
using namespace dsl;
namespace {
// PEFT's names, and its network: three linear layers, between them max(x, 0).
const PromptEncoder mlpHead = {{"mlp_head.0", "mlp_head.2", "mlp_head.4"}, [](Tensor x) { return relu(x); }};

Result<Adapter> readPTuning(const AdapterFile &file) { return readPrompt(file, mlpHead, /*isPrefix=*/false); }

Result<NewAdapter> makePTuning(const AdapterSettings &settings, const Model &model, const std::vector<Projection> &) {
  LLC_TRY(checkPrompt(settings, model));
  if (settings.encoder != "MLP")
    return diagnose(ErrorKind::unsupported, "encoder_reparameterization_type")
        .says(settings.encoder + " is not available")
        .toFix("use MLP");
  int64_t hidden = model.hidden, inner = settings.encoderSize ? settings.encoderSize : hidden;
  NewAdapter made{promptKeys(settings, model),
                  newEncoder(mlpHead, settings.virtualTokens, {hidden, inner, inner, hidden})};
  made.config.insert(made.config.end(), {{"token_dim", hidden},
                                         {"num_attention_heads", nullptr},
                                         {"encoder_reparameterization_type", settings.encoder},
                                         {"encoder_hidden_size", inner},
                                         {"encoder_num_layers", int64_t(2)},
                                         {"encoder_dropout", 0.0}});
  return made;
}
}  // namespace

AdapterKind p_tuning() { return {.name = "P_TUNING", .prefix = "", .read = readPTuning, .make = makePTuning}; }

}  // namespace llc::models
