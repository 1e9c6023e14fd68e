// verify: does every phase mean the same, and does the compiled code compute it?
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "runtime/threads/limits.h"
#include "tools/cli/adapters.h"
#include "tools/cli/command.h"
#include "tools/cli/verification.h"

namespace llc::cli {

namespace {
struct VerifyFlags {
  std::string model = defaultModel;
  TraceOptions trace;
  double tolerance = 1e-4;
  int64_t threads = 0;
  bool json = false;
};

CLI::Validator aboveZero() {
  return CLI::Validator(
      [](std::string &text) {
        double value = 0;
        bool isNumber = CLI::detail::lexical_cast(text, value);
        return isNumber && value > 0 ? std::string() : "expected a number above 0, found '" + text + "'";
      },
      "POSITIVE", "number above 0");
}

void declareVerify(CLI::App &app, VerifyFlags &o) {
  app.add_option("MODEL", o.model, "Directory, or name of a built-in model (small ones: the interpreter is slow)")
      ->capture_default_str();
  app.add_option("--tolerance", o.tolerance, "Largest difference, relative to the largest value")
      ->capture_default_str()
      ->check(aboveZero());
  addAdapterFlag(app, o.trace.adapters);
  app.add_option("--dtype", o.trace.dtype, "Element type of weight matrices: f32, f16, bf16 (default: as stored)");
  addCacheTypeFlag(app, o.trace.cacheDtype);
  // Where values are rounded on the way, the last bit of a sum may move a later value by 2^-8, and so on from layer to
  // layer: too much for a tolerance that finds mistakes.
  o.trace.activations = "f32";
  addActivationsFlag(app, o.trace.activations);
  for (const char *flag : {"--cache-dtype", "--activations"}) app.get_option(flag)->group("Options");
  app.add_option("-t,--threads", o.threads, "Threads; 0: what affinity and CPU quota allow")
      ->capture_default_str()
      ->check(CLI::Range(0, 256));
  app.add_flag("--json", o.json, "One JSON object instead of lines for people");
}

void print(const Verification &verification) {
  for (const PhaseCheck &check : verification.checks)
    fmt::print("{:16} {}  difference {:.2e} (relative {:.2e})\n", check.phase, check.ok ? "same" : "DIFFERS",
               check.off.absolute, check.off.relative);
  if (const auto &op = verification.wrongOp)
    fmt::print("first op that differs in {}: {} ({}), relative {:.2e}\n", op->phase, op->name, op->op,
               op->off.relative);
}

void printJson(const Verification &verification) {
  nlohmann::json json = {{"checks", nlohmann::json::array()}};
  for (const PhaseCheck &check : verification.checks)
    json["checks"].push_back({{"phase", check.phase},
                              {"same", check.ok},
                              {"difference", check.off.absolute},
                              {"relative", check.off.relative}});
  if (const auto &op = verification.wrongOp)
    json["first_op"] = {{"phase", op->phase}, {"name", op->name}, {"op", op->op}, {"relative", op->off.relative}};
  fmt::print("{}\n", json.dump());
}

// The error that ends the command if a phase differs.
Status verdict(const VerifyFlags &options, const Verification &verification) {
  for (const PhaseCheck &check : verification.checks) {
    if (check.ok) continue;
    const auto &op = verification.wrongOp;
    std::string where = op ? "; the first op that differs is " + op->name + " (" + op->op + ")"
                           : "; no op alone: programs that end earlier agree";
    return diagnose(ErrorKind::internal, options.model)
        .says("phase " + check.phase + " computes something else than the traced program" + where)
        .toFix("report this, with the output of verify and of doctor");
  }
  return success();
}

Status runVerify(Context &context, CLI::App &, VerifyFlags &options) {
  Progress progress(context.quiet);
  LLC_ASSIGN(ModelPlace place, findModelDirectory(options.model, "the interpreter"));
  int64_t threads = options.threads ? options.threads : threadLimits().threads;
  auto trace = [&]() -> Result<TracedModel> {
    LLC_ASSIGN(TracedModel traced, traceDirectory(place, options.trace, progress));
    // A classifier's entry takes what a step takes.
    if (auto classify = traced.module->lookupSymbol<mlir::func::FuncOp>("classify")) classify.setName("step");
    return traced;
  };
  LLC_ASSIGN(Verification verification, verifyPhases(trace, verifiedPhases(threads), options.tolerance, progress));
  progress.finish();
  if (options.json)
    printJson(verification);
  else
    print(verification);
  return verdict(options, verification);
}
}  // namespace

void addVerify(Context &context) {
  addCommand<VerifyFlags>(context, "verify",
                          "Compares every phase and the compiled code with the reference interpreter", declareVerify,
                          runVerify);
}

}  // namespace llc::cli
