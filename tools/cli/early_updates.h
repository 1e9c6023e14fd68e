// --early-updates: each weight moves as soon as its gradient is complete, so that gradients don't live together.
#pragma once
#include <CLI/CLI.hpp>

#include "tools/cli/training_step.h"

namespace llc::cli {

// --max-grad-norm and --early-updates.
void addEarlyUpdatesFlags(CLI::App &app, StepOptions &step);

// Whether weights move early. Errors: what has to see all gradients first, if they always should; no such choice.
Result<bool> updatesEarly(const StepOptions &options);

}  // namespace llc::cli
