// Who else is told what a run reports: the files of experiment trackers, which are written here and read by their own
// programs. Nothing is sent anywhere.
#pragma once
#include <memory>

#include "runtime/train/metrics.h"
#include "runtime/train/run_config.h"

namespace llc::train {

struct TrackedRun {
  std::string directory;  // the run's folder: its name is the run's
  std::string parent;     // folder of all runs: what trackers keep for several of them lies in it
  std::string verb;       // "pretrain"
  OrderedJson config;     // effective
  int64_t step = 0;       // that the run goes on from; what was told of later ones is taken back where that is possible
};

// Of logging.trackers, jsonl left out: tensorboard, mlflow, wandb. The names have been checked
// (trackerNames). Errors: files that can't be written.
Result<std::vector<std::unique_ptr<RecordSink>>> openTrackers(const std::vector<std::string> &names,
                                                              const TrackedRun &run);
inline constexpr const char *trackerNames[] = {"jsonl", "tensorboard", "mlflow", "wandb"};

// ---- for trackers
// A name that the run's folder always has: `digits` hexadecimal ones.
std::string runIdOf(const TrackedRun &run, size_t digits);
// The keys of a configuration with their values as texts: {"training.lr", "0.001"}.
std::vector<std::pair<std::string, std::string>> parametersOf(const OrderedJson &config);

}  // namespace llc::train
