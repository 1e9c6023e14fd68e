// A run in MLflow's file store (mlflow/store/tracking/file_store.py): mlruns/EXPERIMENT/RUN with meta.yaml and a file
// for each metric, parameter and tag. Newer servers read it with MLFLOW_ALLOW_FILE_STORE=true, or after mlflow
// migrate-filestore.
#pragma once
#include "runtime/train/trackers.h"

namespace llc::train {

class MlflowRun : public RecordSink {
 public:
  // In PARENT/mlruns, experiment "llc-model VERB". A run that goes on is the same one, without what it told of later
  // steps.
  static Result<std::unique_ptr<MlflowRun>> create(const TrackedRun &run);
  Status write(const Record &record) override;
  Status finish(RunEnd end) override;

 private:
  enum class State { running = 1, finished = 3, failed = 4, killed = 5 };  // mlflow.entities.RunStatus
  MlflowRun() = default;
  Status writeMeta(State state) const;
  std::string folder_, experiment_, id_, name_;
  int64_t start_ = 0;  // milliseconds since 1970
};

}  // namespace llc::train
