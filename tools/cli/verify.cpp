// verify: does every phase mean the same, and does the compiled code compute it?
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "runtime/threads/limits.h"
#include "tools/cli/command.h"
#include "tools/cli/verify_code.h"

namespace llc::cli {

namespace {
struct Options {
  std::string model = defaultModel;
  TraceOptions trace;
  double tolerance = 1e-4;
  int64_t threads = 0;
  bool json = false;
};

void declare(CLI::App &app, Options &o) {
  app.add_option("MODEL", o.model, "Directory, or name of a built-in model (small ones: the interpreter is slow)")
      ->capture_default_str();
  app.add_option("--tolerance", o.tolerance, "Largest difference, relative to the largest value")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app.add_option("--dtype", o.trace.dtype, "Element type of weight matrices: f32, f16, bf16 (default: as stored)");
  app.add_option("-t,--threads", o.threads, "Threads; 0: what affinity and CPU quota allow")
      ->capture_default_str()
      ->check(CLI::Range(0, 256));
  app.add_flag("--json", o.json, "One JSON object instead of lines for people");
}

struct Check {
  std::string phase;
  Distance off;
  bool ok = false;
};

class Verification {
 public:
  Verification(const ModelPlace &place, const Options &options, Progress &progress)
      : options_(options),
        progress_(progress),
        trace_([place, &options, &progress] { return traceDirectory(place, options.trace, progress); }) {}

  Status run() {
    LLC_ASSIGN(TracedModel traced, trace_());
    chunks_ = verificationChunks(traced.source->model.vocabulary, INT32_MAX);
    progress_.step("interpreting traced");
    LLC_ASSIGN(expected_, interpretChunks(*traced.module, *traced.source, chunks_));
    for (compiler::Phase phase : compiler::allPhases)
      if (phase > compiler::Phase::traced && phase <= compiler::Phase::scheduled) LLC_TRY(interpretPhase(phase));
    return runCode();
  }

  const std::vector<Check> &checks() const { return checks_; }
  const std::optional<WrongOp> &wrongOp() const { return wrongOp_; }

 private:
  void add(std::string_view phase, const std::vector<double> &found) {
    Check check{std::string(phase), {INFINITY, INFINITY}, false};
    if (found.size() == expected_.size()) check.off = distance(expected_, found);
    check.ok = check.off.relative <= options_.tolerance;
    checks_.push_back(std::move(check));
  }

  Status interpretPhase(compiler::Phase phase) {
    LLC_ASSIGN(TracedModel traced, trace_());
    progress_.step("interpreting " + std::string(phaseName(phase)));
    compiler::CompileOptions options;
    options.stopAfter = phase;
    LLC_TRY(compiler::compile(*traced.module, options));
    LLC_ASSIGN(auto found, interpretChunks(*traced.module, *traced.source, chunks_));
    add(phaseName(phase), found);
    return success();
  }

  Status runCode() {
    LLC_ASSIGN(TracedModel traced, trace_());
    progress_.step("running compiled code");
    int64_t threads = options_.threads ? options_.threads : threadLimits().threads;
    LLC_ASSIGN(auto found, runChunks(*traced.module, *traced.source, threads, chunks_));
    add("object", found);
    if (checks_.back().ok) return success();
    progress_.step("looking for the first op that differs");
    LLC_ASSIGN(wrongOp_, firstWrongOp(trace_, threads, options_.tolerance));
    return success();
  }

  const Options &options_;
  Progress &progress_;
  std::function<Result<TracedModel>()> trace_;
  std::vector<std::vector<int32_t>> chunks_;
  std::vector<double> expected_;
  std::vector<Check> checks_;
  std::optional<WrongOp> wrongOp_;
};

void print(const Verification &verification) {
  for (const Check &check : verification.checks())
    fmt::print("{:16} {}  difference {:.2e} (relative {:.2e})\n", check.phase, check.ok ? "same" : "DIFFERS",
               check.off.absolute, check.off.relative);
  if (const auto &op = verification.wrongOp())
    fmt::print("first op that differs: {} ({}), relative {:.2e}\n", op->name, op->op, op->off.relative);
}

void printJson(const Verification &verification) {
  nlohmann::json json = {{"checks", nlohmann::json::array()}};
  for (const Check &check : verification.checks())
    json["checks"].push_back({{"phase", check.phase},
                              {"same", check.ok},
                              {"difference", check.off.absolute},
                              {"relative", check.off.relative}});
  if (const auto &op = verification.wrongOp())
    json["first_op"] = {{"name", op->name}, {"op", op->op}, {"relative", op->off.relative}};
  fmt::print("{}\n", json.dump());
}

Status run(Context &context, CLI::App &, Options &options) {
  Progress progress(context.quiet);
  LLC_ASSIGN(ModelPlace place, findModelDirectory(options.model, "the interpreter"));
  Verification verification(place, options, progress);
  LLC_TRY(verification.run());
  progress.finish();
  if (options.json)
    printJson(verification);
  else
    print(verification);
  for (const Check &check : verification.checks())
    if (!check.ok)
      return diagnose(ErrorKind::internal, options.model)
          .says("phase " + check.phase + " computes something else than the traced program")
          .toFix("report this, with the output of verify and of doctor");
  return success();
}
}  // namespace

void addVerify(Context &context) {
  addCommand<Options>(context, "verify", "Compares every phase and the compiled code with the reference interpreter",
                      declare, run);
}

}  // namespace llc::cli
