// inspect --training: the memory of a training step of a model, before anything is trained.
#pragma once
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "tools/cli/program_report.h"
#include "tools/cli/training_step.h"

namespace llc::cli {

// --training and what such a step is made for. `step.rows` is 0 unless it is asked for.
CLI::Option *addTrainingFlags(CLI::App &app, StepOptions &step);

// The step's program. Errors: those of traceTrainingStep; a model that is no directory.
Result<ProgramReport> reportTraining(const std::string &model, StepOptions step, Progress &progress);

}  // namespace llc::cli
