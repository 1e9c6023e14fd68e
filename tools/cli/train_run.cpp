#include "tools/cli/train_run.h"

#include <filesystem>
#include <set>

#include "runtime/base/json_read.h"
#include "runtime/base/memory.h"
#include "runtime/base/output_file.h"
#include "runtime/formats/safetensors.h"
#include "runtime/serve/bench.h"
#include "runtime/threads/limits.h"
#include "runtime/threads/team.h"
#include "runtime/train/loop.h"
#include "runtime/train/report.h"
#include "runtime/train/tensorboard.h"
#include "tools/cli/gradient_checkpointing.h"
#include "tools/cli/initial_model.h"
#include "tools/cli/merge.h"
#include "tools/cli/model.h"
#include "tools/cli/train_adapter.h"
#include "tools/cli/train_data.h"
#include "tools/cli/train_listeners.h"
#include "tools/cli/train_reference.h"
#include "tools/cli/train_sample.h"
#include "tools/cli/training_step.h"

namespace llc::cli {

namespace {
namespace fs = std::filesystem;
using recipe::OrderedJson;

bool hasCheckpoints(const fs::path &directory) {
  std::error_code error;
  for (const auto &entry : fs::directory_iterator(directory, error))
    if (entry.path().filename().string().find("-step-") != std::string::npos) return true;
  return false;
}

// OUTPUT/NAME; without a name the newest of VERB, VERB-2 ..., or for a fresh start the first that is unused.
std::string runDirectory(const TrainFlags &flags, const TrainVerb &verb) {
  fs::path base = flags.outputDirectory;
  if (!flags.runName.empty()) return (base / flags.runName).string();
  fs::path chosen = base / verb.name;
  for (int i = 2; hasCheckpoints(chosen); ++i) {
    fs::path next = base / fmt::format("{}-{}", verb.name, i);
    if (flags.resume != "none" && !hasCheckpoints(next)) break;
    chosen = next;
  }
  return chosen.string();
}

class Run {
 public:
  Run(Context &context, const TrainFlags &flags, const TrainVerb &verb)
      : flags_(flags), verb_(verb), progress_(context.quiet) {}

  Status run() {
    LLC_ASSIGN(config_, TrainConfig::make(flags_, verb_, [this](const std::string &text) { progress_.note(text); }));
    LLC_TRY(checkGradientCheckpointing(gradientCheckpointing(), /*budgets=*/true));
    directory_ = runDirectory(flags_, verb_);
    LLC_ASSIGN(trainer_, config_->trainer());
    LLC_TRY(config_->trainerSettings());
    LLC_TRY(findStart());
    LLC_ASSIGN(data_, openTrainingData(*config_, tokenizer_, vocabulary_, length_, flags_.outputDirectory + "/data",
                                       progress_));
    length_ = data_->options.length;
    LLC_TRY(makeProgram());
    return trainAndReport();
  }

 private:
  // ---- what training begins with
  Status openStore() {
    train::KeepRules keep{config_->integer("checkpoint.keep_last"), config_->integer("checkpoint.keep_best"),
                          config_->integer("checkpoint.keep_every")};
    train::CheckpointLayout layout{uint64_t(config_->integer("checkpoint.shard_bytes")),
                                   config_->flag("checkpoint.save_optimizer")};
    if (adapter_) layout.weights = "adapter_model";
    if (adapter_) layout.metadata[huggingface::baseFingerprintKey] = adapter_->plan.fingerprint;
    LLC_ASSIGN(store_, train::CheckpointStore::open(directory_, keep, layout));
    return success();
  }

  Status findStart() {
    if (!verb_.makesModel) {
      LLC_ASSIGN(ModelPlace place, findModelDirectory(flags_.model, "training"));
      model_ = place.path;
    }
    LLC_TRY(openTokenizer());
    if (verb_.makesAdapter) return findAdapter();
    // What can't be trained is refused before anything is made.
    OrderedJson wanted;
    if (verb_.makesModel) {
      fitToTokenizer();
      LLC_ASSIGN(wanted, recipe::llamaConfig(config_->all(), config_->where()));
    } else {
      LLC_ASSIGN(wanted, readOrdered(model_ + "/config.json"));
    }
    LLC_TRY(openStore());
    LLC_TRY(resume());
    if (checkpoint_) {
      LLC_ASSIGN(OrderedJson found, readOrdered(checkpoint_->directory + "/config.json"));
      LLC_TRY(compareModels(wanted, found));
      start_ = verb_.makesModel ? directory_ + "/initial" : model_;
      model_ = checkpoint_->directory;
    } else if (verb_.makesModel) {
      model_ = directory_ + "/initial";
      progress_.step("making first weights");
      LLC_TRY(writeInitialModel(model_, config_->all(), tokenizer_.files, uint64_t(config_->integer("training.seed"))));
    }
    if (start_.empty()) start_ = model_;
    return readModelSizes();
  }

