// Compiled code against the interpreter, op by op.
#pragma once
#include <functional>
#include <optional>
#include <string>

#include "runtime/serve/session.h"
#include "tools/cli/tracing.h"

namespace llc::cli {

// How far two results are apart: the largest difference, and that over the largest magnitude of the expected values.
struct Distance {
  double absolute = 0, relative = 0;
};
Distance distance(std::span<const double> expected, std::span<const double> found);

// The fixed token ids that verify feeds, one chunk after the other: a prompt, then single tokens.
std::vector<std::vector<int32_t>> verificationChunks(int64_t vocabulary, int64_t context);

// What the interpreter gives for the chunks, all rows one after the other. `module` is in a phase up to `scheduled`.
Result<std::vector<double>> interpretChunks(mlir::ModuleOp module, const huggingface::ModelSource &source,
                                            const std::vector<std::vector<int32_t>> &chunks);

// Compiles the module for this machine (or LLC_ISA) and runs it; the rows as above.
Result<std::vector<double>> runChunks(mlir::ModuleOp module, const huggingface::ModelSource &source, int64_t threads,
                                      const std::vector<std::vector<int32_t>> &chunks);

struct WrongOp {
  std::string name;    // in the model's own words: "layers.3.self_attn.q_proj"
  std::string op;      // its kind and type
  Distance off;
};
// The first op of `step` (inside the block that it is in) whose value the compiled code gets wrong by more than `tolerance`
// (relative): programs that end early, cut by bisection, are compiled and interpreted. `trace` makes a fresh module.
Result<std::optional<WrongOp>> firstWrongOp(const std::function<Result<TracedModel>()> &trace, int64_t threads, double tolerance);

}  // namespace llc::cli
