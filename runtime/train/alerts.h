// Rules about what a run reports: "the gradient's norm was above 100 for 50 steps". One that holds is said wherever
// records go, may run a command, and may end the run.
#pragma once
#include "runtime/train/metrics.h"

namespace llc::train {

// {"metric": "train/grad_norm", "op": ">", "threshold": 100, "steps": 50, "stop": true, "command": "..."}
struct AlertRule {
  std::string metric;
  std::string op;  // > >= < <= == !=, or "finite": alerts of what is not
  double threshold = 0;
  int64_t steps = 1;  // all records of so many steps, and at least one
  bool stop = false;
  std::string command;  // of a shell; it reads the alert from the environment, LLC_ALERT
};
// Of logging.alerts, a list. Error: a rule with something missing, unknown or contradictory.
Result<std::vector<AlertRule>> parseAlertRules(const Record &list);

class AlertSink : public RecordSink {
 public:
  // Alerts are written to `sinks`, which must outlive it.
  AlertSink(std::vector<AlertRule> rules, std::vector<RecordSink *> sinks);
  // What was reported before the run goes on: nothing is said again, and no command runs.
  void replay(const std::vector<Record> &records);
  // Each rule alerts once, and again when it has not held in between.
  Status write(const Record &record) override;
  // Warns of rules about what no record had.
  Status finish(RunEnd end) override;
  bool asksToStop() const { return stop_; }

 private:
  struct Watch {
    AlertRule rule;
    int64_t clearAt = 0;  // step of the last record in which it did not hold
    bool seen = false, said = false;
  };
  static bool fires(Watch &watch, const Record &record);
  Status say(const AlertRule &rule, const Record &record);
  Status tell(const Record &record);

  std::vector<Watch> watches_;
  std::vector<RecordSink *> sinks_;
  bool stop_ = false;
};

}  // namespace llc::train
