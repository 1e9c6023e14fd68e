// Autotuning of a model's code on this machine: what `tune` and `compile --tune` share.
#pragma once
#include "compiler/tuning/store.h"
#include "tools/cli/tracing.h"

namespace llc::cli {

struct TuneOptions {
  int64_t seconds = 120;                 // no candidate is begun later; what was found until then counts
  int64_t threads = 0;                   // 0: what the machine allows
  std::string weightCache, tuningCache;  // as --weight-cache; "none": results are not kept
};
struct TunedModel {
  compiler::TuningResult result;
  Target target;     // the row that was tuned: this machine's level
  std::string file;  // where the result was kept; empty if nowhere
};
// "tuning: stream_panels=2: 1.08 x the speed of the table's values in decode, 1.00 x in prefill"
std::string tuningSummary(const compiler::TuningResult &result);
// Searches, and keeps the result where later starts find it. Ctrl-C ends the search early, like its time limit.
Result<TunedModel> tuneModel(const TracedModel &traced, const TuneOptions &options, Progress &progress);

}  // namespace llc::cli
