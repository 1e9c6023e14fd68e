#include "tools/cli/kernel_report.h"

#include <fmt/format.h>

#include <map>

#include "compiler/lowering/profile.h"
#include "compiler/memory/stages.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "runtime/base/memory.h"
#include "tools/cli/program_report.h"

namespace llc::cli {

namespace {
using compiler::KernelUse;
using nlohmann::json;

std::string typeText(mlir::Type type) {
  std::string text;
  llvm::raw_string_ostream(text) << type;
  return text;
}

std::string opName(mlir::Operation *op) { return op->getName().stripDialect().str(); }

std::string contentOf(mlir::Operation &op) {
  std::string inside;
  for (mlir::Region &region : op.getRegions())
    for (mlir::Operation &part : region.getOps())
      if (!part.hasTrait<mlir::OpTrait::IsTerminator>()) inside += (inside.empty() ? "" : "+") + opName(&part);
  return inside;
}

json copiesOf(const KernelUse &use) {
  json list = json::array();
  for (const kernels::LayoutCopy &copy : use.copies)
    list.push_back({{"what", copy.what},
                    {"layout", copy.layout},
                    {"when", copy.isStage ? "before" : "in chunks"},
                    {"from_rows", copy.fromRows},
                    {"row_bytes", copy.rowBytes},
                    {"block_rows", copy.blockRows},
                    {"block_bytes", copy.blockBytes}});
  return list;
}

// The uses of each function, in the order of its stages.
std::map<std::string, std::vector<const KernelUse *>> byFunction(const std::vector<KernelUse> &uses) {
  std::map<std::string, std::vector<const KernelUse *>> found;
  for (const KernelUse &use : uses) found[use.function].push_back(&use);
  return found;
}

// Bytes that a function and the blocks it calls copy.
class CopiedBytes {
 public:
  CopiedBytes(mlir::ModuleOp module, const std::vector<KernelUse> &uses, int64_t tokens)
      : module_(module), uses_(byFunction(uses)), tokens_(tokens) {}
  int64_t of(mlir::func::FuncOp function) {
    auto [found, isNew] = known_.try_emplace(function.getName().str(), 0);
    if (!isNew) return found->second;
    int64_t bytes = 0;
    for (const KernelUse *use : uses_[function.getName().str()])
      for (const kernels::LayoutCopy &copy : use->copies) bytes += copy.bytes(rowsOf(*use));
    for (auto call : function.getOps<mlir::func::CallOp>())
      if (auto callee = compiler::calleeOf(call); callee && !callee.isExternal()) bytes += of(callee);
    return known_[function.getName().str()] = bytes;
  }

 private:
  int64_t rowsOf(const KernelUse &use) const {
    return use.rows == KernelUse::tokens ? tokens_ : use.rows == KernelUse::wanted ? 1 : use.rows;
  }
  mlir::ModuleOp module_;
  std::map<std::string, std::vector<const KernelUse *>> uses_;
  std::map<std::string, int64_t> known_;
  int64_t tokens_;
};

std::string copyText(const json &copy) {
  int64_t row = copy.at("row_bytes"), block = copy.at("block_bytes"), rows = copy.at("block_rows"),
          from = copy.at("from_rows");
  std::string bytes = row ? humanBytes(row) + " a row" : humanBytes(block);
  if (!row && rows) bytes += fmt::format(" each {} rows", rows);
  return fmt::format("{} become {} ({}; {}{})", copy.at("what").get<std::string>(),
                     copy.at("layout").get<std::string>(), copy.at("when").get<std::string>(), bytes,
                     from ? fmt::format(", from {} rows on", from) : "");
}
}  // namespace

json kernelsOf(mlir::ModuleOp scheduled, const std::vector<KernelUse> &uses) {
  auto ofFunction = byFunction(uses);
  json rows = json::array();
  for (auto function : scheduled.getOps<mlir::func::FuncOp>()) {
    const auto &own = ofFunction[function.getName().str()];
    size_t next = 0;
    for (mlir::Operation &op : function.getBody().getOps()) {
      if (op.hasTrait<mlir::OpTrait::IsTerminator>()) continue;
      std::string what = opName(&op), inside = contentOf(op);
      if (auto call = mlir::dyn_cast<mlir::func::CallOp>(op)) what = "call " + call.getCallee().str();
      bool isStage = compiler::stageKind(&op) == compiler::StageKind::kernel && next < own.size();
      const KernelUse *use = isStage ? own[next++] : nullptr;
      rows.push_back({{"function", function.getName().str()},
                      {"name", compiler::placeName(op.getLoc())},
                      {"op", what},
                      {"kernel", use ? use->kernel : ""},
                      {"computes", inside.empty() ? what : inside},
                      {"after_barrier", op.hasAttr("llm.barrier")},
                      {"result", op.getNumResults() ? typeText(op.getResult(0).getType()) : ""},
                      {"stores", use && use->storesBf16 ? "rows of bf16" : ""},
                      {"copies", use ? copiesOf(*use) : json::array()}});
    }
  }
  return rows;
}

json copiedBySteps(mlir::ModuleOp scheduled, const std::vector<KernelUse> &uses, int64_t maxTokens) {
  json list = json::array();
  CopiedBytes one(scheduled, uses, 1), most(scheduled, uses, maxTokens);
  for (auto function : scheduled.getOps<mlir::func::FuncOp>()) {
    if (!compiler::isEntry(function) || function.isExternal()) continue;
    for (auto [tokens, bytes] : {std::pair(int64_t(1), &one), std::pair(maxTokens, &most)})
      list.push_back({{"entry", function.getName().str()}, {"tokens", tokens}, {"bytes", bytes->of(function)}});
  }
  return list;
}

std::string kernelText(const json &kernels, const json &copied) {
  std::string layouts;
  json stages = json::array();  // what else there is (weights, constants, other shapes of a value) takes no time
  for (json row : kernels) {
    for (const json &copy : row["copies"])
      layouts += fmt::format("{} {}: {}\n", row["function"].get<std::string>(), row["name"].get<std::string>(),
                             copyText(copy));
    if (std::string layout = row["stores"]; !layout.empty())
      layouts += fmt::format("{} {}: the result is stored as {}\n", row["function"].get<std::string>(),
                             row["name"].get<std::string>(), layout);
    row.erase("copies"), row.erase("stores");
    bool isCall = row["op"].get_ref<const std::string &>().starts_with("call ");
    if (isCall || !row["kernel"].get_ref<const std::string &>().empty()) stages.push_back(std::move(row));
  }
  for (const json &step : copied)
    layouts += fmt::format("{}, {} tokens: {} copied to other layouts\n", step.at("entry").get<std::string>(),
                           step.at("tokens").get<int64_t>(), humanBytes(step.at("bytes").get<int64_t>()));
  return tableOf(stages) + "\n" + layouts;
}

}  // namespace llc::cli