  // The model stays what it is; checkpoints are of the adapter.
  Status findAdapter() {
    LLC_ASSIGN(adapter_, planAdapterTraining(*config_, flags_, model_));
    LLC_TRY(openStore());
    LLC_TRY(resume());
    start_ = model_;
    LLC_ASSIGN(adapterDirectory_, beginAdapter(*adapter_, checkpoint_ ? checkpoint_->directory : "",
                                               directory_ + "/initial", uint64_t(config_->integer("training.seed"))));
    return readModelSizes();
  }

  Status openTokenizer() {
    std::string path = config_->text("data.tokenizer_path");
    if (!verb_.makesModel && !config_->given("data.tokenizer_path")) {
      path = model_;  // a model's own
      config_->set("data.tokenizer_path", path);
    }
    LLC_ASSIGN(tokenizer_, loadTokenizer(path));
    return success();
  }

  // The vocabulary may be larger than the tokenizer's (padding), not smaller; special ids are the tokenizer's.
  void fitToTokenizer() {
    const Tokenizer &tokenizer = *tokenizer_.tokenizer;
    int64_t tokens = int64_t(tokenizer.vocabularySize()), rows = config_->integer("vocab_size");
    if (tokens > rows || (tokens != rows && tokens < rows / 2)) {
      progress_.note(fmt::format("note: vocab_size {} becomes {}, the tokenizer's", rows, tokens));
      config_->set("vocab_size", tokens);
    }
    for (auto [key, id] : {std::pair("bos_token_id", tokenizer.bosId()),
                           {"eos_token_id", tokenizer.eosId()},
                           {"pad_token_id", tokenizer.padId()}}) {
      if (!id || config_->integer(key) == int64_t(*id)) continue;
      progress_.note(fmt::format("note: {} {} becomes {}, the tokenizer's", key, config_->integer(key), *id));
      config_->set(key, int64_t(*id));
    }
  }

  static Result<OrderedJson> readOrdered(const std::string &path) {
    LLC_ASSIGN(Json json, readJsonFile(path));
    return OrderedJson(json);
  }

  Status resume() {
    auto skipped = [this](const std::string &text) { progress_.note("warning: " + text); };
    if (flags_.resume == "none") return success();
    if (flags_.resume == "auto" || flags_.resume == "latest") {
      LLC_ASSIGN(checkpoint_, store_->newest(skipped));
      if (checkpoint_ || flags_.resume == "auto") return success();
    }
    LLC_ASSIGN(checkpoint_, store_->named(flags_.resume));
    return success();
  }

  // Of what decides about shapes and results.
  Status compareModels(const OrderedJson &wanted, const OrderedJson &found) {
    for (const char *key : {"model_type", "vocab_size", "hidden_size", "n_embd", "intermediate_size",
                            "num_hidden_layers", "n_layer", "num_attention_heads", "num_key_value_heads", "head_dim",
                            "max_position_embeddings", "tie_word_embeddings", "hidden_act", "rope_theta"}) {
      OrderedJson want = wanted.value(key, OrderedJson()), have = found.value(key, OrderedJson());
      if (want == have) continue;
      return diagnose(ErrorKind::invalidInput, checkpoint_->directory)
          .says(fmt::format("is of another model: its {} is {}, {} asks for {}", key, have.dump(),
                            verb_.makesModel ? config_->where() : flags_.model, want.dump()))
          .toFix("start anew with --resume-from-checkpoint none, or choose another --run-name");
    }
    return success();
  }

