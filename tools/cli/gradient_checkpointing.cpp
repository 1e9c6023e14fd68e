#include "tools/cli/gradient_checkpointing.h"

#include <fmt/ranges.h>

#include <cctype>
#include <charconv>
#include <set>

#include "compiler/pipelines/pipeline.h"
#include "compiler/transforms/autodiff/saving.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "runtime/base/memory.h"

namespace llc::cli {
namespace {
constexpr std::string_view automatic = "auto:";
constexpr const char *mark = "llm.differentiate";

// Parameters with optimizer state, gradients and activations: all but the scratch of threads.
Result<uint64_t> plannedBytes(mlir::ModuleOp traced, std::string_view saving) {
  mlir::OwningOpRef<mlir::ModuleOp> copy = traced.clone();
  setSaving(*copy, saving);
  LLC_ASSIGN(compiler::CompiledModule compiled, compiler::compile(*copy, {.stopAfter = compiler::Phase::scheduled}));
  uint64_t bytes = compiled.manifest.arenaBytes;
  for (const ParameterSpec &parameter : compiled.manifest.parameters) bytes += parameter.bytes;
  return bytes;
}
}  // namespace

Result<std::optional<uint64_t>> memoryBudget(std::string_view text) {
  if (!text.starts_with(automatic)) return std::optional<uint64_t>();
  std::string_view number = text.substr(automatic.size());
  double value = 0;
  auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
  std::string unit(end, number.data() + number.size());
  std::erase_if(unit, [](unsigned char c) { return std::isspace(c); });
  std::ranges::transform(unit, unit.begin(), [](unsigned char c) { return char(std::toupper(c)); });
  static const std::map<std::string, double> units = {{"", 1},
                                                      {"B", 1},
                                                      {"KB", 1e3},
                                                      {"MB", 1e6},
                                                      {"GB", 1e9},
                                                      {"TB", 1e12},
                                                      {"KIB", 1ull << 10},
                                                      {"MIB", 1ull << 20},
                                                      {"GIB", 1ull << 30},
                                                      {"TIB", 1ull << 40}};
  auto scale = units.find(unit);
  double bytes = scale == units.end() ? 0 : value * scale->second;
  if (error != std::errc() || !(bytes >= 1) || bytes > 1e18)
    return diagnose(ErrorKind::invalidInput, "gradient checkpointing")
        .says("'" + std::string(number) + "' is no amount of memory")
        .toFix("write for instance auto:8GB");
  return std::optional<uint64_t>(uint64_t(bytes));
}

Status checkGradientCheckpointing(const std::string &text, bool budgets) {
  if (text.starts_with(automatic) && !budgets)
    return diagnose(ErrorKind::invalidInput, "gradient checkpointing")
        .says("auto plans the memory of a training step, and there is none here")
        .toFix("name what is to be kept");
  if (text.starts_with(automatic)) {
    LLC_ASSIGN([[maybe_unused]] auto budget, memoryBudget(text));
    return success();
  }
  LLC_ASSIGN([[maybe_unused]] auto saving, compiler::Saving::parse(text));
  return success();
}

void addGradientCheckpointingFlag(CLI::App &app, std::string &text, bool budgets) {
  std::vector<std::string> names = compiler::Saving::names();
  std::string help =
      "What layers keep for their backward pass; the rest is computed again, and the gradients are the same: ";
  for (const std::string &name : names) {
    help += name;
    if (name.starts_with("save_")) help += ":NAMES";
    help += &name == &names.back() ? "" : ", ";
  }
  help += "; NAMES are places of the model (mlp,self_attn.q_proj)";
  if (budgets)
    help += "; or auto:BYTES (auto:8GB): what costs least time if parameters, state and activations take no more";
  auto check = [budgets](const std::string &given) {
    Status status = checkGradientCheckpointing(given, budgets);
    if (status) return std::string();
    return status.error().what + "; to fix: " + status.error().remedy;  // the option says where
  };
  app.add_option("--gradient-checkpointing", text, help)->capture_default_str()->check(CLI::Validator(check, "CHOICE"));
}

void setSaving(mlir::ModuleOp traced, std::string_view saving) {
  mlir::Builder builder(traced.getContext());
  for (auto function : traced.getOps<mlir::func::FuncOp>())
    if (function->hasAttr(mark)) function->setAttr(mark, builder.getStringAttr(llvm::StringRef(saving)));
}

Status checkSavedPlaces(mlir::ModuleOp traced, std::string_view saving) {
  if (saving.find(':') == saving.npos || saving.starts_with(automatic)) return success();  // NAMES are the model's own
  LLC_ASSIGN(compiler::Saving choice, compiler::Saving::parse(saving));
  std::set<std::string> known;
  for (auto function : traced.getOps<mlir::func::FuncOp>())
    if (function.isPrivate()) compiler::Saving::collectPlaces(function, known);  // called: for each layer
  for (const std::string &name : choice.places())
    if (!compiler::Saving::isPlace(name, known))
      return diagnose(ErrorKind::invalidInput, "gradient checkpointing")
          .says("layers have no place '" + name + "'")
          .toFix(fmt::format("use some of {}; or parts of these, as mlp", fmt::join(known, ", ")));
  return success();
}

Result<std::string> savingWithin(mlir::ModuleOp traced, uint64_t budget, Progress &progress) {
  progress.step("choosing what layers keep");
  auto keep = [](uint64_t bytes) { return "keep:" + std::to_string(bytes); };
  LLC_ASSIGN(uint64_t most, plannedBytes(traced, "everything_saveable"));
  if (most <= budget) return std::string("everything_saveable");
  LLC_ASSIGN(uint64_t least, plannedBytes(traced, keep(0)));
  if (least > budget)
    return diagnose(ErrorKind::resource, "gradient checkpointing")
        .says("the step needs " + humanBytes(least) + " even if layers keep nothing, " + humanBytes(budget) +
              " are allowed")
        .toFix("use fewer or shorter rows, or allow more");
  // What is kept adds no more than its size; often less, as memory is shared with what is computed again.
  uint64_t fits = 0, tooMuch = most, next = budget - least;
  for (int i = 0; i < 6 && tooMuch - fits > (most - least) / 32; ++i, next = fits + (tooMuch - fits) / 2) {
    LLC_ASSIGN(uint64_t planned, plannedBytes(traced, keep(next)));
    (planned <= budget ? fits : tooMuch) = next;
  }
  return keep(fits);
}

}  // namespace llc::cli
