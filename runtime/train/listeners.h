// Who listens to a run: the bar on the terminal, the log for people.
#pragma once
#include "runtime/base/progress.h"
#include "runtime/train/loop.h"

namespace llc::train {

// "step 10/100  loss 3.2145  lr 3.0e-04  grad 1.23  812 tok/s ..."; empty for events that are no news.
std::string lineOf(const Record &record, int64_t totalSteps);

// Lines on stderr, and the bar's text after each step.
class TerminalSink : public RecordSink {
 public:
  TerminalSink(Progress &progress, int64_t totalSteps, bool json);
  Status write(const Record &record) override;
  void onStep(const TrainerState &state, const StepResult &result);

 private:
  Progress &progress_;
  int64_t total_;
  bool json_;  // records as JSON lines instead of lines for people
  std::string speed_;
  double secondsBefore_ = -1, secondsPerStep_ = 0;  // the latter: a moving average
};

// training.log: "time - level - message" lines.
class TextLog : public RecordSink {
 public:
  // `level`: DEBUG, INFO, WARNING or ERROR: the least that is written.
  TextLog(RotatingFile file, const std::string &level, int64_t totalSteps);
  Status write(const Record &record) override;
  Status say(const std::string &level, const std::string &message);

 private:
  RotatingFile file_;
  int least_;
  int64_t total_;
};

}  // namespace llc::train
