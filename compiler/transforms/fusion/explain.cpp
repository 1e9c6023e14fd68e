#include "compiler/transforms/fusion/explain.h"

#include <fmt/format.h>

#include "compiler/lowering/epilogue.h"
#include "compiler/memory/stages.h"
#include "compiler/transforms/fusion/decisions.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace llc::compiler {
using namespace mlir;
namespace {

// The op in the function's block that holds `op`.
Operation *stageOf(Operation *op) {
  auto fused = dyn_cast<llm::FusedOp>(op->getParentOp());
  return fused ? fused.getOperation() : op;
}

// The op that computes `value`: through reshapes and into and out of stages. Null: an argument of the function.
Operation *makerOf(Value value) {
  for (;;) {
    if (auto argument = dyn_cast<BlockArgument>(value)) {
      auto fused = dyn_cast<llm::FusedOp>(argument.getOwner()->getParentOp());
      if (!fused) return nullptr;
      value = fused->getOperand(argument.getArgNumber());
      continue;
    }
    Operation *op = value.getDefiningOp();
    if (auto fused = dyn_cast<llm::FusedOp>(op))
      value = fused.getBody().front().getTerminator()->getOperand(cast<OpResult>(value).getResultNumber());
    else if (stageKind(op) == StageKind::alias)
      value = op->getOperand(0);
    else
      return op;
  }
}

std::string opName(Operation *op) {
  if (auto call = dyn_cast<func::CallOp>(op)) return "call " + call.getCallee().str();
  return op->getName().stripDialect().str();
}
std::string saying(const Error &error) { return error.where.empty() ? error.what : error.where + ": " + error.what; }

bool hasReaderOutside(Operation *maker) {
  return llvm::any_of(maker->getUsers(), [](Operation *user) { return isa<llm::YieldOp>(user); });
}
bool streamsWeights(Operation *op) { return isa<llm::LinearOp, llm::LinearLogProbOp>(op); }

// The append that an op prepares queries, keys or values for; null if it does not.
llm::CacheAppendOp appendBehind(Operation *op) {
  for (int steps = 0; op && steps < 4; ++steps) {
    if (auto append = dyn_cast<llm::CacheAppendOp>(op)) return append;
    if (auto attention = dyn_cast<llm::PagedAttentionOp>(op))
      return attention.getKv().getDefiningOp<llm::CacheAppendOp>();
    if (!op->hasOneUse()) return {};
    op = *op->getUsers().begin();
  }
  return {};
}

// Why the op is no part of a stage of queries, keys and values that it prepares something for; nothing if it is.
std::optional<Error> refusedHeads(Operation *op) {
  llm::CacheAppendOp append = appendBehind(op);
  if (!append) return std::nullopt;
  auto heads = joinsHeads(append);
  return heads.ok() ? std::nullopt : std::optional(heads.error());
}

class Explainer {
 public:
  std::vector<FusionNote> explain(ModuleOp module) {
    for (auto function : module.getOps<func::FuncOp>()) {
      if (isPrepare(function) || function.getName() == prepareFunctionName || function.isExternal()) continue;
      function.walk<WalkOrder::PreOrder>([&](Operation *op) {
        StageKind kind = stageKind(op);
        if (op == function.getOperation() || isa<llm::FusedOp>(op)) return;
        if (kind == StageKind::kernel || kind == StageKind::call) addReader(function, op);
      });
    }
    return std::move(notes_);
  }

 private:
  void addReader(func::FuncOp function, Operation *reader) {
    llvm::SmallPtrSet<Operation *, 4> seen;
    for (Value operand : reader->getOperands()) {
      Operation *producer = makerOf(operand);
      if (!producer || !seen.insert(producer).second) continue;
      if (stageKind(producer) != StageKind::kernel && stageKind(producer) != StageKind::call) continue;
      FusionNote note{function.getName().str(),
                      modelName(producer),
                      modelName(reader),
                      opName(producer),
                      opName(reader),
                      false,
                      "",
                      {}};
      note.fused = stageOf(producer) == stageOf(reader);
      if (note.fused)
        explainFused(note, producer, reader);
      else
        explainApart(note, producer, reader);
      notes_.push_back(std::move(note));
    }
  }

  void explainFused(FusionNote &note, Operation *producer, Operation *reader) {
    note.reason = "one stage";
    bool isProduct = columnChunks(stageOf(reader)) > 1 ||
                     !cast<llm::FusedOp>(stageOf(reader)).getBody().getOps<llm::LinearOp>().empty();
    for (Value result : producer->getResults()) {
      if (!isa<RankedTensorType>(result.getType())) continue;
      double bytes = rowBytes(result.getType());
      note.cost.bytesSaved += hasReaderOutside(producer) ? bytes : 2 * bytes;
      if (!isProduct) note.cost.scratchBytes += bytes;  // a product's sums are in scratch or registers anyway
    }
  }

