// Prompt tuning (Lester et al. 2021): virtual tokens before each text, whose embeddings are trained.
#include "models/adapter_registry.h"
#include "models/blocks/prompt_encoder.h"

namespace llc::models {
using namespace dsl;
namespace {
Result<NewAdapter> makePrompt(const AdapterSettings &settings, const Model &model, const std::vector<Projection> &) {
  LLC_TRY(checkPrompt(settings, model));
  NewAdapter made{promptKeys(settings, model), {}};
  bool fromText = !settings.firstIds.empty();
  made.config.insert(made.config.end(),
                     {{"token_dim", model.hidden},
                      {"num_attention_heads", nullptr},
                      {"prompt_tuning_init", std::string(fromText ? "TEXT" : "RANDOM")},
                      {"prompt_tuning_init_text", fromText ? ConfigValue(settings.firstText) : ConfigValue(nullptr)},
                      {"tokenizer_name_or_path", nullptr}});
  AdapterTensor tensor{promptEmbeddings, {settings.virtualTokens, model.hidden}, AdapterTensor::normal, 1};
  if (fromText) {
    // The text again and again, up to the number of virtual tokens (as in PEFT).
    tensor.first = AdapterTensor::rowsOf, tensor.source = model.embeddingName, tensor.bound = model.embeddingScale;
    for (int64_t i = 0; i < settings.virtualTokens; ++i)
      tensor.rows.push_back(settings.firstIds[size_t(i) % settings.firstIds.size()]);
  }
  made.tensors.push_back(tensor);
  return made;
}
}  // namespace

AdapterKind prompt_tuning() {
  return {.name = "PROMPT_TUNING",
          .prefix = "",
          .read = [](const AdapterFile &file) { return readPrompt(file, {}, /*isPrefix=*/false); },
          .make = makePrompt};
}

}  // namespace llc::models
