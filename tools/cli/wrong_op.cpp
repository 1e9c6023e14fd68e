// Which op is it? Bisection over the values of `step`, then over those of the block that holds the first wrong one.
#include <map>

#include "compiler/lowering/profile.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/IRMapping.h"
#include "tools/cli/verification.h"

namespace llc::cli {

namespace {
using mlir::Operation;

mlir::func::FuncOp stepOf(TracedModel &traced) { return traced.module->lookupSymbol<mlir::func::FuncOp>("step"); }

// Values that can be the result of a step: floats, one row per token or wanted row.
std::vector<mlir::OpResult> candidatesIn(mlir::func::FuncOp step) {
  std::vector<mlir::OpResult> found;
  for (Operation &op : step.getBody().getOps())
    for (mlir::OpResult result : op.getResults()) {
      auto type = mlir::dyn_cast<mlir::RankedTensorType>(result.getType());
      if (type && type.getElementType().isF32() && type.getRank() >= 2 && type.isDynamicDim(0)) found.push_back(result);
    }
  return found;
}

// The program that ends with `last`, and has no other entry.
void cutAfter(mlir::ModuleOp module, mlir::func::FuncOp step, mlir::OpResult last) {
  Operation *end = step.front().getTerminator();
  end->setOperands(mlir::ValueRange(last));
  step.setFunctionType(mlir::FunctionType::get(module.getContext(), step.getArgumentTypes(), last.getType()));
  for (Operation *op = end->getPrevNode(), *before; op && op != last.getOwner(); op = before) {
    before = op->getPrevNode();
    if (op->use_empty()) op->erase();
  }
  for (const char *other : {"score", "embed"})
    if (auto function = module.lookupSymbol<mlir::func::FuncOp>(other)) function.erase();
}

// The callee's ops in place of the call, so that each can be the last one.
void inlineCall(mlir::ModuleOp module, mlir::func::CallOp call) {
  auto callee = module.lookupSymbol<mlir::func::FuncOp>(call.getCallee());
  mlir::OpBuilder builder(call);
  mlir::IRMapping values;
  values.map(callee.getArguments(), call.getOperands());
  for (Operation &op : callee.front().without_terminator()) builder.clone(op, values);
  for (auto [result, returned] : llvm::zip(call.getResults(), callee.front().getTerminator()->getOperands()))
    result.replaceAllUsesWith(values.lookupOrDefault(returned));
  call.erase();
}

class Search {
 public:
  Search(const Trace &trace, const VerifiedPhase &phase, double tolerance)
      : trace_(trace), phase_(phase), tolerance_(tolerance) {}

  Result<std::optional<WrongOp>> run() {
    std::optional<WrongOp> found;
    for (;;) {
      LLC_ASSIGN(std::optional<size_t> wrong, bisect());
      if (!wrong) return found;
      found = tried_.at(*wrong);
      LLC_ASSIGN(TracedModel traced, module());
      auto call = mlir::dyn_cast<mlir::func::CallOp>(candidatesIn(stepOf(traced))[*wrong].getOwner());
      if (!call) return found;
      inlined_.push_back(*wrong);
      path_ = found->name;
      block_ = compiler::placeName(traced.module->lookupSymbol(call.getCallee())->getLoc());
    }
  }

 private:
  // Within the block that was inlined last; what carries the block's own name is the block itself.
  std::string nameOf(Operation *op) const {
    std::string name = compiler::placeName(op->getLoc());
    return path_.empty() || name.starts_with(path_) ? name : name == block_ ? path_ : path_ + "." + name;
  }

  // The traced program, with the blocks that the search went into inlined.
  Result<TracedModel> module() {
    LLC_ASSIGN(TracedModel traced, trace_());
    for (size_t candidate : inlined_)
      inlineCall(*traced.module, mlir::cast<mlir::func::CallOp>(candidatesIn(stepOf(traced))[candidate].getOwner()));
    return traced;
  }

  Result<bool> isWrong(size_t candidate) {
    LLC_ASSIGN(TracedModel traced, module());
    mlir::OpResult last = candidatesIn(stepOf(traced))[candidate];
    Operation *op = last.getOwner();
    WrongOp tried{phase_.name, nameOf(op), op->getName().getStringRef().str(), {}};
    llvm::raw_string_ostream(tried.op) << " : " << last.getType();
    cutAfter(*traced.module, stepOf(traced), last);
    Chunks chunks = verificationChunks(traced.source->model);
    LLC_ASSIGN(auto expected, interpretChunks(*traced.module, *traced.source, chunks));
    LLC_ASSIGN(auto found, phase_.rows(*traced.module, *traced.source, chunks));
    tried.off = distance(expected, found);
    bool wrong = tried.off.relative > tolerance_;
    tried_[candidate] = std::move(tried);
    return wrong;
  }

  // The first wrong candidate: what is computed from a wrong value is taken to be wrong too.
  Result<std::optional<size_t>> bisect() {
    tried_.clear();
    LLC_ASSIGN(TracedModel traced, module());
    size_t count = candidatesIn(stepOf(traced)).size(), low = 0, high = count;
    while (low < high) {
      size_t middle = (low + high) / 2;
      LLC_ASSIGN(bool wrong, isWrong(middle));
      if (wrong)
        high = middle;
      else
        low = middle + 1;
    }
    return low < count ? std::optional(low) : std::nullopt;
  }

  const Trace &trace_;
  const VerifiedPhase &phase_;
  double tolerance_;
  std::vector<size_t> inlined_;  // candidates that were calls, each counted after the ones before were inlined
  std::string path_, block_;     // of the last one: its name, and that of the function it calls
  std::map<size_t, WrongOp> tried_;
};
}  // namespace

Result<std::optional<WrongOp>> firstWrongOp(const Trace &trace, const VerifiedPhase &phase, double tolerance) {
  return Search(trace, phase, tolerance).run();
}

}  // namespace llc::cli
