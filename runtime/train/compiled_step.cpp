#include "runtime/train/compiled_step.h"

#include <array>
#include <cmath>
#include <cstring>
#include <map>
#include <set>

#include "runtime/threads/team.h"
#include "runtime/train/checkpoint.h"
#include "runtime/train/entry_memory.h"
#include "runtime/train/gradient_flow.h"
#include "runtime/train/loss_scale.h"
#include "runtime/train/training_memory.h"

namespace llc::train {
namespace {
constexpr std::string_view metricPrefix = "metric/", referenceName = "reference", averagePrefix = "ema/",
                           squaresPrefix = "gradient_squares/";
constexpr const char *lossScaleInput = "loss_scale", *drawInput = "draw";
constexpr std::string_view nextLogitsName = "next_logits";

// One entry's inputs and outputs, found by name.
struct Call {
  llc_entry function = nullptr;
  std::vector<const void *> inputs;
  std::vector<void *> outputs;
};

class CompiledStep final : public StepProgram {
 public:
  CompiledStep(std::shared_ptr<Program> program, int64_t threads, std::map<std::string, std::string> names,
               ModelWeights model)
      : program_(std::move(program)), team_(threads), names_(std::move(names)), model_(model) {}

  Status prepare(const std::string &firstWeights) {
    LLC_TRY(readShape());
    const Manifest &m = program_->manifest();
    LLC_ASSIGN(memory_, EntryMemory::allocate(m, team_.size(), "use fewer rows, or shorter ones"));
    for (std::vector<int32_t> &values : batch_) values.resize(size_t(rows_ * length_));
    for (const std::string &name : columnNames_) columns_[name].resize(size_t(rows_));
    reference_.resize(size_t(rows_));
    for (const EntrySpec &entry : m.entries) LLC_TRY(addCall(entry));
    for (const char *name : {"loss", "weight", "gradient_norm"})
      if (!results_.contains(name)) return notATrainingProgram();
    if (!firstWeights.empty()) LLC_TRY(loadWeights(firstWeights, trainedWeights()));
    LLC_TRY(beginAverages());
    listState();
    return success();
  }

  int64_t rows() const override { return rows_; }
  int64_t length() const override { return length_ - virtualTokens(); }
  std::span<const std::string> columns() const override { return columnNames_; }
  std::span<const TensorState> state() const override { return state_; }

  Result<StepResult> step(std::span<const Batch> microBatches, const StepScalars &scalars) override {
    scalar("learning_rate") = float(scalars.learningRate);
    scalar("step") = float(scalars.step);
    scalar(lossScaleInput) = lossScale_.scale();
    if (microBatches.empty())
      return diagnose(ErrorKind::invalidInput, "batch").says("there is none").toFix("give at least one");
    bool together = calls_.contains("train_step");
    if (together && microBatches.size() > 1)
      return diagnose(ErrorKind::invalidInput, "batch")
          .says("this program takes one batch per step")
          .toFix("compile it for gradient accumulation");
    LLC_TRY(together ? stepTogether(microBatches.front(), scalars.step) : stepApart(microBatches, scalars.step));
    StepResult result{.loss = scalar("loss"), .gradientNorm = scalar("gradient_norm")};
    result.applied = std::isfinite(result.loss) && std::isfinite(result.gradientNorm);
    if (movesEarly()) result.movedWeights = llround(scalar(movedWeights));
    flow_.addTo(metrics_, scalesLoss_ ? lossScale_.scale() : 1);
    if (scalesLoss_) {
      result.lossScale = lossScale_.scale();
      lossScale_.update(result.applied);
    }
    result.metrics = metrics_;
    return result;
  }

  Result<Evaluation> evaluate(const Batch &batch) override {
    LLC_TRY(load(batch));
    scalar(drawInput) = 0;
    run("loss", averaged_);
    double weight = scalar("weight");
    Evaluation evaluation{.sum = weight > 0 ? scalar("loss") * weight : 0, .targets = llround(weight)};
    if (weight > 0) addMetrics(evaluation.metrics, weight);
    return evaluation;
  }

  Status reference(const Batch &batch, std::span<float> rows) override {
    if (!calls_.contains(std::string(referenceName))) return StepProgram::reference(batch, rows);
    LLC_TRY(loadTokens(batch));
    run(std::string(referenceName));
    std::copy_n(reference_.begin(), std::min(rows.size(), reference_.size()), rows.begin());
    return success();
  }

  int64_t sampleLength() const override {
    const EntrySpec *entry = program_->manifest().entry(std::string(nextLogitsName));
    return entry ? entry->inputs[0].shape[1] - virtualTokens() : 0;
  }

