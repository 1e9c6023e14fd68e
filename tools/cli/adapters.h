// Adapters on the command line.
#pragma once
#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "frontends/huggingface/adapter.h"

namespace llc::cli {

// --adapter DIR, DIR:SHARE or NAME=DIR, may be given more than once.
void addAdapterFlag(CLI::App &app, std::vector<std::string> &adapters);

// Attaches what was given, in order. Errors: those of attachAdapter; a share that is no number.
Status attachAdapters(huggingface::ModelSource &source, const std::vector<std::string> &adapters,
                      bool sharesAtRunTime = false);
// What prompts call it: NAME of NAME=DIR, or the directory's own.
std::string adapterName(const std::string &given);

// The linear layers of a model, in the order in which it runs them.
Result<std::vector<dsl::Projection>> projectionsOf(const dsl::Model &model);

}  // namespace llc::cli