  Status readModelSizes() {
    std::string path = model_ + "/config.json";
    LLC_ASSIGN(Json json, readJsonFile(path));
    LLC_ASSIGN(JsonObject object, JsonObject::of(json, path));
    LLC_ASSIGN(vocabulary_, object.integer("vocab_size", 1, INT32_MAX));
    int64_t longest = 0;
    for (const char *key : {"max_position_embeddings", "n_positions", "n_ctx"})
      if (!longest && object.has(key)) {
        LLC_ASSIGN(longest, object.integer(key, 1, INT32_MAX));
      }
    const OrderedJson *block = config_->find("data.block_size");
    length_ = block ? block->get<int64_t>() : longest ? 2048 : 1024;
    if (longest && !config_->given("data.block_size")) length_ = std::min(length_, longest);
    if (longest && length_ > longest)
      return diagnose(ErrorKind::invalidInput, "--block-size")
          .says(fmt::format("{} tokens, the model takes {}", length_, longest))
          .toFix("use shorter rows");
    int64_t tokens = int64_t(tokenizer_.tokenizer->vocabularySize());
    if (tokens > vocabulary_)
      return diagnose(ErrorKind::invalidInput, config_->text("data.tokenizer_path"))
          .says(fmt::format("has {} tokens, the model's vocabulary holds {}", tokens, vocabulary_))
          .toFix("use the tokenizer that the model was trained with");
    return success();
  }

  // ---- the program
  Status makeProgram() {
    accumulation_ = config_->integer("training.gradient_accumulation_steps");
    StepOptions step;
    step.rows = data_->options.rows;
    step.length = length_;
    step.optimizer = config_->text("training.optimizer");
    // What language models are trained with; others keep their own.
    if (step.optimizer == "adamw") step.optimizerSettings["beta2"] = 0.95;
    if (const OrderedJson *settings = config_->find("training.optimizer_settings"))
      for (const auto &[name, value] : settings->items()) {
        if (!value.is_number())
          return diagnose(ErrorKind::invalidInput, "training.optimizer_settings." + name)
              .says("is no number")
              .toFix("write for instance {beta1: 0.9, beta2: 0.99}");
        step.optimizerSettings[name] = value.get<double>();
      }
    step.maxGradNorm = config_->number("training.max_grad_norm");
    step.weightDecay = config_->number("training.weight_decay");
    step.accumulate = accumulation_ > 1;
    step.gradientCheckpointing = gradientCheckpointing();
    step.precision = config_->text("training.precision");
    if (step.precision == "auto") step.precision = "f32";
    step.threads = flags_.threads;
    step.frozen = config_->texts("training.freeze");
    step.adapter = adapterDirectory_;
    step.trainer = trainer_->name;
    LLC_ASSIGN(step.trainerSettings, config_->trainerSettings());
    if (config_->find("training.teacher")) step.teacher = config_->text("training.teacher");
    // What the loss compares with is the model as it was before the first step.
    if (trainer_->reference && adapter_) step.adapter = startAdapter();
    LLC_ASSIGN(program_, makeTrainingStep(trainer_->reference ? start_ : model_, step, progress_));
    if (trainer_->reference)
      LLC_TRY(addReference(*data_, *program_, startFiles(), flags_.outputDirectory + "/data", progress_));
    if (checkpoint_) LLC_TRY(train::loadTensors(*checkpoint_, program_->state()));
    return collectFrozen();
  }

  std::string gradientCheckpointing() const {
    const OrderedJson &saving = *config_->find("use_gradient_checkpointing");
    if (saving.is_string()) return saving.get<std::string>();
    return saving.get<bool>() ? "nothing_saveable" : "everything_saveable";
  }

  Status collectFrozen() {
    if (adapter_) return success();
    LLC_ASSIGN(weights_, SafeTensors::open(model_));
    std::set<std::string_view> moving;
    for (const train::TensorState &tensor : program_->state()) moving.insert(tensor.name);
    for (const TensorView &tensor : weights_->tensors()) {
      if (moving.contains(tensor.name)) continue;
      auto *bytes = const_cast<std::byte *>(tensor.bytes.data());  // of a file that is only read
      frozen_.push_back({tensor.name, tensor.type, tensor.shape, {bytes, tensor.bytes.size()}, true});
    }
    return success();
  }

  // The adapter as it was before the first step.
  std::string startAdapter() const { return adapter_->existing.empty() ? directory_ + "/initial" : adapter_->existing; }
  std::vector<std::string> startFiles() const {
    std::vector<std::string> files{start_};
    if (adapter_) files.push_back(startAdapter() + "/adapter_model.safetensors");
    return files;
  }

  // ---- the loop
  int64_t totalSteps() const {
    bool byEpochs = config_->given("training.epochs") || !config_->given("training.total_steps");
    if (flags_.keys.contains("training.total_steps")) byEpochs = false;
    if (!byEpochs) return config_->integer("training.total_steps");
    int64_t rows = data_->options.rows * accumulation_;
    return std::max<int64_t>(1, data_->rowsPerEpoch * config_->integer("training.epochs") / rows);
  }