  Result<std::span<const float>> nextLogits(std::span<const int32_t> tokens) override {
    int64_t first = virtualTokens(), count = int64_t(tokens.size()), room = sampleLength();
    if (!room) return StepProgram::nextLogits(tokens);
    if (count < 1 || count > room)
      return diagnose(ErrorKind::invalidInput, "tokens")
          .says(fmt::format("{} of them, and rows have room for {}", count, room))
          .toFix("give fewer, but at least one");
    std::vector<int32_t> &ids = batch_[0], &segments = batch_[1];
    std::fill_n(segments.begin(), first + room, 0), std::fill_n(ids.begin(), first + room, 0);
    for (int64_t i = 0; i < first; ++i) ids[size_t(i)] = int32_t(program_->manifest().vocabulary + i);
    std::ranges::copy(tokens, ids.begin() + first);
    std::fill_n(segments.begin(), first + count, 1);
    scalar("place") = float(first + count - 1);
    run(std::string(nextLogitsName), averaged_);
    return std::span<const float>(nextLogits_);
  }

  bool movesEarly() const override { return results_.contains(movedWeights); }
  uint64_t plannedBytes() const override {
    uint64_t bytes = memory_->bytes();
    for (const ParameterSpec &parameter : program_->manifest().parameters) bytes += parameter.bytes;
    return bytes;
  }
  double flopsPerStep() const override { return program_->manifest().flopsPerToken * double(rows_ * length_); }

 private:
  static constexpr std::string_view batchInputs[] = {"input_ids", "segments", "labels"};

  Status readShape() {
    const EntrySpec *loss = program_->manifest().entry("loss");
    bool fits = loss && loss->inputs.size() >= std::size(batchInputs);
    for (size_t i = 0; fits && i < std::size(batchInputs); ++i)
      fits = loss->inputs[i].name == batchInputs[i] && loss->inputs[i].shape.size() == 2;
    for (size_t i = std::size(batchInputs); fits && i < loss->inputs.size(); ++i) {
      const TensorSpec &column = loss->inputs[i];
      if (column.name == drawInput) continue;
      fits = column.type == DType::f32 && column.shape == std::vector<int64_t>{loss->inputs[0].shape[0]};
      columnNames_.push_back(column.name);
    }
    bool steps = program_->entry("train_step") ||
                 (program_->entry("accumulate") && program_->entry("apply") && program_->entry("loss_weight"));
    if (!fits || !steps) return notATrainingProgram();
    rows_ = loss->inputs[0].shape[0], length_ = loss->inputs[0].shape[1];
    return success();
  }

  Error notATrainingProgram() const {
    return diagnose(ErrorKind::unsupported, program_->manifest().name)
        .says("is no training program, or one of another version")
        .toFix("compile it again");
  }

  // All entries share one set of inputs and results: the batch, and numbers by name.
  Status addCall(const EntrySpec &entry) {
    Call call{program_->entry(entry.name), {}, {}};
    for (const TensorSpec &input : entry.inputs) {
      auto found = std::find(std::begin(batchInputs), std::end(batchInputs), input.name);
      if (found != std::end(batchInputs)) {
        call.inputs.push_back(batch_[size_t(found - std::begin(batchInputs))].data());
      } else if (auto column = columns_.find(input.name); column != columns_.end()) {
        call.inputs.push_back(column->second.data());
      } else {
        LLC_TRY(checkScalar(entry, input));
        scalesLoss_ |= input.name == lossScaleInput;
        call.inputs.push_back(&scalar(input.name));
      }
    }
    for (const TensorSpec &output : entry.outputs) {
      if (entry.name == referenceName && output.shape == std::vector<int64_t>{rows_}) {
        call.outputs.push_back(reference_.data());
        continue;
      }
      if (entry.name == nextLogitsName && output.shape.size() == 2 && output.type == DType::f32) {
        nextLogits_.resize(size_t(output.shape[0] * output.shape[1]));
        call.outputs.push_back(nextLogits_.data());
        continue;
      }
      LLC_TRY(checkScalar(entry, output));
      if (output.name.starts_with(squaresPrefix))
        flow_.add(checkpointName(output.name.substr(squaresPrefix.size())), &scalar(output.name));
      results_.insert(output.name);
      call.outputs.push_back(&scalar(output.name));
    }
    calls_[entry.name] = std::move(call);
    return success();
  }
  static Status checkScalar(const EntrySpec &entry, const TensorSpec &spec) {
    if (spec.type == DType::f32 && spec.shape == std::vector<int64_t>{1}) return success();
    return diagnose(ErrorKind::unsupported, entry.name + "." + spec.name)
        .says("a training program takes and gives single numbers beside the batch")
        .toFix("compile it again with this version");
  }
  float &scalar(const std::string &name) { return scalars_[name]; }

  void addMetrics(Metrics &to, double factor) {
    for (const std::string &name : results_)
      if (name.starts_with(metricPrefix)) to[name.substr(metricPrefix.size())] += factor * scalar(name);
  }

