// A model, ready to be run: compiled just in time from a directory, or loaded from an artifact.
#pragma once
#include <memory>
#include <string>

#include "runtime/abi/stage_table.h"
#include "runtime/serve/commands.h"
#include "tools/cli/command.h"
#include "tools/cli/model.h"
#include "runtime/base/progress.h"

namespace llc::cli {

struct OpenOptions {
  std::string model = defaultModel;
  std::string dtype, cacheDtype, activations = "auto";
  std::vector<std::string> adapters;  // of directories; see addAdapterFlag
  bool adapterSharesAtRunTime = false;  // OpenedModel::adapterShares says how much of each is added
  std::string cache;       // directory of compiled code; "none": no cache; empty: the user's
  std::string weightCache;  // the same of packed weights
  std::string tuningCache;  // the same of tuning results
  bool deterministic = false;  // see addDeterministicFlag
  bool preload = false;
  bool profile = false;    // directories only: code that writes down when each stage runs, always compiled anew
  SessionOptions session;  // `context` is also what a directory is compiled for
};
// MODEL, and the flags of everything that runs a model. Only directories are compiled: --adapter, --dtype,
// --cache-dtype, --deterministic and the caches are refused for artifacts.
void addOpenFlags(CLI::App &app, OpenOptions &options);

// What of it says how a directory is traced.
struct TraceOptions;
TraceOptions traceOptionsOf(const OpenOptions &options);

struct OpenedModel {
  std::shared_ptr<const Program> program;
  std::unique_ptr<Session> session;
  std::unique_ptr<Tokenizer> tokenizer;  // null when the model has none
  double compileSeconds = 0;
  std::vector<StageSpec> stages;  // with OpenOptions::profile
  // With OpenOptions::adapterSharesAtRunTime, of each adapter in order; the program reads them at each step.
  std::vector<float *> adapterShares = {};
};
Result<OpenedModel> openModel(const ModelPlace &place, const OpenOptions &options, Progress &progress);

}  // namespace llc::cli