  Result<train::LoopOptions> loopOptions() {
    train::LoopOptions o;
    train::Schedule &s = o.schedule;
    LLC_ASSIGN(s.kind, train::scheduleNamed(config_->text("training.lr_schedule")));
    s.peak = config_->number("training.lr");
    bool toZero = s.kind == train::Schedule::Kind::linear && !config_->given("training.min_lr_ratio");
    s.endRatio = toZero ? 0 : config_->number("training.min_lr_ratio");
    s.totalSteps = totalSteps();
    s.warmupSteps = config_->integer("training.warmup_steps");
    if (!config_->given("training.warmup_steps")) s.warmupSteps = std::min(s.warmupSteps, s.totalSteps / 10);
    s.power = config_->number("training.lr_power");
    s.decayShare = config_->number("training.decay_share");
    o.accumulation = accumulation_;
    o.vocabulary = vocabulary_;
    o.perplexity = trainer_->likelihood;
    o.logInterval = config_->integer("training.log_interval");
    o.saveInterval = config_->integer("training.save_interval");
    o.evaluationInterval = config_->integer("training.eval_interval");
    if (const OrderedJson *batches = config_->find("evaluation.num_batches")) o.evaluationBatches = *batches;
    o.patience = config_->integer("training.early_stopping_patience");
    o.threshold = config_->number("training.early_stopping_threshold");
    o.saveBest = config_->integer("checkpoint.keep_best") > 0;
    o.maxBadSteps = config_->integer("training.max_bad_steps");
    ThreadTeam team(flags_.threads ? flags_.threads : threadLimits().threads);
    o.peakFlops = measurePeakFlops(team, "", "f32");
    return o;
  }

  // The model's own files, for every checkpoint; weights are f32 in there.
  Result<std::map<std::string, std::string>> modelFiles() {
    std::map<std::string, std::string> files;
    for (const auto &[name, bytes] : tokenizer_.files)
      if (name != "config.json") files[name] = bytes;
    if (adapter_) {
      files[huggingface::adapterConfigFile] = adapter_->plan.config;
      return files;
    }
    LLC_ASSIGN(OrderedJson config, readOrdered(model_ + "/config.json"));
    for (const char *key : {"torch_dtype", "dtype"})
      if (config.contains(key)) config[key] = "float32";
    files["config.json"] = config.dump(2) + "\n";
    return files;
  }

  Status trainAndReport() {
    LLC_ASSIGN(data::TokenStream stream, data_->training());
    train::TrainerState state;
    state.seed = uint64_t(config_->integer("training.seed"));
    if (checkpoint_) {
      state = checkpoint_->trainer;
      LLC_ASSIGN(data::StreamState position,
                 data::parseStreamState(checkpoint_->data, checkpoint_->directory + "/data_state.json"));
      LLC_TRY(stream.restore(position));
    }
    LLC_ASSIGN(train::LoopOptions options, loopOptions());
    LLC_ASSIGN(train::MetricsFile metrics, train::MetricsFile::open(directory_ + "/metrics.jsonl", state.step));
    TextLog log(directory_ + "/" + config_->text("logging.file"), config_->text("logging.level"),
                options.schedule.totalSteps);
    TerminalSink terminal(progress_, options.schedule.totalSteps, config_->flag("logging.json"));
    train::LoopParts parts{.program = *program_, .stream = stream, .checkpoints = *store_};
    parts.sinks = {&metrics, &log, &terminal};
    std::unique_ptr<train::TensorBoardFile> board;
    auto trackers = config_->texts("logging.trackers");
    if (std::find(trackers.begin(), trackers.end(), "tensorboard") != trackers.end()) {
      LLC_ASSIGN(board, train::TensorBoardFile::create(directory_ + "/tensorboard", state.step));
      parts.sinks.push_back(board.get());
    }
    if (data_->hasValidation) parts.validation = [this] { return data_->validation(); };
    LLC_ASSIGN(parts.files, modelFiles());
    parts.frozen = frozen_;
    parts.origin = {{"verb", verb_.name}, {"config", config_->all()}};
    parts.onStep = [&](const auto &now, const auto &result) { terminal.onStep(now, result); };
    if (config_->given("training.sample_prompt"))
      parts.sample = [&](int64_t) {
        return sampleText(*program_, frozen_, parts.files, directory_, adapter_ ? model_ : "",
                          config_->text("training.sample_prompt"), flags_.threads);
      };
    announce(options, state, log);
    progress_.step("training", options.schedule.totalSteps, state.step);
    auto outcome = train::train(parts, options, state);
    progress_.finish();
    LLC_TRY(writeReport(options));
    if (!outcome) return std::move(outcome.error());
    LLC_TRY(mergeResult(*outcome));
    printResult(*outcome);
    return success();
  }

