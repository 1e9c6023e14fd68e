// What a run says to people and programs: before its first step, in its report, at its end.
#pragma once
#include "runtime/train/loop.h"

namespace llc::train {

// report.html in the run's folder, from its metrics.jsonl. `facts`: names with values, above the curves.
Status writeRunReport(const std::string &directory, const std::vector<std::pair<std::string, std::string>> &facts);

// The result on stdout (`checkpoint`: the last one), as a path or as one JSON object.
void printOutcome(const std::string &directory, const std::string &checkpoint, const LoopOutcome &outcome, bool json);
// "finished at step 24 of 24, lowest loss 1.2345 at step 16".
std::string describeOutcome(const LoopOutcome &outcome);

}  // namespace llc::train
