#include "runtime/train/run.h"

#include <filesystem>
#include <set>

#include "runtime/base/memory.h"
#include "runtime/formats/safetensors.h"
#include "runtime/serve/bench.h"
#include "runtime/threads/limits.h"
#include "runtime/threads/team.h"
#include "runtime/train/alerts.h"
#include "runtime/train/curriculum.h"
#include "runtime/train/listeners.h"
#include "runtime/train/masking.h"
#include "runtime/train/reference.h"
#include "runtime/train/run_report.h"
#include "runtime/train/run_settings.h"
#include "runtime/train/run_start.h"
#include "runtime/train/sample.h"
#include "runtime/train/trackers.h"

namespace llc::train {

namespace {
RunEnd endOf(const Result<LoopOutcome> &outcome) {
  if (!outcome) return RunEnd::failed;
  return outcome->reason == StopReason::interrupted ? RunEnd::interrupted : RunEnd::finished;
}

class Run {
 public:
  Run(RunHost &host, RunConfig config, const TrainerTraits &trainer, RunStart start, const RunOptions &options,
      Progress &progress)
      : host_(host),
        config_(std::move(config)),
        trainer_(trainer),
        start_(std::move(start)),
        options_(options),
        progress_(progress) {}

  Status run() {
    directory_ = runDirectory(options_);
    LLC_TRY(findStart());
    LLC_ASSIGN(sizes_, modelSizesOf(start_.modelConfig, start_.modelName));
    LLC_ASSIGN(int64_t length, chooseLength(config_, sizes_, *start_.tokenizer.tokenizer));
    if (virtualTokens()) LLC_TRY(makeRoom(length));
    LLC_ASSIGN(data_, openTrainingData(config_, trainer_.examples, start_.tokenizer, sizes_.vocabulary, length,
                                       dataFolder(), progress_));
    if (trainer_.masking) {
      LLC_ASSIGN(data_->options.masking, maskingFor(*trainer_.masking, *start_.tokenizer.tokenizer,
                                                    uint64_t(config_.integer("data.shuffle_seed"))));
    }
    LLC_ASSIGN(LoopOptions loop, loopOptionsOf(config_, trainer_, *data_));
    LLC_ASSIGN(data_->options.curriculum, curriculumOf(config_, trainer_, data_->options, loop.schedule.totalSteps));
    LLC_TRY(makeProgram());
    return trainAndReport();
  }

 private:
  std::string dataFolder() const { return options_.outputDirectory + "/data"; }
  std::string initialFolder() const { return directory_ + "/initial"; }
  const AdapterRun *adapter() const { return start_.adapter ? &*start_.adapter : nullptr; }

  int64_t virtualTokens() const { return adapter() ? adapter()->virtualTokens : 0; }

  // A row holds one text behind its virtual tokens.
  Status makeRoom(int64_t &length) {
    if (config_.given("data.packing") && config_.flag("data.packing"))
      return diagnose(ErrorKind::invalidInput, "data.packing")
          .says("virtual tokens stand before each text, so that each has a row of its own")
          .toFix("leave it out");
    config_.set("data.packing", false);
    if (length < virtualTokens() + 2)
      return diagnose(ErrorKind::invalidInput, "--block-size")
          .says(fmt::format("{} tokens, {} of them virtual, leave no room for texts", length, virtualTokens()))
          .toFix("use longer rows, or fewer virtual tokens");
    length -= virtualTokens();
    return success();
  }

  // ---- what training begins with
  Status findStart() {
    LLC_ASSIGN(store_, CheckpointStore::open(directory_, keepRulesOf(config_), layoutOf(config_, adapter())));
    auto skipped = [this](const std::string &text) { progress_.note("warning: " + text); };
    LLC_ASSIGN(checkpoint_, findCheckpoint(*store_, options_.resume, skipped));
    firstModel_ = start_.model.empty() ? initialFolder() : start_.model;
    model_ = firstModel_;
    return adapter() ? beginAdapter() : beginModel();
  }

  Status beginModel() {
    if (checkpoint_) {
      LLC_ASSIGN(OrderedJson found, readOrderedJson(checkpoint_->directory + "/config.json"));
      LLC_TRY(compareOrigins(checkpoint_->manifest.origin, start_.source, checkpoint_->directory));
      LLC_TRY(compareModels(start_.modelConfig, found, checkpoint_->directory, start_.modelName));
      model_ = checkpoint_->directory;
    }
    return start_.model.empty() ? makeFirstModel() : success();
  }

  // A run that goes on needs it only to be compared with, and may have begun with a model that was there.
  Status makeFirstModel() {
    std::error_code error;
    if (checkpoint_ && (!trainer_.hasReference || std::filesystem::exists(firstModel_ + "/config.json", error)))
      return success();
    progress_.step("making first weights");
    return host_.writeModel(firstModel_);
  }

