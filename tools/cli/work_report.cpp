#include "tools/cli/work_report.h"

#include <fmt/format.h>

#include <set>

#include "compiler/pipelines/pipeline.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace llc::cli {

namespace {
using nlohmann::json;

constexpr const char *level = "avx2", *entry = "step";
constexpr int64_t decodeContext = 256, prefillRows = 128;

// Barriers of a function and of the blocks it calls, each call by itself.
int64_t barriersIn(mlir::ModuleOp module, mlir::func::FuncOp function) {
  int64_t count = 0;
  for (mlir::Operation &op : function.getBody().getOps()) {
    count += op.hasAttr("llm.barrier");
    if (auto call = mlir::dyn_cast<mlir::func::CallOp>(op))
      if (auto callee = module.lookupSymbol<mlir::func::FuncOp>(call.getCallee())) count += barriersIn(module, callee);
  }
  return count;
}

// The last `rows` tokens of `context` in one step.
json stepWork(const std::vector<StageSpec> &stages, int64_t barriers, int64_t rows, int64_t context) {
  int64_t count = 0;
  double flops = 0, bytes = 0;
  for (const StageSpec &stage : stages) {
    if (stage.entry != entry) continue;
    ++count;
    double pairs = 0, slots = double(stage.window ? std::min(context, stage.window + rows - 1) : context);
    for (int64_t seen = context - rows + 1; seen <= context; ++seen)
      pairs += double(stage.window ? std::min(seen, stage.window) : seen);
    double ownRows = stage.dimension == LLC_DIM_ROWS ? 1 : double(rows);
    flops += stage.flops.of(ownRows, pairs), bytes += stage.bytes.of(ownRows, slots);
  }
  return {{"rows", rows}, {"context", context}, {"stages", count}, {"barriers", barriers}, {"flops", flops}, {"bytes", bytes}};
}
}  // namespace

Result<json> workOf(mlir::ModuleOp scheduled) {
  using compiler::Phase;
  LLC_ASSIGN(compiler::CompiledModule table,
             compiler::compile(scheduled, {.targets = {level}, .startAt = Phase::scheduled, .stopAfter = Phase::vector, .profile = true}));
  LLC_ASSIGN(compiler::CompiledModule code, compiler::compile(scheduled, {.targets = {level}, .startAt = Phase::scheduled}));
  std::set<std::string> kernels;
  for (const StageSpec &stage : table.stages) kernels.insert(stage.kernel);
  auto step = scheduled.lookupSymbol<mlir::func::FuncOp>(entry);
  int64_t barriers = step ? barriersIn(scheduled, step) : 0;
  int64_t context = std::min(decodeContext, code.manifest.maxContext);
  int64_t rows = std::min({prefillRows, code.manifest.maxContext, code.manifest.maxTokens});
  return json{{"decode", stepWork(table.stages, barriers, 1, context)},
              {"prefill", stepWork(table.stages, barriers, rows, rows)},
              {"kernels", kernels.size()},
              {"arena_bytes", code.manifest.arenaBytes},
              {"scratch_bytes", code.manifest.scratchBytes},
              {"code_bytes", code.objects.front().bytes.size()}};
}

std::string workText(const json &work) {
  std::string text;
  for (const char *name : {"decode", "prefill"}) {
    const json &step = work.at(name);
    text += fmt::format("{:8} {} new of {} tokens: {} stages, {} barriers, {:.6g} operations, {:.6g} bytes\n", name,
                        step.at("rows").get<int64_t>(), step.at("context").get<int64_t>(), step.at("stages").get<int64_t>(),
                        step.at("barriers").get<int64_t>(), step.at("flops").get<double>(), step.at("bytes").get<double>());
  }
  return text + fmt::format("code     {} kernels, {} bytes of object code ({}); arena {}, scratch {} per thread\n",
                            work.at("kernels").get<int64_t>(), work.at("code_bytes").get<int64_t>(), level,
                            work.at("arena_bytes").get<int64_t>(), work.at("scratch_bytes").get<int64_t>());
}

}  // namespace llc::cli
