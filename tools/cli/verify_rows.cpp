#include "tools/cli/verify_rows.h"

#include <cmath>
#include <numeric>
#include <utility>

#include "compiler/pipelines/pipeline.h"
#include "runtime/sampling/random.h"
#include "runtime/serve/session.h"
#include "tools/cli/interpreted.h"

namespace llc::cli {

Distance distance(std::span<const double> expected, std::span<const double> found) {
  if (expected.size() != found.size()) return {INFINITY, INFINITY};
  Distance result;
  double largest = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    largest = std::max(largest, std::abs(expected[i]));
    double difference = std::abs(expected[i] - found[i]);
    result.absolute = std::max(result.absolute, std::isnan(difference) ? INFINITY : difference);
  }
  result.relative = result.absolute == 0 ? 0 : result.absolute / std::max(largest, 1e-30);
  return result;
}

Chunks verificationChunks(const dsl::Model &model) {
  Chunks chunks;
  if (model.virtualTokens) {
    chunks.emplace_back(size_t(model.virtualTokens));
    std::iota(chunks.back().begin(), chunks.back().end(), int32_t(model.vocabulary));
  }
  Random random(7);
  for (int64_t size : {9, 1, 1, 4}) {
    chunks.emplace_back();
    for (int64_t i = 0; i < size; ++i) chunks.back().push_back(int32_t(random.next() % uint32_t(model.vocabulary)));
  }
  return chunks;
}

Result<std::vector<double>> interpretChunks(mlir::ModuleOp module, const huggingface::ModelSource &source,
                                            const Chunks &chunks) {
  InterpretedWeights weights(source, module);
  llm::Environment environment;
  environment.parameters = [&](llvm::StringRef name) { return weights.get(name); };
  std::vector<double> values;
  int64_t start = 0;
  for (const auto &chunk : chunks) {
    Diagnostics diagnostics(*module.getContext());
    auto results = llm::interpret(module, "step", stepArguments(chunk, start, 0, true), environment);
    if (mlir::failed(results)) return diagnostics.error("step");
    auto row = results->front().tensor.values();
    values.insert(values.end(), row.begin(), row.end());
    start += int64_t(chunk.size());
  }
  return values;
}

namespace {
Result<std::vector<double>> interpretPhase(compiler::Phase phase, mlir::ModuleOp module,
                                           const huggingface::ModelSource &source, const Chunks &chunks) {
  compiler::CompileOptions options;
  options.stopAfter = phase;
  LLC_TRY(compiler::compile(module, options));
  return interpretChunks(module, source, chunks);
}

Result<std::vector<double>> runCode(int64_t threads, mlir::ModuleOp module, const huggingface::ModelSource &source,
                                    const Chunks &chunks) {
  LLC_ASSIGN(compiler::CompiledModule compiled, compiler::compile(module, {}));
  LLC_ASSIGN(compiler::JitProgram jit, compiler::loadProgram(compiled, tensorsOf(source), {.threads = int(threads)}));
  // A program that was cut short does not end in logits; virtual tokens are among the chunks.
  jit.manifest.vocabulary = source.model.vocabulary + std::exchange(jit.manifest.virtualTokens, 0);
  LLC_ASSIGN(std::shared_ptr<Program> program, programOf(std::move(jit)));
  SessionOptions options;
  options.threads = threads;
  LLC_ASSIGN(auto session, Session::create(std::move(program), options));
  LLC_ASSIGN(int64_t sequence, session->open());
  std::vector<double> values;
  for (const auto &chunk : chunks) {
    SequenceTokens part{sequence, chunk, Wanted::all};
    LLC_ASSIGN(Rows rows, session->step({&part, 1}));
    values.insert(values.end(), rows.data, rows.data + rows.rows * rows.columns);
  }
  return values;
}
}  // namespace

std::vector<VerifiedPhase> verifiedPhases(int64_t threads) {
  std::vector<VerifiedPhase> phases;
  for (compiler::Phase phase : compiler::allPhases)
    if (phase > compiler::Phase::traced && phase <= compiler::Phase::scheduled)
      phases.push_back({std::string(phaseName(phase)), std::bind_front(interpretPhase, phase)});
  phases.push_back({std::string(phaseName(compiler::Phase::object)), std::bind_front(runCode, threads)});
  return phases;
}

}  // namespace llc::cli
