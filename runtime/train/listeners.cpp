#include "runtime/train/listeners.h"

#include <ctime>

#include "runtime/base/memory.h"

namespace llc::train {

namespace {
constexpr std::string_view levels[] = {"DEBUG", "INFO", "WARNING", "ERROR"};

int rankOf(std::string_view level) {
  for (int i = 0; i < int(std::size(levels)); ++i)
    if (levels[i] == level) return i;
  return 1;
}

double numberIn(const Record &record, const char *key) {
  auto found = record.find(key);
  return found != record.end() && found->is_number() ? found->get<double>() : 0;
}

std::string duration(double seconds) {
  int64_t whole = int64_t(seconds + 0.5);
  if (whole >= 3600) return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
  return fmt::format("{}:{:02}", whole / 60, whole % 60);
}

// What is worth a look beside the loss.
std::string measuresOf(const Record &record, const std::string &prefix) {
  std::string text;
  for (const char *name : {"perplexity", "rewards/accuracies", "rewards/margins", "kl_loss"})
    if (record.contains(prefix + name))
      text += fmt::format(", {} {:.4g}", name, numberIn(record, (prefix + name).c_str()));
  return text;
}

std::string speedOf(const Record &record) {
  std::string text = fmt::format("{:.0f} tok/s", numberIn(record, "train/tokens_per_second"));
  if (double mfu = numberIn(record, "train/mfu"); mfu > 0) text += fmt::format("  MFU {:.1f} %", 100 * mfu);
  return text + "  " + humanBytes(uint64_t(numberIn(record, "memory/peak_resident_bytes")));
}
}  // namespace

std::string lineOf(const Record &record, int64_t totalSteps) {
  std::string event = record.value("event", ""), step = record["step"].dump();
  if (event == "train")
    return fmt::format("step {}/{}  epoch {:.2f}  loss {:.4f}  lr {:.2e}  grad {:.3g}  {}", step, totalSteps,
                       numberIn(record, "epoch"), numberIn(record, "train/loss"),
                       numberIn(record, "train/learning_rate"), numberIn(record, "train/grad_norm"), speedOf(record));
  if (event == "evaluation")
    return fmt::format("step {}/{}  evaluation: loss {:.4f}{}, lowest loss {:.4f}", step, totalSteps,
                       numberIn(record, "eval/loss"), measuresOf(record, "eval/"), numberIn(record, "eval/best_loss"));
  if (event == "sample") return fmt::format("step {}  text: {}", step, record.value("text", ""));
  if (event == "checkpoint") return fmt::format("step {}  checkpoint {}", step, record.value("path", ""));
  return record.value("message", "");
}

TerminalSink::TerminalSink(Progress &progress, int64_t totalSteps, bool json)
    : progress_(progress), total_(totalSteps), json_(json) {}

Status TerminalSink::write(const Record &record) {
  std::string event = record.value("event", "");
  if (event == "train") speed_ = speedOf(record);
  if (json_)
    progress_.say(record.dump(-1, ' ', false, Record::error_handler_t::replace));
  else if (event == "warning" || event == "alert")
    progress_.note("warning: " + lineOf(record, total_));
  else if (event != "train" || !progress_.onTerminal())  // there the bar says it
    progress_.say(lineOf(record, total_));
  return success();
}

void TerminalSink::onStep(const TrainerState &state, const StepResult &result) {
  if (secondsBefore_ >= 0) {
    double took = state.seconds - secondsBefore_;
    secondsPerStep_ = secondsPerStep_ > 0 ? 0.9 * secondsPerStep_ + 0.1 * took : took;
  }
  secondsBefore_ = state.seconds;
  std::string left = secondsPerStep_ > 0 ? duration(secondsPerStep_ * double(total_ - state.step)) + " left" : "";
  progress_.advance(fmt::format("loss {:.4f}  {}  {}", result.loss, speed_, left));
}

TextLog::TextLog(RotatingFile file, const std::string &level, int64_t totalSteps)
    : file_(std::move(file)), least_(rankOf(level)), total_(totalSteps) {}

Status TextLog::write(const Record &record) {
  std::string event = record.value("event", "");
  return say(event == "warning" || event == "alert" ? "WARNING" : "INFO", lineOf(record, total_));
}

Status TextLog::say(const std::string &level, const std::string &message) {
  if (rankOf(level) < least_) return success();
  std::time_t now = std::time(nullptr);
  std::tm local = {};
  localtime_r(&now, &local);
  char time[32];
  std::strftime(time, sizeof(time), "%Y-%m-%d %H:%M:%S", &local);
  return file_.append(fmt::format("{} - {} - {}\n", time, level, message));
}

}  // namespace llc::train
