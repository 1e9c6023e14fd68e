// What the compiler knows about a model, as tables.
#pragma once
#include <nlohmann/json.hpp>
#include <string>

#include "runtime/abi/manifest.h"
#include "tools/cli/tracing.h"

namespace llc::cli {

struct ProgramReport {
  Manifest manifest;
  nlohmann::json memoryPlan = nlohmann::json::array();
  std::string memoryText;
  nlohmann::json kernels = nlohmann::json::array();  // tools/cli/kernel_report.h
  nlohmann::json copied = nlohmann::json::array();
  nlohmann::json fusion = nlohmann::json::array();   // compiler/transforms/fusion/explain.h
  std::string fusionText;
  nlohmann::json ops = nlohmann::json::array();      // {"function", "op", "count", "flops", "bytes"} per token
  nlohmann::json work = nlohmann::json::object();    // with `countWork`, see work_report.h
};
struct ReportOptions {
  bool countWork = false;
  bool differentiated = false;  // the phase that the module is in; false: traced
};
Result<ProgramReport> reportProgram(TracedModel traced, const ReportOptions &options, Progress &progress);

// Rows of objects with the same keys, as aligned text.
std::string tableOf(const nlohmann::json &rows);

}  // namespace llc::cli
