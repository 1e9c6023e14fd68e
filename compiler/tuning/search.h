// Autotuning: which values of a target's tunables run a program fastest on this machine. Coordinate descent from the
// table's row, one tunable after the other; a candidate and the best so far run in turn, so that what else the machine
// does hits both, and the fastest run of each counts. Search space and measurement are the caller's, who can compile
// and run programs.
#pragma once
#include <functional>
#include <memory>

#include "compiler/targets/tunables.h"

namespace llc::compiler {

// What one run took: a step of one token, and a step of many.
struct StepSeconds {
  double decode = 0, prefill = 0;
};
// A compiled candidate. `decode`, `prefill`: which of the two to run (the other stays 0).
using TuningRun = std::function<Result<StepSeconds>(bool decode, bool prefill)>;

struct TuningSearch {
  Tuning from;  // where to begin: what an earlier search found
  std::function<Result<TuningRun>(const Tuning &)> compile;
  std::function<void(const std::string &)> report = [](const std::string &) {};  // one line per candidate
  std::function<bool()> stop = [] { return false; };  // asked before each run; what was found so far is kept
  double leastGain = 1.02;                            // smaller ones are noise
  int rounds = 3;
};
struct TuningResult {
  Tuning tuning;              // empty: the table's row is best
  StepSeconds before, after;  // of the table's row and of `tuning`, from runs in turn
  int64_t tried = 0;
  bool complete = false;  // false: stopped early
};
Result<TuningResult> searchTuning(const Target &start, const TuningSearch &);

}  // namespace llc::compiler
