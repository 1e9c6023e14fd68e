// A run with the program that is in the running executable.
#pragma once
#include "runtime/serve/program.h"
#include "runtime/train/run.h"
#include "runtime/train/trainer_plan.h"

namespace llc::train {

// The plan in a trainer's artifact. Error: the artifact is no trainer.
Result<TrainerPlan> planOf(const Artifact &artifact);

class TrainerHost : public RunHost {
 public:
  // All must outlive it. `modules`: of the executable.
  TrainerHost(const Artifact &artifact, const llc_module *modules, const TrainerPlan &plan, int64_t threads);

  // Model and tokenizer that travel along. Errors: damaged files.
  Result<RunStart> start() const;

  // First weights by the seed of the configuration, or those that travel along.
  Status writeModel(const std::string &directory) override;
  // The adapter that travels along, unless there is a checkpoint.
  Result<std::string> beginAdapter(const std::string &checkpoint, const std::string &directory) override;
  Result<std::unique_ptr<StepProgram>> makeProgram(const ProgramRequest &request) override;

 private:
  Result<std::string_view> file(const std::string &name) const;
  std::map<std::string, std::string> tokenizerFiles() const;
  const Artifact &artifact_;
  const llc_module *modules_;
  const TrainerPlan &plan_;
  int64_t threads_;
};

}  // namespace llc::train