  std::span<std::byte> memoryOf(size_t parameter) const {
    auto *data = static_cast<std::byte *>(const_cast<void *>(program_->parameters()[parameter]));
    return {data, size_t(program_->manifest().parameters[parameter].bytes)};
  }

  std::vector<TensorState> trainedWeights() const {
    std::vector<TensorState> weights;
    for (size_t i = 0; i < program_->manifest().parameters.size(); ++i)
      if (const ParameterSpec &p = program_->manifest().parameters[i]; p.updated && !isOptimizerState(p.name))
        weights.push_back({checkpointName(p.name), p.type, p.shape, memoryOf(i), true});
    return weights;
  }

  // Each average is its weight before the first step. averaged_: all parameters, with averages instead of weights.
  Status beginAverages() {
    const std::vector<ParameterSpec> &all = program_->manifest().parameters;
    std::map<std::string_view, size_t> places;
    for (size_t i = 0; i < all.size(); ++i) places[all[i].name] = i;
    averaged_.assign(program_->parameters(), program_->parameters() + all.size());
    for (size_t i = 0; i < all.size(); ++i) {
      if (!isAverage(all[i].name)) continue;
      auto weight = places.find(std::string_view(all[i].name).substr(averagePrefix.size()));
      if (weight == places.end() || all[weight->second].type != all[i].type ||
          all[weight->second].bytes != all[i].bytes)
        return notATrainingProgram();
      std::ranges::copy(memoryOf(weight->second), memoryOf(i).begin());
      averaged_[weight->second] = averaged_[i];
      hasAverage_.insert(weight->first);
    }
    return success();
  }

  void listState() {
    for (bool weights : {true, false})
      for (size_t i = 0; i < program_->manifest().parameters.size(); ++i) {
        const ParameterSpec &p = program_->manifest().parameters[i];
        if (!p.updated || isSummedGradient(p.name)) continue;
        auto [name, isWeight] = roleOf(p.name);
        if (isWeight == weights) state_.push_back({name, p.type, p.shape, memoryOf(i), isWeight});
      }
    std::array<float, 2> &scale = lossScale_.state();
    if (scalesLoss_)
      state_.push_back({"loss_scale/state", DType::f32, {2}, std::as_writable_bytes(std::span(scale)), false});
  }

  // The name in checkpoints, and whether it is a weight of the model.
  std::pair<std::string, bool> roleOf(const std::string &parameter) const {
    std::string name = checkpointName(parameter);
    if (model_ == ModelWeights::averages && isAverage(parameter)) return {name.substr(averagePrefix.size()), true};
    if (model_ == ModelWeights::averages && hasAverage_.contains(parameter)) return {"weight/" + name, false};
    return {name, !isOptimizerState(parameter)};
  }

  // "exp_avg/NAME": the name of the state stays, that of the weight is the checkpoint's.
  std::string checkpointName(const std::string &name) const {
    size_t slash = name.find('/'), weight = slash == name.npos ? 0 : slash + 1;
    auto found = names_.find(name.substr(weight));
    return found == names_.end() ? name : name.substr(0, weight) + found->second;
  }

  Status load(const Batch &batch) {
    LLC_TRY(loadTokens(batch));
    bool fits = batch.columns.size() == columnNames_.size();
    for (size_t i = 0; fits && i < columnNames_.size(); ++i) {
      std::vector<float> &values = columns_[columnNames_[i]];
      std::fill(values.begin(), values.end(), 0.0f);
      fits = int64_t(batch.columns[i].size()) == batch.rows;
      if (fits) std::copy(batch.columns[i].begin(), batch.columns[i].end(), values.begin());
    }
    if (fits) return success();
    return diagnose(ErrorKind::invalidInput, "batch")
        .says("has other columns than the program reads, or not a number for each row")
        .toFix("give " + std::to_string(columnNames_.size()) + " columns");
  }

  // Smaller batches are padded: padding costs time, and changes nothing.
  Status loadTokens(const Batch &batch) {
    int64_t first = virtualTokens();  // where a row's own tokens begin
    if (batch.rows > rows_ || batch.length > length() || batch.rows < 1 || batch.length < 1)
      return diagnose(ErrorKind::invalidInput, "batch")
          .says("has " + std::to_string(batch.rows) + " rows of " + std::to_string(batch.length) + " tokens")
          .toFix("give at most " + std::to_string(rows_) + " rows of " + std::to_string(length()));
    const std::span<const int32_t> given[] = {batch.ids, batch.segments, batch.labels};
    constexpr int32_t padding[] = {0, 0, -100};
    for (size_t part = 0; part < std::size(given); ++part) {
      if (int64_t(given[part].size()) != batch.rows * batch.length)
        return diagnose(ErrorKind::invalidInput, std::string(batchInputs[part]))
            .says("is not of the batch's size")
            .toFix("give rows * length numbers");
      std::fill(batch_[part].begin(), batch_[part].end(), padding[part]);
      for (int64_t row = 0; row < batch.rows; ++row)
        std::copy_n(given[part].data() + row * batch.length, batch.length, batch_[part].data() + row * length_ + first);
    }
    return first ? addVirtualTokens(batch) : success();
  }

