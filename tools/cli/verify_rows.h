// What a traced model computes in each phase: rows of values that can be compared.
#pragma once
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "tools/cli/tracing.h"

namespace llc::cli {

// How far two results are apart: the largest difference, and that over the largest magnitude of the expected values.
struct Distance {
  double absolute = 0, relative = 0;
};
// Infinite where the sizes differ or a value is no number.
Distance distance(std::span<const double> expected, std::span<const double> found);

// Token ids that are fed one chunk after the other: virtual tokens if there are any, a prompt, then single tokens, then
// a few more at once.
using Chunks = std::vector<std::vector<int32_t>>;
Chunks verificationChunks(const dsl::Model &model);

// What the interpreter gives for the chunks, all rows one after the other. `module` is in a phase up to `scheduled`.
Result<std::vector<double>> interpretChunks(mlir::ModuleOp module, const huggingface::ModelSource &source,
                                            const Chunks &chunks);

// Takes a traced module (which it may change) as far as one phase and runs it there; the rows as above.
struct VerifiedPhase {
  std::string name;
  std::function<Result<std::vector<double>>(mlir::ModuleOp, const huggingface::ModelSource &, const Chunks &)> rows;
};
// All phases after `traced` that can be run: those of the tensor form by the interpreter, then `object`, the code for
// this machine (or LLC_ISA) in that many threads.
std::vector<VerifiedPhase> verifiedPhases(int64_t threads);

}  // namespace llc::cli