  // The model stays what it is; checkpoints are of the adapter.
  Status beginAdapter() {
    LLC_ASSIGN(adapterDirectory_, host_.beginAdapter(checkpoint_ ? checkpoint_->directory : "", initialFolder()));
    return success();
  }

  // ---- the program
  Status makeProgram() {
    ProgramRequest request{data_->options.rows, data_->options.length + virtualTokens(), model_, adapterDirectory_};
    // What the loss compares with is the model as it was before the first step.
    if (trainer_.hasReference) {
      request.model = firstModel_;
      if (adapter()) request.adapter = firstAdapter();
    }
    LLC_ASSIGN(program_, host_.makeProgram(request));
    if (trainer_.hasReference) LLC_TRY(addReference(*data_, *program_, firstFiles(), dataFolder(), progress_));
    if (checkpoint_) LLC_TRY(loadTensors(*checkpoint_, program_->state()));
    return collectFrozen();
  }

  std::string firstAdapter() const { return adapter()->existing.empty() ? initialFolder() : adapter()->existing; }
  std::vector<std::string> firstFiles() const {
    std::vector<std::string> files{firstModel_};
    if (adapter()) files.push_back(firstAdapter() + "/adapter_model.safetensors");
    return files;
  }

  Status collectFrozen() {
    if (adapter()) return success();
    LLC_ASSIGN(weights_, SafeTensors::open(model_));
    std::set<std::string_view> moving;
    for (const TensorState &tensor : program_->state()) moving.insert(tensor.name);
    for (const TensorView &tensor : weights_->tensors()) {
      if (moving.contains(tensor.name)) continue;
      auto *bytes = const_cast<std::byte *>(tensor.bytes.data());  // of a file that is only read
      frozen_.push_back({tensor.name, tensor.type, tensor.shape, {bytes, tensor.bytes.size()}, true});
    }
    return success();
  }

  // ---- the loop
  Result<LoopOptions> loopOptions() {
    LLC_ASSIGN(LoopOptions o, loopOptionsOf(config_, trainer_, *data_));
    o.vocabulary = sizes_.vocabulary;
    ThreadTeam team(options_.threads ? options_.threads : threadLimits().threads);
    o.peakFlops = measurePeakFlops(team, "", "f32");
    return o;
  }

  Result<TrainerState> restore(data::TokenStream &stream) {
    TrainerState state;
    state.seed = uint64_t(config_.integer("training.seed"));
    if (!checkpoint_) return state;
    LLC_ASSIGN(data::StreamState position,
               data::parseStreamState(checkpoint_->data, checkpoint_->directory + "/data_state.json"));
    if (Status restored = stream.restore(position); !restored)
      return diagnose(ErrorKind::invalidInput, checkpoint_->directory)
          .says("its data or rows are others than are asked for now: " + restored.error().what)
          .toFix(
              "give the same --data-path, weights, --batch-size, --block-size, --curriculum, data.shuffle_seed and "
              "--validation-split, start anew with --resume-from-checkpoint none, or choose another --run-name");
    return checkpoint_->trainer;
  }

  Status trainAndReport() {
    LLC_ASSIGN(data::TokenStream stream, data_->training());
    LLC_ASSIGN(TrainerState state, restore(stream));
    LLC_ASSIGN(LoopOptions options, loopOptions());
    Rotation rotation = rotationOf(config_);
    LLC_ASSIGN(MetricsFile metrics, MetricsFile::open(directory_ + "/metrics.jsonl", state.step, rotation));
    LLC_ASSIGN(RotatingFile text, RotatingFile::open(directory_ + "/" + config_.text("logging.file"), rotation));
    TextLog log(std::move(text), config_.text("logging.level"), options.schedule.totalSteps);
    TerminalSink terminal(progress_, options.schedule.totalSteps, config_.flag("logging.json"));
    LoopParts parts{.program = *program_, .stream = stream, .checkpoints = *store_};
    parts.sinks = {&metrics, &log, &terminal};
    LLC_ASSIGN(auto trackers,
               openTrackers(config_.texts("logging.trackers"),
                            {directory_, options_.outputDirectory, options_.verb, config_.all(), state.step}));
    for (const auto &tracker : trackers) parts.sinks.push_back(tracker.get());
    LLC_ASSIGN(AlertSink alerts, watchFor(parts.sinks));
    parts.sinks.push_back(&alerts);
    parts.enough = [&alerts] { return alerts.asksToStop(); };
    LLC_TRY(fillParts(parts));
    parts.onStep = [&](const auto &now, const auto &result) { terminal.onStep(now, result); };
    LLC_TRY(announce(options, state, log));
    progress_.step("training", options.schedule.totalSteps, state.step);
    auto outcome = train(parts, options, state);
    progress_.finish();
    LLC_TRY(alerts.finish(endOf(outcome)));
    for (const auto &tracker : trackers) LLC_TRY(tracker->finish(endOf(outcome)));
    LLC_TRY(writeRunReport(directory_, facts(options)));
    if (!outcome) return std::move(outcome.error());
    return end(*outcome);
  }

