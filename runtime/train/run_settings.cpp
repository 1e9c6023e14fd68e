#include "runtime/train/run_settings.h"

#include <algorithm>

#include "runtime/chat/model_template.h"
#include "runtime/train/alerts.h"
#include "runtime/train/run_start.h"
#include "runtime/train/trackers.h"

namespace llc::train {

namespace {
// By steps if they were given, else by epochs.
int64_t totalSteps(const RunConfig &config, const TrainingData &data) {
  if (config.given("training.total_steps") && !config.given("training.epochs"))
    return config.integer("training.total_steps");
  int64_t rows = data.options.rows * config.integer("training.gradient_accumulation_steps");
  return std::max<int64_t>(1, data.rowsPerEpoch * config.integer("training.epochs") / rows);
}

// {"0.8": 0.316}: from that share of the steps on that share of the peak.
Result<std::vector<Schedule::Stage>> stagesOf(const OrderedJson &given) {
  std::vector<Schedule::Stage> stages;
  for (const auto &[key, value] : given.items()) {
    char *end = nullptr;
    double share = std::strtod(key.c_str(), &end);
    if (key.empty() || *end || !value.is_number())
      return diagnose(ErrorKind::invalidInput, "training.lr_stages")
          .says("\"" + key + "\": " + value.dump() + " is no stage")
          .toFix("write for instance {\"0.8\": 0.316, \"0.9\": 0.1}: shares of all steps, and of the peak");
    stages.push_back({share, value.get<double>()});
  }
  std::ranges::sort(stages, {}, &Schedule::Stage::share);
  return stages;
}

Result<Schedule> scheduleOf(const RunConfig &config, int64_t steps) {
  Schedule s;
  LLC_ASSIGN(s.kind, scheduleNamed(config.text("training.lr_schedule")));
  s.peak = config.number("training.lr");
  bool toZero = s.kind == Schedule::Kind::linear && !config.given("training.min_lr_ratio");
  s.endRatio = toZero ? 0 : config.number("training.min_lr_ratio");
  s.totalSteps = steps;
  s.warmupSteps = config.integer("training.warmup_steps");
  if (!config.given("training.warmup_steps")) s.warmupSteps = std::min(s.warmupSteps, s.totalSteps / 10);
  s.power = config.number("training.lr_power");
  s.decayShare = config.number("training.decay_share");
  if (const OrderedJson *stages = config.find("training.lr_stages")) {
    LLC_ASSIGN(s.stages, stagesOf(*stages));
  }
  return s;
}

// Keys that the sections have for what is not there yet, or what is done in one way only.
Status refuseSections(const RunConfig &config) {
  struct {
    const char *key, *allowed, *remedy;
  } const keys[] = {
      {"training.active_learning", "", "leave it out"},
      {"data.mix", "", "give the weights with the paths, data.path: [a.bin:3, b.bin:1]"},
      {"evaluation.few_shot", "", "leave it out: perplexity is of texts alone"},
      {"evaluation.max_new_tokens", "", "leave it out: perplexity is of texts alone"},
      {"checkpoint.sharded", "true \"auto\"", "give a larger checkpoint.shard_bytes"},
      {"checkpoint.async", "false", "leave it out: training waits for its checkpoints"},
      {"distributed.strategy", "\"none\"", "leave it out: one process trains"},
      {"distributed.zero_stage", "0", "leave it out: one process trains"},
      {"distributed.mesh", "\"auto\"", "leave it out: one process trains"},
  };
  for (const auto &[key, allowed, remedy] : keys) {
    const OrderedJson *value = config.find(key);
    if (value && std::string_view(allowed).find(value->dump()) == std::string_view::npos)
      return config.unavailable(key, remedy);
  }
  const OrderedJson *rows = config.find("evaluation.batch_size");
  if (rows && *rows != *config.find("training.batch_size"))
    return config.unavailable("evaluation.batch_size", "leave it out: its batches are those of training.batch_size");
  return success();
}
}  // namespace

Status refuseUnavailable(const RunConfig &config) {
  LLC_TRY(refuseSections(config));
  for (const std::string &tracker : config.texts("logging.trackers"))
    if (std::ranges::find(trackerNames, tracker) == std::end(trackerNames))
      return diagnose(ErrorKind::invalidInput, "logging.trackers")
          .says("there is no tracker '" + tracker + "'")
          .toFix(fmt::format("use {}", fmt::join(trackerNames, ", ")));
  if (const OrderedJson *alerts = config.find("logging.alerts")) {
    LLC_ASSIGN([[maybe_unused]] std::vector<AlertRule> rules, parseAlertRules(*alerts));
  }
  if (config.texts("evaluation.tasks") != std::vector<std::string>{"perplexity"})
    return config.unavailable("evaluation.tasks", "use perplexity");
  return success();
}

KeepRules keepRulesOf(const RunConfig &config) {
  return {config.integer("checkpoint.keep_last"), config.integer("checkpoint.keep_best"),
          config.integer("checkpoint.keep_every")};
}

Rotation rotationOf(const RunConfig &config) {
  return {uint64_t(config.integer("logging.rotate_bytes")), config.integer("logging.rotate_keep")};
}

CheckpointLayout layoutOf(const RunConfig &config, const AdapterRun *adapter) {
  CheckpointLayout layout{uint64_t(config.integer("checkpoint.shard_bytes")), config.flag("checkpoint.save_optimizer")};
  if (!adapter) return layout;
  layout.weights = "adapter_model";
  layout.metadata = adapter->metadata;
  return layout;
}

Result<LoopOptions> loopOptionsOf(const RunConfig &config, const TrainerTraits &trainer, const TrainingData &data) {
  LoopOptions o;
  LLC_ASSIGN(o.schedule, scheduleOf(config, totalSteps(config, data)));
  o.accumulation = config.integer("training.gradient_accumulation_steps");
  o.perplexity = trainer.likelihood;
  o.logInterval = config.integer("training.log_interval");
  o.saveInterval = config.integer("training.save_interval");
  o.evaluationInterval = config.integer("training.eval_interval");
  if (const OrderedJson *batches = config.find("evaluation.num_batches")) o.evaluationBatches = *batches;
  o.patience = config.integer("training.early_stopping_patience");
  o.threshold = config.number("training.early_stopping_threshold");
  o.saveBest = config.integer("checkpoint.keep_best") > 0;
  o.maxBadSteps = config.integer("training.max_bad_steps");
  return o;
}

Result<std::map<std::string, std::string>> checkpointFiles(const RunConfig &config, const RunStart &start,
                                                           const std::string &model,
                                                           std::span<const TensorState> state) {
  std::map<std::string, std::string> files = start.tokenizer.files;
  files.erase("config.json");
  // Who talks to the model is to speak as it has learned.
  if (const char *spoken = chat::namedTemplate(config.find("data.chat_format") ? config.text("data.chat_format") : ""))
    files["chat_template.jinja"] = spoken;
  if (start.adapter) {
    for (const auto &[name, text] : start.adapter->files) files[name] = text;
    return files;
  }
  LLC_ASSIGN(OrderedJson described, readOrderedJson(model + "/config.json"));
  bool narrow = std::ranges::any_of(
      state, [](const TensorState &tensor) { return tensor.isWeight && tensor.type == DType::bf16; });
  for (const char *key : {"torch_dtype", "dtype"})
    if (described.contains(key)) described[key] = narrow ? "bfloat16" : "float32";
  files["config.json"] = described.dump(2) + "\n";
  return files;
}

}  // namespace llc::train