  Status mergeResult(const train::LoopOutcome &outcome) {
    if (!adapter_ || !config_->flag("lora.merge")) return success();
    std::error_code error;
    fs::remove_all(directory_ + "/merged", error);
    return mergeAdapters(model_, {lastCheckpoint(outcome) + ":1"}, directory_ + "/merged", progress_);
  }
  std::string lastCheckpoint(const train::LoopOutcome &outcome) const {
    return outcome.checkpoint.empty() && checkpoint_ ? checkpoint_->directory : outcome.checkpoint;
  }

  void announce(const train::LoopOptions &options, const train::TrainerState &state, TextLog &log) {
    std::string text = fmt::format(
        "{}: {} steps of {} x {} rows of {} tokens, {} tokens an epoch, learning rate {:g}, {} of memory planned",
        directory_, options.schedule.totalSteps, accumulation_, data_->options.rows, length_,
        data_->rowsPerEpoch * length_, options.schedule.peak, humanBytes(program_->plannedBytes()));
    if (checkpoint_) text += fmt::format("; goes on from step {} of {}", state.step, checkpoint_->directory);
    if (adapter_) text += "; " + adapter_->summary;
    progress_.finish();
    progress_.say(text);
    log.say("INFO", text);
  }

  Status writeReport(const train::LoopOptions &options) {
    auto records = train::readMetrics(directory_ + "/metrics.jsonl");
    if (!records) return std::move(records.error());
    std::vector<std::pair<std::string, std::string>> facts = {
        {"run", directory_},
        {"model", model_},
        {"data", fmt::format("{}", fmt::join(config_->texts("data.path"), ", "))},
        {"steps", std::to_string(options.schedule.totalSteps)},
        {"optimizer", config_->text("training.optimizer")},
        {"learning rate", fmt::format("{:g}, {}", options.schedule.peak, config_->text("training.lr_schedule"))}};
    return writeFile(directory_ + "/report.html", train::trainingReport(directory_, facts, *records));
  }

  void printResult(const train::LoopOutcome &outcome) {
    const train::TrainerState &s = outcome.state;
    std::string last = lastCheckpoint(outcome);
    if (flags_.json) {
      nlohmann::ordered_json json = {{"run", directory_}, {"checkpoint", last}, {"steps", s.step}};
      json["stopped"] = train::stopReasonName(outcome.reason);
      json["tokens"] = s.tokens;
      json["eval_loss"] = s.evaluationLoss ? nlohmann::ordered_json(*s.evaluationLoss) : nullptr;
      json["best_loss"] = s.bestLoss ? nlohmann::ordered_json(*s.bestLoss) : nullptr;
      json["best_step"] = s.bestStep;
      json["bad_steps"] = s.badSteps;
      json["seconds"] = s.seconds;
      fmt::print("{}\n", json.dump());
      return;
    }
    fmt::print("{}\n", last);
    progress_.say(
        fmt::format("{} at step {} of {}{}", train::stopReasonName(outcome.reason), s.step, s.totalSteps,
                    s.bestLoss ? fmt::format(", lowest loss {:.4f} at step {}", *s.bestLoss, s.bestStep) : ""));
  }

  const TrainFlags &flags_;
  const TrainVerb &verb_;
  Progress progress_;
  std::optional<TrainConfig> config_;
  std::string directory_, model_, adapterDirectory_, start_;  // start: of the run's first step
  std::optional<AdapterStart> adapter_;                       // lora-finetune
  const models::Trainer *trainer_ = nullptr;
  std::optional<train::CheckpointStore> store_;
  std::optional<train::ReadCheckpoint> checkpoint_;  // that is resumed
  TokenizerWithHash tokenizer_;
  std::optional<TrainingData> data_;
  int64_t vocabulary_ = 0, length_ = 0, accumulation_ = 1;
  std::unique_ptr<train::StepProgram> program_;
  std::optional<SafeTensors> weights_;
  std::vector<train::TensorState> frozen_;
};
}  // namespace

Status runTraining(Context &context, const TrainFlags &flags, const TrainVerb &verb) {
  return Run(context, flags, verb).run();
}

}  // namespace llc::cli