  int64_t virtualTokens() const { return program_->manifest().virtualTokens; }

  // In front of each row, in the segment of its first token; nothing is to be learned of them.
  Status addVirtualTokens(const Batch &batch) {
    int64_t count = virtualTokens();
    for (int64_t row = 0; row < batch.rows; ++row) {
      std::span<const int32_t> segments = batch.segments.subspan(row * batch.length, batch.length);
      for (int32_t segment : segments)
        if (segment && segment != segments[0])
          return diagnose(ErrorKind::invalidInput, "segments")
              .says("virtual tokens stand before one text, and a row holds several or begins with padding")
              .toFix("give each text a row of its own, padded at its end (data.packing: false)");
      for (int64_t i = 0; i < count; ++i) {
        batch_[0][row * length_ + i] = int32_t(program_->manifest().vocabulary + i);
        batch_[1][row * length_ + i] = segments[0];
      }
    }
    return success();
  }

  void run(const std::string &name) { run(name, {program_->parameters(), averaged_.size()}); }
  void run(const std::string &name, std::span<const void *const> parameters) {
    Call &call = calls_.at(name);
    llc_batch batch{};
    batch.tokens = rows_ * length_;
    llc_context context = memory_->context();
    int64_t sizes[] = {batch.tokens, 0, 0};
    context.parameters = parameters.data(), context.batch = &batch;
    context.inputs = call.inputs.data(), context.outputs = call.outputs.data(), context.sizes = sizes;
    team_.run(call.function, context);
  }

  // Numbers of micro-batches, for dropout; 0 would be none.
  static float drawOf(int64_t number) { return float(1 + number % ((1 << 24) - 1)); }

  Status stepTogether(const Batch &batch, int64_t number) {
    LLC_TRY(load(batch));
    scalar(drawInput) = drawOf(number);
    run("train_step");
    metrics_.clear();
    addMetrics(metrics_, 1);
    return success();
  }

  Status stepApart(std::span<const Batch> batches, int64_t number) {
    double weight = 0, loss = 0;
    metrics_.clear();
    for (const Batch &batch : batches) {
      LLC_TRY(load(batch));
      run("loss_weight");
      weight += scalar("weight");
    }
    for (size_t i = 0; i < batches.size(); ++i) {
      if (batches.size() > 1) LLC_TRY(load(batches[i]));
      scalar("normalizer") = float(weight);
      scalar("keep") = i > 0;
      scalar(drawInput) = drawOf(number * int64_t(batches.size()) + int64_t(i));
      run("accumulate");
      loss += scalar("loss");
      addMetrics(metrics_, 1);
    }
    scalar("loss") = float(loss);
    run("apply");
    return success();
  }

  std::shared_ptr<Program> program_;
  ThreadTeam team_;
  std::map<std::string, std::string> names_;
  ModelWeights model_;
  std::vector<const void *> averaged_;
  std::set<std::string_view> hasAverage_;  // weights
  int64_t rows_ = 0, length_ = 0;
  std::optional<EntryMemory> memory_;
  std::array<std::vector<int32_t>, std::size(batchInputs)> batch_;
  std::vector<std::string> columnNames_;
  std::map<std::string, std::vector<float>> columns_;
  std::vector<float> reference_;          // [rows]
  std::vector<float> nextLogits_;         // [vocabulary]
  Metrics metrics_;                       // of the step
  std::map<std::string, float> scalars_;  // nodes keep their place
  std::set<std::string> results_;         // names among them
  std::map<std::string, Call> calls_;
  std::vector<TensorState> state_;
  bool scalesLoss_ = false;
  LossScale lossScale_;
  GradientFlow flow_;
};
}  // namespace

bool isOptimizerState(std::string_view parameter) { return parameter.find('/') != parameter.npos; }
bool isSummedGradient(std::string_view parameter) { return parameter.starts_with("gradient/"); }
bool isAverage(std::string_view parameter) { return parameter.starts_with(averagePrefix); }

Result<std::unique_ptr<StepProgram>> makeStepProgram(std::shared_ptr<Program> program, int64_t threads,
                                                     std::map<std::string, std::string> names, ModelWeights model,
                                                     const std::string &firstWeights) {
  auto step = std::make_unique<CompiledStep>(std::move(program), threads, std::move(names), model);
  LLC_TRY(step->prepare(firstWeights));
  return std::unique_ptr<StepProgram>(std::move(step));
}

}  // namespace llc::train
