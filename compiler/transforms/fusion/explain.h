// Says of neighbouring ops whether they became one stage, and why or why not.
#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "compiler/transforms/fusion/cost_model.h"
#include "mlir/IR/BuiltinOps.h"

namespace llc::compiler {

struct FusionNote {
  std::string function;
  std::string producer, reader;      // in the model's language
  std::string producerOp, readerOp;  // "rms_norm", "linear"
  bool fused = false;
  std::string reason;
  FusionCost cost;
};

// One note for each producer and each op that reads it (reshapes are looked through), in the order of the functions.
// `module` is in phase fused or scheduled.
std::vector<FusionNote> explainFusion(mlir::ModuleOp module);

nlohmann::json toJson(const std::vector<FusionNote> &);
std::string report(const std::vector<FusionNote> &);

}  // namespace llc::compiler
