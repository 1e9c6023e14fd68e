#include "tools/cli/program_report.h"

#include <fmt/format.h>

#include "compiler/pipelines/pipeline.h"
#include "dialect/ops/llm.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "tools/cli/kernel_report.h"
#include "tools/cli/work_report.h"

namespace llc::cli {

namespace {
using nlohmann::json;

std::string opName(mlir::Operation *op) { return op->getName().stripDialect().str(); }

// Ops by kind and function, with their cost for one new token.
json opsOf(mlir::ModuleOp module) {
  json rows = json::array();
  for (auto function : module.getOps<mlir::func::FuncOp>()) {
    std::map<std::string, std::pair<int64_t, llm::Cost>> kinds;
    function.walk([&](mlir::Operation *op) {
      if (op == function.getOperation() || op->hasTrait<mlir::OpTrait::IsTerminator>()) return;
      auto &[count, cost] = kinds[opName(op)];
      ++count;
      if (auto costed = mlir::dyn_cast<llm::Costed>(op)) {
        llm::Cost one = costed.cost({});
        cost.flops += one.flops, cost.bytes += one.bytes;
      }
    });
    for (auto &[kind, entry] : kinds)
      rows.push_back({{"function", function.getName().str()}, {"op", kind}, {"count", entry.first},
                      {"flops", entry.second.flops}, {"bytes", entry.second.bytes}});
  }
  return rows;
}

std::string cellText(const json &cell) {
  if (cell.is_string()) return cell.get<std::string>();
  if (cell.is_boolean()) return cell.get<bool>() ? "yes" : "";
  if (cell.is_number_float()) return fmt::format("{:.6g}", cell.get<double>());
  return cell.dump();
}
}  // namespace

Result<ProgramReport> reportProgram(TracedModel traced, const ReportOptions &options, Progress &progress) {
  ProgramReport report;
  report.ops = opsOf(*traced.module);
  progress.step("compiling " + traced.name);
  compiler::CompileOptions compile{.explainFusion = true};
  if (options.differentiated) compile.startAt = compiler::Phase::differentiated;
  LLC_ASSIGN(compiler::CompiledModule compiled, compiler::compile(*traced.module, compile));
  report.kernels = kernelsOf(*traced.module, compiled.kernels);  // compile() leaves it scheduled
  report.copied = copiedBySteps(*traced.module, compiled.kernels, compiled.manifest.maxTokens);
  if (options.countWork) {
    LLC_ASSIGN(report.work, workOf(*traced.module));
  }
  report.manifest = std::move(compiled.manifest);
  completeManifest(report.manifest, traced, nullptr);
  report.memoryPlan = compiled.memoryPlan.value("functions", json::array());
  report.fusion = std::move(compiled.fusion);
  report.fusionText = std::move(compiled.fusionReport);
  report.memoryText = std::move(compiled.memoryReport);
  return report;
}

std::string tableOf(const json &rows) {
  if (rows.empty()) return "";
  std::vector<std::vector<std::string>> cells(1);
  for (auto &[key, value] : rows.front().items()) cells[0].push_back(key);
  for (const json &row : rows) {
    cells.emplace_back();
    for (const std::string &key : cells[0]) cells.back().push_back(cellText(row.at(key)));
  }
  std::vector<size_t> widths(cells[0].size());
  for (const auto &row : cells)
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  std::string text;
  for (const auto &row : cells) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) line += fmt::format("{:{}}  ", row[i], widths[i]);
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return text;
}

}  // namespace llc::cli
