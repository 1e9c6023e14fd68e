#include "tools/cli/train_adapter.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "models/registry.h"
#include "runtime/base/json_read.h"
#include "runtime/base/mapped_file.h"
#include "runtime/train/run_start.h"
#include "tools/cli/adapters.h"
#include "tools/cli/model.h"

namespace llc::cli {

namespace {
namespace fs = std::filesystem;

// peft.type, what it is in files, and the keys that are its own.
struct KindKeys {
  const char *type, *name;
  std::vector<const char *> keys;
};
const KindKeys peftKinds[] = {
    {"lora",
     "LORA",
     {"lora.r", "lora.alpha", "lora.dropout", "lora.target_modules", "lora.use_rslora", "lora.use_dora", "lora.merge",
      "peft.modules_to_save"}},
    {"ia3", "IA3", {"lora.target_modules", "lora.merge", "peft.modules_to_save", "peft.feedforward_modules"}},
    {"bottleneck", "BOTTLENECK", {"lora.dropout", "lora.target_modules", "peft.bottleneck_size", "peft.non_linearity"}},
    {"prompt_tuning", "PROMPT_TUNING", {"peft.num_virtual_tokens", "peft.prompt_tuning_init_text"}},
    {"p_tuning",
     "P_TUNING",
     {"peft.num_virtual_tokens", "peft.encoder_hidden_size", "peft.encoder_reparameterization_type"}},
    {"prefix_tuning",
     "PREFIX_TUNING",
     {"peft.num_virtual_tokens", "peft.encoder_hidden_size", "peft.prefix_projection"}}};

// A setting of another kind would have no effect.
Status checkKeys(const TrainConfig &config, const KindKeys &kind) {
  for (const KindKeys &other : peftKinds)
    for (const char *key : other.keys)
      if (config.given(key) && std::ranges::find(kind.keys, std::string_view(key)) == kind.keys.end())
        return diagnose(ErrorKind::invalidInput, key)
            .says(std::string("is no setting of ") + kind.type)
            .toFix(std::string("leave it out, or use --peft ") + other.type);
  if (config.given("peft.encoder_hidden_size") && kind.type == std::string_view("prefix_tuning") &&
      !config.flag("peft.prefix_projection"))
    return diagnose(ErrorKind::invalidInput, "peft.encoder_hidden_size")
        .says("is of the network that --prefix-projection adds")
        .toFix("leave it out, or give --prefix-projection");
  return success();
}

Status readFirstText(const TrainConfig &config, const Tokenizer &tokenizer, dsl::AdapterSettings &settings) {
  if (!config.given("peft.prompt_tuning_init_text")) return success();
  settings.firstText = config.text("peft.prompt_tuning_init_text");
  LLC_ASSIGN(std::vector<TokenId> ids, tokenizer.encode(settings.firstText));
  settings.firstIds.assign(ids.begin(), ids.end());
  if (!ids.empty()) return success();
  return diagnose(ErrorKind::invalidInput, "peft.prompt_tuning_init_text")
      .says("has no tokens")
      .toFix("write some words");
}

Result<AdapterRequest> requestOf(const TrainConfig &config, const TrainFlags &flags, const Tokenizer &tokenizer) {
  AdapterRequest request;
  const KindKeys &kind = *std::ranges::find(peftKinds, config.text("peft.type"), &KindKeys::type);
  LLC_TRY(checkKeys(config, kind));
  request.kind = kind.name;
  dsl::AdapterSettings &settings = request.settings;
  settings.bottleneck = config.integer("peft.bottleneck_size");
  settings.activation = config.text("peft.non_linearity");
  settings.feedForward = config.texts("peft.feedforward_modules");
  settings.virtualTokens = config.integer("peft.num_virtual_tokens");
  settings.encoder = config.text("peft.encoder_reparameterization_type");
  if (config.given("peft.encoder_hidden_size")) settings.encoderSize = config.integer("peft.encoder_hidden_size");
  settings.projects = config.flag("peft.prefix_projection");
  LLC_TRY(readFirstText(config, tokenizer, settings));
  request.saved = config.texts("peft.modules_to_save");
  request.settings.rank = config.integer("lora.r");
  request.settings.alpha = config.number("lora.alpha");
  request.settings.scalesByRoot = config.flag("lora.use_rslora");
  request.settings.hasMagnitudes = config.flag("lora.use_dora");
  request.settings.dropout = config.number("lora.dropout");
  if (config.given("lora.target_modules")) request.targets = config.texts("lora.target_modules");
  // A path stays right wherever the adapter is read; a built-in model's name is one already.
  std::error_code error;
  request.base = fs::exists(flags.model, error) ? fs::weakly_canonical(flags.model, error).string() : flags.model;
  return request;
}

std::string withThousands(int64_t number) {
  std::string text = std::to_string(number);
  for (int64_t i = int64_t(text.size()) - 3; i > 0; i -= 3) text.insert(size_t(i), ",");
  return text;
}

Result<std::string> configIn(const std::string &directory) {
  return readTextFile(directory + "/" + huggingface::adapterConfigFile, 1 << 24);
}
}  // namespace

Result<AdapterStart> planAdapterTraining(const TrainConfig &config, const TrainFlags &flags, const std::string &model,
                                         const Tokenizer &tokenizer) {
  LLC_ASSIGN(huggingface::ModelSource opened, huggingface::openHuggingFace(model, models::architectures()));
  auto source = std::make_shared<huggingface::ModelSource>(std::move(opened));
  AdapterStart start{source, flags.adapter.empty() ? "" : latestCheckpoint(flags.adapter), {}, ""};
  AdapterPlan &plan = start.plan;
  if (start.existing.empty()) {
    LLC_ASSIGN(AdapterRequest request, requestOf(config, flags, tokenizer));
    LLC_ASSIGN(plan, planAdapter(*source, request));
  } else {
    plan.fingerprint = huggingface::baseFingerprint(*source);
    LLC_TRY(attachAdapters(*source, {start.existing + ":1"}));
    LLC_ASSIGN(plan.config, configIn(start.existing));
    plan.virtualTokens = source->model.virtualTokens;
    if (config.flag("lora.merge") && !source->adapters[0]->adapter.mergeInto)
      return diagnose(ErrorKind::invalidInput, "lora.merge")
          .says("this kind of adapter can't become part of weights")
          .toFix("leave it out");
    for (const TensorView &tensor : source->adapters[0]->file.tensors()) plan.trained += tensor.elements();
    for (const TensorView &tensor : source->checkpoint.tensors()) plan.all += tensor.elements();
  }
  start.summary = fmt::format("{} of {} weights are trained ({:.2f} %)", withThousands(plan.trained),
                              withThousands(plan.all), 100.0 * double(plan.trained) / double(plan.all));
  return start;
}

train::AdapterRun adapterRunOf(const AdapterStart &start) {
  return {{{huggingface::adapterConfigFile, start.plan.config}},
          {{huggingface::baseFingerprintKey, start.plan.fingerprint}},
          start.existing,
          start.summary,
          start.plan.virtualTokens};
}

Result<std::string> beginAdapter(const AdapterStart &start, const std::string &checkpoint, const std::string &directory,
                                 uint64_t seed) {
  if (!checkpoint.empty()) {
    LLC_ASSIGN(std::string found, configIn(checkpoint));
    LLC_TRY(train::compareAdapters(start.plan.config, found, checkpoint + "/" + huggingface::adapterConfigFile));
    return checkpoint;
  }
  if (!start.existing.empty()) return start.existing;
  LLC_TRY(writeNewAdapter(*start.base, start.plan, directory, seed));
  return directory;
}

}  // namespace llc::cli
