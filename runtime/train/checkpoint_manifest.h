// manifest.json of a checkpoint: its files with sizes and checksums, and where it came from. A checkpoint without one,
// or whose files differ from it, is not used.
#pragma once
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "runtime/base/file_hash.h"

namespace llc::train {

struct CheckpointManifest {
  int64_t step = 0;
  std::optional<double> evaluationLoss;   // of these very weights
  bool hasOptimizer = true;               // without it, training can't go on from here
  nlohmann::json origin;                  // an object: effective configuration, command line, versions
  std::map<std::string, FileHash> files;  // all but manifest.json itself, by name
};

std::string toText(const CheckpointManifest &manifest);
// Errors: invalidInput (also for names that are no plain file names), unsupported (a newer version).
Result<CheckpointManifest> parseCheckpointManifest(std::string_view text, const std::string &where);
// Reads it from a checkpoint's directory.
Result<CheckpointManifest> readCheckpointManifest(const std::string &directory);
// Compares every file with it. Error: the first that is missing or different.
Status verifyFiles(const CheckpointManifest &manifest, const std::string &directory);

}  // namespace llc::train
