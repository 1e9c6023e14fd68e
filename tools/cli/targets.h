// --target-cpu of everything that compiles ahead of time, and what code for a target may do.
#pragma once
#include <CLI/CLI.hpp>

#include "runtime/base/status.h"

namespace llc::cli {

// --deterministic: CompileOptions::deterministic.
void addDeterministicFlag(CLI::App &app, bool &deterministic);
void addTargetFlag(CLI::App &app, std::vector<std::string> &targets);
// What products read: f32, f16, bf16 ...
struct FactorTypes {
  std::string activations = "f32", weights = "f32";
};
// What was asked for; without it every level that has instructions for such products.
std::vector<std::string> targetsOrAll(const std::vector<std::string> &targets, const FactorTypes &factors);
// Whether one of the levels can run here: code for other machines alone can't prepare the parameters.
Result<bool> runsHere(const std::vector<std::string> &targets);

}  // namespace llc::cli
