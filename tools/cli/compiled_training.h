// Runs a compiled training program once.
#pragma once
#include <optional>
#include <vector>

#include "runtime/serve/profile.h"
#include "tools/cli/tracing.h"
#include "tools/cli/training_batch.h"

namespace llc::cli {

inline constexpr const char *trainingEntry = "loss_and_gradients";  // of traceTraining's module

struct TrainingRun {
  int64_t threads = 1;
  int64_t repeat = 0;         // calls measured after the first, which warms up; 0: none
  bool profile = false;       // measured calls tell where their time goes
  std::string dumpDirectory;  // for a file per phase; empty: none
};
struct TrainingMeasures {
  double compileSeconds = 0;
  std::vector<double> seconds;  // of the measured calls
  uint64_t plannedBytes = 0;    // activations, scratch, gradients
  std::optional<Profile> profile;
};

// Compiles the module of traceTraining just in time, and gives the results of loss_and_gradients on the batch in order:
// the loss, then the gradients.
Result<std::vector<std::vector<float>>> runCompiledTraining(TracedModel &traced, const TrainingBatch &batch,
                                                            const TrainingRun &, TrainingMeasures &, Progress &);

}  // namespace llc::cli
