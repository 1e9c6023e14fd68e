#include "tools/cli/verify_code.h"

#include <fmt/format.h>

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/IRMapping.h"
#include "runtime/sampling/random.h"
#include "tools/cli/interpreted.h"

namespace llc::cli {

Distance distance(std::span<const double> expected, std::span<const double> found) {
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

std::vector<std::vector<int32_t>> verificationChunks(int64_t vocabulary, int64_t context) {
  std::vector<std::vector<int32_t>> chunks;
  Random random(7);
  int64_t left = context;
  for (int64_t size : {9, 1, 1, 4}) {
    if ((left -= size) < 0) break;
    chunks.emplace_back();
    for (int64_t i = 0; i < size; ++i) chunks.back().push_back(int32_t(random.next() % uint32_t(vocabulary)));
  }
  return chunks;
}

Result<std::vector<double>> interpretChunks(mlir::ModuleOp module, const huggingface::ModelSource &source,
                                            const std::vector<std::vector<int32_t>> &chunks) {
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

Result<std::vector<double>> runChunks(mlir::ModuleOp module, const huggingface::ModelSource &source, int64_t threads,
                                      const std::vector<std::vector<int32_t>> &chunks) {
  LLC_ASSIGN(compiler::CompiledModule compiled, compiler::compile(module, {}));
  LLC_ASSIGN(compiler::JitProgram jit, compiler::loadProgram(compiled, tensorsOf(source), {.threads = int(threads)}));
  jit.manifest.vocabulary = source.model.vocabulary;  // a program that was cut short does not end in logits
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

namespace {
using mlir::Operation;

// Ops of a function whose value can be the result of a step: one float value per row.
std::vector<Operation *> candidatesIn(mlir::func::FuncOp step) {
  std::vector<Operation *> found;
  for (Operation &op : step.getBody().getOps()) {
    if (op.getNumResults() != 1) continue;
    auto type = mlir::dyn_cast<mlir::RankedTensorType>(op.getResult(0).getType());
    if (type && type.getElementType().isF32() && type.getRank() >= 2 && type.isDynamicDim(0)) found.push_back(&op);
  }
  return found;
}

// The program that ends with `last`, and has no other entry.
void cutAfter(mlir::ModuleOp module, mlir::func::FuncOp step, Operation *last) {
  Operation *end = step.front().getTerminator();
  end->setOperands(last->getResults());
  step.setFunctionType(mlir::FunctionType::get(module.getContext(), step.getArgumentTypes(), last->getResultTypes()));
  for (Operation *op = end->getPrevNode(), *before; op && op != last; op = before) {
    before = op->getPrevNode();
    if (op->use_empty()) op->erase();
  }
  for (const char *other : {"score", "embed"})
    if (auto function = module.lookupSymbol<mlir::func::FuncOp>(other)) function.erase();
}

// The callee's ops in place of the call, so that each can be the last one.
void inlineCall(mlir::func::CallOp call, mlir::func::FuncOp callee) {
  mlir::OpBuilder builder(call);
  mlir::IRMapping values;
  values.map(callee.getArguments(), call.getOperands());
  for (Operation &op : callee.front().without_terminator()) builder.clone(op, values);
  for (auto [result, returned] : llvm::zip(call.getResults(), callee.front().getTerminator()->getOperands()))
    result.replaceAllUsesWith(values.lookupOrDefault(returned));
  call.erase();
}

std::string nameOf(mlir::Location location) {
  std::string text;
  llvm::raw_string_ostream(text) << location;
  return text;
}

class Search {
 public:
  Search(const std::function<Result<TracedModel>()> &trace, int64_t threads, double tolerance)
      : trace_(trace), threads_(threads), tolerance_(tolerance) {}

  // The first wrong op at the level of `step`; inside of its block if it is a call.
  Result<std::optional<WrongOp>> run() {
    LLC_ASSIGN(std::optional<size_t> wrong, bisect());
    if (!wrong) return std::optional<WrongOp>();
    LLC_ASSIGN(TracedModel traced, trace_());
    auto call = mlir::dyn_cast<mlir::func::CallOp>(candidatesIn(stepOf(traced))[*wrong]);
    if (!call) return describe(*wrong);
    std::optional<WrongOp> block = describe(*wrong);
    std::string layer = block->name;
    inlined_ = *wrong;
    LLC_ASSIGN(wrong, bisect());
    if (!wrong) return block;
    std::optional<WrongOp> inner = describe(*wrong);
    inner->name = layer + ", " + inner->name;
    return inner;
  }

 private:
  static mlir::func::FuncOp stepOf(TracedModel &traced) { return traced.module->lookupSymbol<mlir::func::FuncOp>("step"); }

  Result<TracedModel> module() {
    LLC_ASSIGN(TracedModel traced, trace_());
    if (!inlined_) return traced;
    auto call = mlir::cast<mlir::func::CallOp>(candidatesIn(stepOf(traced))[*inlined_]);
    inlineCall(call, traced.module->lookupSymbol<mlir::func::FuncOp>(call.getCallee()));
    return traced;
  }

  Result<bool> isWrong(size_t candidate) {
    LLC_ASSIGN(TracedModel traced, module());
    auto step = stepOf(traced);
    Operation *last = candidatesIn(step)[candidate];
    last_ = {nameOf(last->getLoc()), last->getName().getStringRef().str(), {}};
    llvm::raw_string_ostream(last_.op) << " : " << last->getResult(0).getType();
    cutAfter(*traced.module, step, last);
    auto chunks = verificationChunks(traced.source->model.vocabulary, INT32_MAX);
    LLC_ASSIGN(auto expected, interpretChunks(*traced.module, *traced.source, chunks));
    LLC_ASSIGN(auto found, runChunks(*traced.module, *traced.source, threads_, chunks));
    last_.off = distance(expected, found);
    wrong_[candidate] = last_;
    return last_.off.relative > tolerance_;
  }

  Result<std::optional<size_t>> bisect() {
    wrong_.clear();
    LLC_ASSIGN(TracedModel traced, module());
    size_t low = 0, high = candidatesIn(stepOf(traced)).size();
    size_t count = high;
    while (low < high) {
      size_t middle = (low + high) / 2;
      LLC_ASSIGN(bool wrong, isWrong(middle));
      if (wrong) high = middle;
      else low = middle + 1;
    }
    return low < count ? std::optional(low) : std::nullopt;
  }

  std::optional<WrongOp> describe(size_t candidate) { return wrong_.at(candidate); }

  const std::function<Result<TracedModel>()> &trace_;
  int64_t threads_;
  double tolerance_;
  std::optional<size_t> inlined_;
  WrongOp last_;
  std::map<size_t, WrongOp> wrong_;
};
}  // namespace

Result<std::optional<WrongOp>> firstWrongOp(const std::function<Result<TracedModel>()> &trace, int64_t threads, double tolerance) {
  return Search(trace, threads, tolerance).run();
}

}  // namespace llc::cli