  void explainApart(FusionNote &note, Operation *producer, Operation *reader) {
    Operation *from = stageOf(producer), *to = stageOf(reader);
    for (Value result : producer->getResults()) note.cost.bytesSaved += 2 * rowBytes(result.getType());
    if (isa<func::CallOp>(producer) || isa<func::CallOp>(reader)) {
      note.reason = "a repeated block is one function that every layer calls";
    } else if (streamsWeights(reader)) {
      explainInput(note, producer, to);
    } else if (auto refusal = refusedHeads(reader)) {
      note.reason = saying(*refusal);
    } else if (isa<llm::PagedAttentionOp>(reader)) {
      note.reason = "attention reads keys of rows that other chunks make: all must be in the cache";
    } else if (isProduct(from)) {
      note.reason = whyNoEpilogue(from, producer, reader, to);
    } else {
      note.reason = whyNoRows(note, producer, reader, from, to);
    }
  }

  // The reader streams weights.
  void explainInput(FusionNote &note, Operation *producer, Operation *stage) {
    if (Status rows = joinsRows(producer); !rows.ok()) {
      note.reason = "every chunk of the product reads whole rows, which other chunks of the producer make";
      return;
    }
    note.cost = costInProduct(producer, stage);
    int64_t chunks = columnChunks(stage);
    note.reason = chunks > 1 ? fmt::format("each of {} chunks of columns would compute the row again", chunks)
                             : "the product's kernel reads its input from memory";
    if (stageOf(producer)->hasAttr(replicatedAttribute))
      note.reason += "; with few rows every thread computes them for itself, without a barrier";
  }

  std::string whyNoEpilogue(Operation *from, Operation *producer, Operation *reader, Operation *to) {
    if (!producer->hasOneUse() || !from->getResult(0).hasOneUse())
      return "the product's result has other readers, so it is in memory anyway";
    if (!asElementwise(reader))
      return fmt::format("{} needs whole rows, the product's {} chunks of columns end before", opName(reader),
                         columnChunks(from));
    if (reader != to) return "the reader belongs to the stage of " + modelName(to) + " already";
    Status joins = joinsEpilogue(from, reader);
    return joins.ok() ? "the reader stands in another stage" : saying(joins.error());
  }

  std::string whyNoRows(FusionNote &note, Operation *producer, Operation *reader, Operation *from, Operation *to) {
    for (Operation *op : {producer, reader})
      if (Status rows = joinsRows(op); !rows.ok()) return opName(op) + ": " + rows.error().what;
    if (dynamicDimension(producer->getResult(0)) != dynamicDimension(reader->getResult(0)))
      return "one works on all tokens, the other on the wanted rows";
    note.cost = costOfRows(from, to);  // of the stages as they are
    if (!note.cost.pays())
      return fmt::format("the rows between would need {:.0f} B of scratch, more than {:.0f} B", note.cost.scratchBytes,
                         scratchLimit());
    return "an op between would have to run both before and after the stage";
  }

  std::vector<FusionNote> notes_;
};
}  // namespace

std::vector<FusionNote> explainFusion(ModuleOp module) { return Explainer().explain(module); }

nlohmann::json toJson(const std::vector<FusionNote> &notes) {
  auto list = nlohmann::json::array();
  for (const FusionNote &note : notes)
    list.push_back({{"function", note.function},
                    {"producer", {{"name", note.producer}, {"op", note.producerOp}}},
                    {"reader", {{"name", note.reader}, {"op", note.readerOp}}},
                    {"fused", note.fused},
                    {"reason", note.reason},
                    {"bytes_saved", note.cost.bytesSaved},
                    {"flops_recomputed", note.cost.flopsRecomputed},
                    {"scratch_bytes", note.cost.scratchBytes}});
  return list;
}

std::string report(const std::vector<FusionNote> &notes) {
  std::string text;
  const std::string *function = nullptr;
  for (const FusionNote &note : notes) {
    if (!function || *function != note.function) text += note.function + "\n";
    function = &note.function;
    text += fmt::format("  {} {} ({}) -> {} ({}): {}; a row {} {:.0f} B of traffic", note.fused ? "fused" : "apart",
                        note.producer, note.producerOp, note.reader, note.readerOp, note.reason,
                        note.fused ? "saves" : "would save", note.cost.bytesSaved);
    if (note.cost.flopsRecomputed > 0) text += fmt::format(", repeats {:.0f} FLOPs", note.cost.flopsRecomputed);
    if (note.cost.scratchBytes > 0) text += fmt::format(", takes {:.0f} B of scratch", note.cost.scratchBytes);
    text += "\n";
  }
  return text;
}

}  // namespace llc::compiler
