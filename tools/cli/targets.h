// --target-cpu of everything that compiles ahead of time, and what code for a target may do.
#pragma once
#include <CLI/CLI.hpp>

#include "runtime/base/status.h"

namespace llc::cli {

// --deterministic: CompileOptions::deterministic.
void addDeterministicFlag(CLI::App &app, bool &deterministic);
// Error: --activations with it, which is about the tile unit.
Status checkDeterministic(bool deterministic, const std::string &activations);
void addTargetFlag(CLI::App &app, std::vector<std::string> &targets);
// What was asked for; without it every level, and the tiles of AMX where products read `halves`.
std::vector<std::string> targetsOrAll(const std::vector<std::string> &targets, bool halves);
// Whether one of the levels can run here: code for other machines alone can't prepare the parameters.
Result<bool> runsHere(const std::vector<std::string> &targets);

}  // namespace llc::cli
