// Compares what the phases of a program compute, and finds the op that a phase gets wrong.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "tools/cli/verify_rows.h"

namespace llc::cli {

using Trace = std::function<Result<TracedModel>()>;  // the same module each time, for passes to change

struct PhaseCheck {
  std::string phase;
  Distance off;  // from the traced program, by the interpreter
  bool ok = false;
};
struct WrongOp {
  std::string phase;
  std::string name;  // in the model's own words: "model.layers.3.mlp.up_proj"
  std::string op;    // of the traced program, its kind and type: "llm.linear : tensor<?x24xf32>"
  Distance off;      // of its value
};
struct Verification {
  std::vector<PhaseCheck> checks;
  // Of the first phase that differs. Nothing if none does, or if the difference goes away when the program is cut
  // short.
  std::optional<WrongOp> wrongOp;
};
// Differences up to `tolerance` (relative) are equal. Errors: a phase that cannot be compiled or run.
Result<Verification> verifyPhases(const Trace &trace, const std::vector<VerifiedPhase> &phases, double tolerance,
                                  Progress &progress);

// The first op of `step` whose value the phase gets wrong by more than `tolerance`; the op inside of it if that is a
// call. Found by bisection: the program that ends with the op is made, taken through the phase and run.
Result<std::optional<WrongOp>> firstWrongOp(const Trace &trace, const VerifiedPhase &phase, double tolerance);

}  // namespace llc::cli
