#include "runtime/train/loop.h"

#include <cmath>

#include "runtime/base/clock.h"
#include "runtime/base/memory.h"
#include "runtime/train/gradient_flow.h"
#include "runtime/train/micro_batches.h"
#include "runtime/train/stop_signal.h"

namespace llc::train {

namespace {
constexpr int batchesWithoutTargets = 100;  // in a row, before the data is given up

// Not a number: null, as JSON has none.
Record number(double value) { return std::isfinite(value) ? Record(value) : Record(nullptr); }
// "nan", not "-nan".
double unsignedNan(double value) { return std::isnan(value) ? NAN : value; }

class Loop {
 public:
  Loop(const LoopParts &parts, const LoopOptions &options, TrainerState state)
      : parts_(parts),
        options_(options),
        state_(state),
        batches_(parts.program.rows(), parts.program.length(), options.vocabulary) {}

  Result<LoopOutcome> run() {
    LLC_TRY(check(options_.schedule));
    state_.totalSteps = options_.schedule.totalSteps;
    StopSignal signals;
    while (state_.step < state_.totalSteps) {
      LLC_TRY(oneStep());
      // An interruption is no end: what is logged must not depend on it.
      bool last = state_.step == state_.totalSteps, improved = false;
      if (state_.step % options_.logInterval == 0 || last) LLC_TRY(log());
      if (parts_.validation && (isDue(options_.evaluationInterval) || last)) {
        LLC_ASSIGN(improved, evaluate());
      }
      if (!last && stoppedImproving()) reason_ = StopReason::noImprovement, last = true;
      if (!last && parts_.enough && parts_.enough()) reason_ = StopReason::alert, last = true;
      if (!last && StopSignal::asked()) reason_ = StopReason::interrupted, last = true;
      if (last || isDue(options_.saveInterval) || (improved && options_.saveBest)) LLC_TRY(save(improved, last));
      if (last) break;
    }
    return LoopOutcome{state_, reason_, checkpoint_};
  }

 private:
  bool isDue(int64_t interval) const { return interval > 0 && state_.step % interval == 0; }

  Status readBatches() {
    for (int i = 0; i < batchesWithoutTargets; ++i) {
      LLC_TRY(batches_.read(parts_.stream, options_.accumulation));
      if (batches_.targets() > 0) return success();
    }
    return diagnose(ErrorKind::invalidInput, "data")
        .says(fmt::format("{} batches in a row have no token to predict", batchesWithoutTargets))
        .toFix("give data with sequences of at least two tokens");
  }

  Status oneStep() {
    auto begin = Clock::now();
    LLC_TRY(readBatches());
    StepScalars scalars{options_.schedule.rateAfter(state_.step), state_.updates + 1};
    LLC_ASSIGN(StepResult result, parts_.program.step(batches_.batches(), scalars));
    ++state_.step;
    state_.tokens += batches_.tokens();
    TrainerState::Interval &interval = state_.interval;
    interval.tokens += batches_.tokens();
    if (result.applied) {
      ++state_.updates;
      state_.badInARow = 0;
      ++interval.steps;
      interval.loss += result.loss;
      interval.gradientNorm += result.gradientNorm;
      interval.maxGradientNorm = std::max(interval.maxGradientNorm, result.gradientNorm);
      for (const auto &[name, value] : result.metrics)
        if (std::isfinite(value)) interval.metrics[name] += value;
    }
    lossScale_ = result.lossScale;
    double took = secondsSince(begin);
    state_.seconds += took;
    interval.seconds += took;
    if (parts_.onStep) parts_.onStep(state_, result);
    return result.applied ? success() : badStep(result);
  }

  // Nothing was changed by it, but for weights that moved early, by gradients that were finite; after too many the
  // weights or the data must be at fault.
  Status badStep(const StepResult &result) {
    ++state_.badSteps;
    ++state_.badInARow;
    std::string what = fmt::format("step {}: the loss is {}, the gradient's norm {}: {}; the step is left out",
                                   state_.step, unsignedNan(result.loss), unsignedNan(result.gradientNorm),
                                   whereNotFinite(result, parts_.program.state()));
    if (result.movedWeights)
      what += fmt::format(" but for {} weights, which had moved early (training.early_updates)", result.movedWeights);
    LLC_TRY(write({{"event", "warning"}, {"step", state_.step}, {"message", what}}));
    if (state_.badInARow < options_.maxBadSteps) return success();
    return diagnose(ErrorKind::invalidInput, "training")
        .says(fmt::format("loss or gradient were not finite in {} steps in a row, up to step {}; last checkpoint: {}",
                          state_.badInARow, state_.step, checkpoint_.empty() ? "none" : checkpoint_))
        .toFix(
            "lower the learning rate, warm up for longer, clip gradients (max_grad_norm 1), use precision f32, or "
            "look at the data; then resume from the last checkpoint");
  }

  Status write(const Record &record) {
    for (RecordSink *sink : parts_.sinks) LLC_TRY(sink->write(record));
    return success();
  }

  Record timing() const {
    const TrainerState::Interval &interval = state_.interval;
    Record record;
    double flops = parts_.program.flopsPerStep() * double(options_.accumulation) * double(interval.steps);
    record["train/tokens_per_second"] = number(double(interval.tokens) / interval.seconds);
    record["train/step_seconds"] = number(interval.seconds / double(interval.steps));
    record["train/mfu"] =
        options_.peakFlops > 0 && flops > 0 ? number(flops / interval.seconds / options_.peakFlops) : Record(nullptr);
    record["memory/peak_resident_bytes"] = peakResidentBytes();
    record["memory/planned_bytes"] = parts_.program.plannedBytes();
    record["time/seconds"] = state_.seconds;
    return record;
  }

