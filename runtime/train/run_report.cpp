#include "runtime/train/run_report.h"

#include "runtime/base/output_file.h"
#include "runtime/train/report.h"

namespace llc::train {

Status writeRunReport(const std::string &directory, const std::vector<std::pair<std::string, std::string>> &facts) {
  LLC_ASSIGN(std::vector<Record> records, readMetrics(directory + "/metrics.jsonl"));
  return writeFile(directory + "/report.html", trainingReport(directory, facts, records));
}

void printOutcome(const std::string &directory, const std::string &checkpoint, const LoopOutcome &outcome, bool json) {
  if (!json) {
    fmt::print("{}\n", checkpoint);
    return;
  }
  const TrainerState &s = outcome.state;
  Record object = {{"run", directory}, {"checkpoint", checkpoint}, {"steps", s.step}};
  object["stopped"] = stopReasonName(outcome.reason);
  object["tokens"] = s.tokens;
  object["eval_loss"] = s.evaluationLoss ? Record(*s.evaluationLoss) : nullptr;
  object["best_loss"] = s.bestLoss ? Record(*s.bestLoss) : nullptr;
  object["best_step"] = s.bestStep;
  object["bad_steps"] = s.badSteps;
  object["seconds"] = s.seconds;
  fmt::print("{}\n", object.dump());
}

std::string describeOutcome(const LoopOutcome &outcome) {
  const TrainerState &s = outcome.state;
  return fmt::format("{} at step {} of {}{}", stopReasonName(outcome.reason), s.step, s.totalSteps,
                     s.bestLoss ? fmt::format(", lowest loss {:.4f} at step {}", *s.bestLoss, s.bestStep) : "");
}

}  // namespace llc::train