  Result<AlertSink> watchFor(const std::vector<RecordSink *> &sinks) const {
    const OrderedJson *given = config_.find("logging.alerts");
    LLC_ASSIGN(std::vector<AlertRule> rules, parseAlertRules(given ? *given : OrderedJson::array()));
    bool watches = !rules.empty();
    AlertSink alerts(std::move(rules), sinks);
    if (std::string path = directory_ + "/metrics.jsonl"; watches && !partsOf(path).empty()) {
      LLC_ASSIGN(std::vector<Record> before, readMetrics(path));
      alerts.replay(before);
    }
    return alerts;
  }

  Status fillParts(LoopParts &parts) {
    if (data_->hasValidation) parts.validation = [this] { return data_->validation(); };
    LLC_ASSIGN(parts.files, checkpointFiles(config_, start_, model_, program_->state()));
    parts.frozen = frozen_;
    parts.origin = {{"verb", options_.verb}, {"config", config_.all()}};
    if (!start_.source.empty()) {
      LLC_ASSIGN(std::string fingerprint, fingerprintOf(start_.source));
      parts.origin["began_with"] = {{"model", start_.source}, {"fingerprint", fingerprint}};
    }
    if (config_.given("training.sample_prompt"))
      parts.sample = [this](int64_t) {
        return sampleText(*program_, *start_.tokenizer.tokenizer, start_.modelConfig,
                          config_.text("training.sample_prompt"));
      };
    return success();
  }

  Status end(const LoopOutcome &outcome) {
    std::string last = outcome.checkpoint.empty() && checkpoint_ ? checkpoint_->directory : outcome.checkpoint;
    LLC_TRY(host_.finish(directory_, last));
    printOutcome(directory_, last, outcome, options_.json);
    if (!options_.json) progress_.say(describeOutcome(outcome));
    return success();
  }

  Status announce(const LoopOptions &options, const TrainerState &state, TextLog &log) {
    std::string text = fmt::format(
        "{}: {} steps of {} x {} rows of {} tokens, {} tokens an epoch, learning rate {:g}, {} of memory planned",
        directory_, options.schedule.totalSteps, options.accumulation, data_->options.rows, data_->options.length,
        data_->rowsPerEpoch * data_->options.length, options.schedule.peak, humanBytes(program_->plannedBytes()));
    if (program_->movesEarly()) text += "; each weight moves as soon as its gradient is complete";
    if (checkpoint_) text += fmt::format("; goes on from step {} of {}", state.step, checkpoint_->directory);
    if (adapter()) text += "; " + adapter()->summary;
    progress_.finish();
    progress_.say(text);
    LLC_TRY(log.say("INFO", text));
    return warnOfShortData(options, log);
  }

  Status warnOfShortData(const LoopOptions &options, TextLog &log) {
    int64_t rows = options.accumulation * data_->options.rows;
    if (data_->rowsPerEpoch >= rows) return success();
    std::string text = fmt::format(
        "a step takes {} rows, and the data fill {}: it learns the same texts several times; a smaller --batch-size or "
        "--gradient-accumulation-steps avoids that",
        rows, std::max<int64_t>(data_->rowsPerEpoch, 1));
    progress_.note("warning: " + text);
    return log.say("WARNING", text);
  }

  std::vector<std::pair<std::string, std::string>> facts(const LoopOptions &options) const {
    return {{"run", directory_},
            {"model", model_},
            {"data", fmt::format("{}", fmt::join(config_.texts("data.path"), ", "))},
            {"steps", std::to_string(options.schedule.totalSteps)},
            {"optimizer", config_.text("training.optimizer")},
            {"learning rate", fmt::format("{:g}, {}", options.schedule.peak, config_.text("training.lr_schedule"))}};
  }

  RunHost &host_;
  RunConfig config_;
  const TrainerTraits trainer_;
  const RunStart start_;
  const RunOptions options_;
  Progress &progress_;
  std::string directory_, model_, firstModel_, adapterDirectory_;  // first: of the run's first step
  std::optional<CheckpointStore> store_;
  std::optional<ReadCheckpoint> checkpoint_;  // that is resumed
  ModelSizes sizes_;
  std::optional<TrainingData> data_;
  std::unique_ptr<StepProgram> program_;
  std::optional<SafeTensors> weights_;
  std::vector<TensorState> frozen_;
};
}  // namespace

Status runTraining(RunHost &host, RunConfig config, const TrainerTraits &trainer, RunStart start,
                   const RunOptions &options, Progress &progress) {
  return Run(host, std::move(config), trainer, std::move(start), options, progress).run();
}

}  // namespace llc::train
