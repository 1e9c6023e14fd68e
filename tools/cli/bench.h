// What `bench` and `profile` share.
#pragma once
#include "runtime/serve/options.h"
#include "tools/cli/command.h"

namespace llc::cli {

// Lengths that were not asked for shrink to what a model of a short context can take.
void fitLengths(const CLI::App &app, int64_t context, BenchOptions &bench);

// `bench train`.
void addBenchTrain(Context &context, CLI::App &bench);

}  // namespace llc::cli
