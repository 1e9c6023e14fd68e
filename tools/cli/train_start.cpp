#include "tools/cli/train_start.h"

#include "frontends/huggingface/import.h"
#include "frontends/recipe/bert_config.h"
#include "frontends/recipe/llama_config.h"
#include "models/registry.h"
#include "runtime/train/run_start.h"
#include "runtime/train/sample.h"
#include "tools/cli/model.h"
#include "tools/cli/parameter_groups.h"

namespace llc::cli {

namespace {
using recipe::OrderedJson;

// The vocabulary may be larger than the tokenizer's (padding), not smaller; special ids are the tokenizer's.
Status fitToTokenizer(TrainConfig &config, const Tokenizer &tokenizer, Progress &progress) {
  int64_t tokens = int64_t(tokenizer.vocabularySize()), rows = config.integer("vocab_size");
  if (tokens > rows && config.text("training.vocab_mismatch") == "error")
    return diagnose(ErrorKind::invalidInput, config.where() + ": vocab_size")
        .says(fmt::format("{}, and {} has {} tokens", rows, config.text("data.tokenizer_path"), tokens))
        .toFix("take the tokenizer's number, or leave --vocab-mismatch error out");
  if (tokens > rows || (tokens != rows && tokens < rows / 2)) {
    progress.note(fmt::format("note: vocab_size {} becomes {}, the tokenizer's", rows, tokens));
    config.set("vocab_size", tokens);
  }
  for (auto [key, id] : {std::pair("bos_token_id", tokenizer.bosId()),
                         {"eos_token_id", tokenizer.eosId()},
                         {"pad_token_id", tokenizer.padId()}}) {
    if (!id || config.integer(key) == int64_t(*id)) continue;
    progress.note(fmt::format("note: {} {} becomes {}, the tokenizer's", key, config.integer(key), *id));
    config.set(key, int64_t(*id));
  }
  return success();
}

train::Examples examplesOf(models::Examples examples) {
  switch (examples) {
    case models::Examples::text:
      return train::Examples::text;
    case models::Examples::completions:
      return train::Examples::completions;
    case models::Examples::preferences:
      return train::Examples::preferences;
    case models::Examples::comparisons:
      return train::Examples::comparisons;
  }
  return train::Examples::text;
}

// A model that is trained further drops what its configuration says, as its reference implementation does, but for what
// is given here. Pairs are compared without (as in TRL): what is left out would differ between both.
Status readModelDropout(TrainConfig &config, const std::string &model, Progress &progress) {
  LLC_ASSIGN(const models::Trainer *trainer, config.trainer());
  if (models::arePairs(trainer->examples)) return success();
  LLC_ASSIGN(huggingface::ModelSource source, huggingface::openConfig(model, models::architectures()));
  const dsl::DropoutRates &rates = source.model.trainedWith;
  bool given = config.given("dropout");
  std::string read;
  for (auto [key, rate, counts] :
       {std::tuple("dropout", rates.sublayers, !given),
        {"embedding_dropout", rates.embeddings, !given && rates.embeddings != rates.sublayers},
        {"attention_dropout", rates.attention, true}}) {
    if (!counts || rate == 0 || config.given(key)) continue;
    if (!(rate > 0 && rate < 1))
      return diagnose(ErrorKind::invalidInput, model + "/config.json")
          .says(fmt::format("asks for dropout at a rate of {}", rate))
          .toFix(fmt::format("write a number from 0 to below 1 there, or train with --set {}=0", key));
    config.set(key, rate);
    read += fmt::format("{}{} {}", read.empty() ? "" : ", ", key, rate);
  }
  if (!read.empty())
    progress.note(
        fmt::format("note: {}, as the model's config.json says (--dropout 0 --attention-dropout 0: none)", read));
  return success();
}

Status readOptimizerSettings(const TrainConfig &config, StepOptions &step) {
  // What language models are trained with; others keep their own.
  if (step.optimizer.starts_with("adamw")) step.optimizerSettings["beta2"] = 0.95;
  const OrderedJson *settings = config.find("training.optimizer_settings");
  if (!settings) return success();
  for (const auto &[name, value] : settings->items()) {
    if (!value.is_number())
      return diagnose(ErrorKind::invalidInput, "training.optimizer_settings." + name)
          .says("is no number")
          .toFix("write for instance {beta1: 0.9, beta2: 0.99}");
    step.optimizerSettings[name] = value.get<double>();
  }
  return success();
}
}  // namespace

train::TrainerTraits traitsOf(const models::Trainer &trainer, const models::TrainerSettings &settings) {
  train::TrainerTraits traits{examplesOf(trainer.examples), models::isLikelihood(trainer, settings),
                              trainer.reference != nullptr};
  if (!trainer.hides.empty())
    traits.masking = {settings.number(trainer.hides.at(0)), settings.number(trainer.hides.at(1)),
                      settings.number(trainer.hides.at(2))};
  return traits;
}

Result<train::RunStart> findRunStart(TrainConfig &config, const TrainFlags &flags, const TrainVerb &verb,
                                     Progress &progress) {
  train::RunStart start;
  start.modelName = verb.makesModel ? config.where() : flags.model;
  std::string tokenizer = config.text("data.tokenizer_path");
  if (!verb.makesModel) {
    LLC_ASSIGN(ModelPlace place, findModelDirectory(flags.model, "training"));
    start.model = place.path;
    if (!verb.makesAdapter) start.source = place.path;  // adapters know theirs
    if (!config.given("data.tokenizer_path")) {
      tokenizer = place.path;  // a model's own
      config.set("data.tokenizer_path", tokenizer);
    }
  }
  LLC_ASSIGN(start.tokenizer, corpus::loadTokenizer(tokenizer));
  if (verb.makesModel) {
    LLC_TRY(fitToTokenizer(config, *start.tokenizer.tokenizer, progress));
    LLC_ASSIGN(start.modelConfig, recipe::fillsIn(config.all()) ? recipe::bertConfig(config.all(), config.where())
                                                                : recipe::llamaConfig(config.all(), config.where()));
  } else {
    LLC_ASSIGN(start.modelConfig, train::readOrderedJson(start.model + "/config.json"));
    LLC_TRY(readModelDropout(config, start.model, progress));
  }
  return start;
}

train::InitialModel initialModelOf(const TrainConfig &config, const train::RunStart &start) {
  auto tensors = recipe::fillsIn(config.all()) ? recipe::bertTensors(config.all()) : recipe::llamaTensors(config.all());
  return {start.modelConfig.dump(2) + "\n", std::move(tensors), start.tokenizer.files};
}

dsl::DropoutRates dropoutOf(const TrainConfig &config) {
  double rate = config.number("dropout");
  bool own = config.find("embedding_dropout") != nullptr;
  return {own ? config.number("embedding_dropout") : rate, rate, config.number("attention_dropout")};
}

std::string gradientCheckpointingOf(const TrainConfig &config) {
  const OrderedJson &saving = *config.find("use_gradient_checkpointing");
  if (saving.is_string()) return saving.get<std::string>();
  return saving.get<bool>() ? "nothing_saveable" : "everything_saveable";
}

Result<StepOptions> stepOptionsOf(const TrainConfig &config, const TrainFlags &flags) {
  StepOptions step;
  step.optimizer = config.text("training.optimizer");
  LLC_TRY(readOptimizerSettings(config, step));
  step.maxGradNorm = config.number("training.max_grad_norm");
  step.earlyUpdates = config.text("training.early_updates");
  step.weightDecay = config.number("training.weight_decay");
  step.layerDecay = config.number("training.lr_decay");
  step.optimizerState = config.text("training.optimizer_state");
  step.emaDecay = config.number("training.ema_decay");
  if (!config.flag("training.ema_model")) step.model = train::ModelWeights::latest;
  step.weightType = config.text("training.weight_dtype");
  step.stochasticRounding = config.flag("training.stochastic_rounding");
  step.seed = uint64_t(config.integer("training.seed"));
  step.dropout = dropoutOf(config);
  step.accumulate = config.integer("training.gradient_accumulation_steps") > 1;
  step.gradientCheckpointing = gradientCheckpointingOf(config);
  step.precision = config.text("training.precision");
  if (step.precision == "auto") step.precision = "f32";
  step.threads = flags.threads;
  LLC_ASSIGN(step.groups, parameterGroups(config));
  step.frozen = config.texts("training.freeze");
  step.trainer = config.text("training.trainer");
  LLC_ASSIGN(step.trainerSettings, config.trainerSettings());
  if (config.given("training.sample_prompt")) step.sampleLength = train::longestSample;
  if (config.find("training.teacher")) step.teacher = config.text("training.teacher");
  return step;
}

}  // namespace llc::cli
