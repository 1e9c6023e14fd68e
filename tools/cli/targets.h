// --target-cpu of everything that compiles ahead of time.
#pragma once
#include <CLI/CLI.hpp>

#include "runtime/base/status.h"

namespace llc::cli {

void addTargetFlag(CLI::App &app, std::vector<std::string> &targets);
// What was asked for; without it every level, and the tiles of AMX where products read `halves`.
std::vector<std::string> targetsOrAll(const std::vector<std::string> &targets, bool halves);
// Whether one of the levels can run here: code for other machines alone can't prepare the parameters.
Result<bool> runsHere(const std::vector<std::string> &targets);

}  // namespace llc::cli
