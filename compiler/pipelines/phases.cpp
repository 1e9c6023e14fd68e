#include "compiler/pipelines/pipeline.h"

namespace llc::compiler {

std::string_view phaseName(Phase phase) {
  switch (phase) {
    case Phase::traced:
      return "traced";
    case Phase::differentiated:
      return "differentiated";
    case Phase::sharded:
      return "sharded";
    case Phase::quantized:
      return "quantized";
    case Phase::fused:
      return "fused";
    case Phase::scheduled:
      return "scheduled";
    case Phase::vector:
      return "vector";
    case Phase::llvm:
      return "llvm";
    case Phase::object:
      return "object";
  }
  return "";
}

Result<Phase> parsePhase(std::string_view name) {
  std::vector<std::string> known;
  for (Phase phase : allPhases) {
    if (phaseName(phase) == name) return phase;
    known.emplace_back(phaseName(phase));
  }
  std::string near = nearestNames(name, known), all;
  for (const std::string &phase : known) all += (all.empty() ? "" : ", ") + phase;
  return diagnose(ErrorKind::invalidInput, "phase")
      .says("'" + std::string(name) + "' is no phase" + (near.empty() ? "" : ": did you mean " + near + "?"))
      .toFix("use one of " + all);
}

}  // namespace llc::compiler
