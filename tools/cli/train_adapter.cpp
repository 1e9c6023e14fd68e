#include "tools/cli/train_adapter.h"

#include <fmt/format.h>

#include <filesystem>

#include "models/registry.h"
#include "runtime/base/json_read.h"
#include "runtime/base/mapped_file.h"
#include "tools/cli/adapters.h"
#include "tools/cli/model.h"

namespace llc::cli {

namespace {
namespace fs = std::filesystem;

AdapterRequest requestOf(const TrainConfig &config, const TrainFlags &flags) {
  AdapterRequest request;
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

// A run goes on with the adapter that it began with.
Status compareAdapters(const std::string &wanted, const std::string &found, const std::string &where) {
  LLC_ASSIGN(Json want, parseJson(wanted, "lora"));
  LLC_ASSIGN(Json have, parseJson(found, where));
  for (const char *key : {"peft_type", "r", "lora_alpha", "target_modules", "use_rslora", "use_dora", "lora_dropout"})
    if (want.value(key, Json()) != have.value(key, Json()))
      return diagnose(ErrorKind::invalidInput, where)
          .says(fmt::format("{} is {}, now {} is asked for", key, have.value(key, Json()).dump(),
                            want.value(key, Json()).dump()))
          .toFix("start anew with --resume-from-checkpoint none, or choose another --run-name");
  return success();
}
Result<std::string> configIn(const std::string &directory) {
  return readTextFile(directory + "/" + huggingface::adapterConfigFile, 1 << 24);
}
}  // namespace

Result<AdapterStart> planAdapterTraining(const TrainConfig &config, const TrainFlags &flags, const std::string &model) {
  LLC_ASSIGN(huggingface::ModelSource opened, huggingface::openHuggingFace(model, models::architectures()));
  auto source = std::make_shared<huggingface::ModelSource>(std::move(opened));
  AdapterStart start{source, flags.adapter, {}, ""};
  AdapterPlan &plan = start.plan;
  if (flags.adapter.empty()) {
    LLC_ASSIGN(plan, planAdapter(*source, requestOf(config, flags)));
  } else {
    plan.fingerprint = huggingface::baseFingerprint(*source);
    LLC_TRY(attachAdapters(*source, {flags.adapter + ":1"}));
    LLC_ASSIGN(plan.config, configIn(flags.adapter));
    for (const TensorView &tensor : source->adapters[0]->file.tensors()) plan.trained += tensor.elements();
    for (const TensorView &tensor : source->checkpoint.tensors()) plan.all += tensor.elements();
  }
  start.summary = fmt::format("{} of {} weights are trained ({:.2f} %)", withThousands(plan.trained),
                              withThousands(plan.all), 100.0 * double(plan.trained) / double(plan.all));
  return start;
}

Result<std::string> beginAdapter(const AdapterStart &start, const std::string &checkpoint, const std::string &directory,
                                 uint64_t seed) {
  if (!checkpoint.empty()) {
    LLC_ASSIGN(std::string found, configIn(checkpoint));
    LLC_TRY(compareAdapters(start.plan.config, found, checkpoint + "/" + huggingface::adapterConfigFile));
    return checkpoint;
  }
  if (!start.existing.empty()) return start.existing;
  LLC_TRY(writeNewAdapter(*start.base, start.plan, directory, seed));
  return directory;
}

}  // namespace llc::cli
