#include "tools/cli/verification.h"

#include "runtime/base/status.h"

namespace llc::cli {

Result<Verification> verifyPhases(const Trace &trace, const std::vector<VerifiedPhase> &phases, double tolerance,
                                  Progress &progress) {
  LLC_ASSIGN(const TracedModel whole, trace());
  Chunks chunks = verificationChunks(whole.source->model);
  progress.step("interpreting traced");
  LLC_ASSIGN(std::vector<double> expected, interpretChunks(*whole.module, *whole.source, chunks));
  Verification verification;
  const VerifiedPhase *wrong = nullptr;
  for (const VerifiedPhase &phase : phases) {
    LLC_ASSIGN(TracedModel traced, trace());
    progress.step("running " + phase.name);
    LLC_ASSIGN(std::vector<double> found, phase.rows(*traced.module, *traced.source, chunks));
    PhaseCheck check{phase.name, distance(expected, found), false};
    check.ok = check.off.relative <= tolerance;
    if (!check.ok && !wrong) wrong = &phase;
    verification.checks.push_back(std::move(check));
  }
  if (!wrong) return verification;
  progress.step("looking for the first op that differs in " + wrong->name);
  LLC_ASSIGN(verification.wrongOp, firstWrongOp(trace, *wrong, tolerance));
  return verification;
}

}  // namespace llc::cli
