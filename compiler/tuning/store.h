// Results of autotuning on disk: one small JSON file per CPU model, instruction-set level, version of the compiler,
// set of weight shapes and rounding of activations, so that other models like it find them too.
#pragma once
#include <optional>
#include <string>

#include "compiler/tuning/search.h"

namespace mlir {
class ModuleOp;
}

namespace llc::compiler {

// Where the results for a traced module on this machine are kept. `directory`: as for cacheFolder(); "" if there is no
// cache.
std::string tuningFile(mlir::ModuleOp traced, const Target &, const std::string &directory);
// Damaged files, and values that are no longer legal, count as absent.
std::optional<Tuning> readTuning(const std::string &file);
Status writeTuning(const std::string &file, const Target &, const TuningResult &);

}  // namespace llc::compiler