  Status log() {
    const TrainerState::Interval &interval = state_.interval;
    if (interval.steps == 0) return success();
    double steps = double(interval.steps);
    Record record = {{"event", "train"}, {"step", state_.step}, {"epoch", parts_.stream.epoch()}};
    record["train/loss"] = number(interval.loss / steps);
    if (options_.perplexity) record["train/perplexity"] = number(std::exp(interval.loss / steps));
    for (const auto &[name, sum] : interval.metrics) record["train/" + name] = number(sum / steps);
    record["train/learning_rate"] = options_.schedule.rateAfter(state_.step - 1);
    record["train/grad_norm"] = number(interval.gradientNorm / steps);
    record["train/max_grad_norm"] = number(interval.maxGradientNorm);
    record["train/tokens"] = state_.tokens;
    record["train/bad_steps"] = state_.badSteps;
    if (lossScale_ > 0) record["train/loss_scale"] = lossScale_;
    record.update(timing());
    LLC_TRY(write(record));
    state_.interval = {};
    return success();
  }

  // Of all validation data: sums.
  Result<StepProgram::Evaluation> validate() {
    LLC_ASSIGN(data::TokenStream stream, parts_.validation());
    StepProgram::Evaluation total;
    for (int64_t i = 0; options_.evaluationBatches == 0 || i < options_.evaluationBatches; ++i) {
      LLC_TRY(batches_.read(stream, 1));
      if (batches_.batches().empty()) break;
      LLC_ASSIGN(auto one, parts_.program.evaluate(batches_.batches()[0]));
      total.sum += one.sum;
      total.targets += one.targets;
      for (const auto &[name, sum] : one.metrics) total.metrics[name] += sum;
    }
    if (total.targets == 0)
      return diagnose(ErrorKind::invalidInput, "validation data")
          .says("has no token to predict")
          .toFix("hold out more (training.validation_split), or 0 for no evaluation");
    return total;
  }

  // True: the lowest loss so far.
  Result<bool> evaluate() {
    auto begin = Clock::now();
    LLC_ASSIGN(StepProgram::Evaluation total, validate());
    double loss = total.sum / double(total.targets);
    bool best = std::isfinite(loss) && (!state_.bestLoss || loss < *state_.bestLoss);
    bool improved = std::isfinite(loss) && (!state_.bestLoss || loss < state_.reference - options_.threshold);
    state_.evaluationLoss = std::isfinite(loss) ? std::optional(loss) : std::nullopt;
    state_.evaluationStep = state_.step;
    state_.unimproved = improved ? 0 : state_.unimproved + 1;
    if (improved) state_.reference = loss;
    if (best) state_.bestLoss = loss, state_.bestStep = state_.step;
    Record record = {{"event", "evaluation"}, {"step", state_.step}, {"eval/loss", number(loss)}};
    if (options_.perplexity) record["eval/perplexity"] = number(std::exp(loss));
    for (const auto &[name, sum] : total.metrics) record["eval/" + name] = number(sum / double(total.targets));
    record["eval/best_loss"] = state_.bestLoss ? number(*state_.bestLoss) : Record(nullptr);
    record["eval/seconds"] = secondsSince(begin);
    LLC_TRY(write(record));
    if (parts_.sample) LLC_TRY(sample());
    return best;
  }

  Status sample() {
    auto text = parts_.sample(state_.step);
    if (text) return write({{"event", "sample"}, {"step", state_.step}, {"text", *text}});
    return write({{"event", "warning"}, {"step", state_.step}, {"message", "no text: " + text.error().text()}});
  }

  bool stoppedImproving() const { return options_.patience > 0 && state_.unimproved >= options_.patience; }

  // Only the last one must succeed: with a full disk it is better to go on, space may be found.
  Status save(bool best, bool last) {
    CheckpointContent content{state_,
                              data::toJson(parts_.stream.state()),
                              parts_.program.state(),
                              parts_.frozen,
                              parts_.files,
                              std::nullopt,
                              parts_.origin};
    if (state_.evaluationStep == state_.step) content.evaluationLoss = state_.evaluationLoss;
    auto saved = parts_.checkpoints.save(content, best);
    if (saved) {
      checkpoint_ = *saved;
      return write({{"event", "checkpoint"}, {"step", state_.step}, {"path", *saved}, {"best", best}});
    }
    if (last) return std::move(saved.error());
    return write({{"event", "warning"},
                  {"step", state_.step},
                  {"message", "no checkpoint of this step: " + saved.error().text()}});
  }

  const LoopParts &parts_;
  const LoopOptions &options_;
  TrainerState state_;
  MicroBatches batches_;
  StopReason reason_ = StopReason::finished;
  double lossScale_ = 0;  // of the latest step
  std::string checkpoint_;
};
}  // namespace

std::string_view stopReasonName(StopReason reason) {
  switch (reason) {
    case StopReason::finished:
      return "finished";
    case StopReason::interrupted:
      return "interrupted";
    case StopReason::noImprovement:
      return "no improvement";
    case StopReason::alert:
      return "alert";
  }
  return "";
}

Result<LoopOutcome> train(const LoopParts &parts, const LoopOptions &options, TrainerState state) {
  return Loop(parts, options, state).run();
}

}  // namespace llc::train
