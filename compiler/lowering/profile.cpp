#include "compiler/lowering/profile.h"

#include <cstddef>

#include "compiler/memory/stages.h"
#include "dialect/interfaces/interfaces.h"
#include "dialect/ops/llm.h"

namespace llc::compiler {
using namespace mlir;
using kernels::Emitter;

// ---- the table -----------------------------------------------------------------------------------------------------
std::string placeName(Location location) {
  std::string text;
  location->walk([&](Location part) {
    if (auto name = dyn_cast<NameLoc>(part); name && text.empty()) text = name.getName().str();
    return text.empty() ? WalkResult::advance() : WalkResult::interrupt();
  });
  return text;
}

namespace {
std::string join(const std::string &prefix, const std::string &name) {
  return prefix.empty() || name.empty() ? prefix + name : prefix + "." + name;
}

// The place of an op within its function: what carries the function's own name is the function itself.
std::string placeIn(func::FuncOp function, Operation *op) {
  std::string name = placeName(op->getLoc());
  return name == placeName(function.getLoc()) ? "" : name;
}

// Costs are linear in rows and, where they attend, in rows times context: three values give all coefficients.
template <class Measure>
StageWork fit(Operation *op, Measure measure) {
  auto costed = dyn_cast<llm::Costed>(op);
  if (!costed) return {};
  double none = measure(costed.cost({.rows = 0, .context = 0})), row = measure(costed.cost({.rows = 1, .context = 0})),
         pair = measure(costed.cost({.rows = 1, .context = 1}));
  return {none, row - none, pair - row};
}
StageWork flopsOf(Operation *op) {
  return fit(op, [](const llm::Cost &cost) { return cost.flops; });
}

StagePart partOf(func::FuncOp function, Operation *op) {
  return {op->getName().stripDialect().str(), placeIn(function, op), flopsOf(op)};
}

int dimensionOf(Operation *op) {
  for (Value result : op->getResults())
    if (auto dimension = dynamicDimension(result)) return *dimension;
  for (Value operand : op->getOperands())
    if (auto dimension = dynamicDimension(operand)) return *dimension;
  return LLC_DIM_TOKENS;
}

StageSpec describe(func::FuncOp function, Operation *op, const std::string &kernel) {
  StageSpec stage;
  stage.kernel = kernel;
  stage.dimension = dimensionOf(op);
  stage.flops = flopsOf(op);
  stage.bytes = fit(op, [](const llm::Cost &cost) { return cost.bytes; });
  op->walk([&](Operation *inner) {
    if (auto window = inner->getAttrOfType<IntegerAttr>("window")) stage.window = window.getInt();
    bool isPart = inner != op && !inner->hasTrait<OpTrait::IsTerminator>();
    if (isPart) stage.parts.push_back(partOf(function, inner));
  });
  if (stage.parts.empty()) stage.parts.push_back(partOf(function, op));
  return stage;
}
}  // namespace

int64_t StageTable::begin(func::FuncOp function) {
  if (!isEntry(function)) return 0;
  int64_t before = 0;
  for (const std::string &entry : entries_) before += static_cast<int64_t>(functions_[entry].size());
  entries_.push_back(function.getName().str());
  return before;
}

int64_t StageTable::size(func::FuncOp function) const {
  auto found = functions_.find(function.getName().str());
  return found == functions_.end() ? 0 : static_cast<int64_t>(found->second.size());
}

int64_t StageTable::addStage(func::FuncOp function, Operation *op, const std::string &kernel) {
  int64_t number = size(function);
  functions_[function.getName().str()].push_back(describe(function, op, kernel));
  return number;
}

int64_t StageTable::addSecondStage(func::FuncOp function, Operation *op, const std::string &kernel) {
  int64_t number = addStage(function, op, kernel);
  StageSpec &stage = functions_[function.getName().str()].back();
  stage.flops = stage.bytes = {};
  return number;
}

int64_t StageTable::addCall(func::FuncOp function, func::CallOp call) {
  int64_t number = size(function);
  std::string place = placeIn(function, call);
  std::vector<StageSpec> called = functions_[call.getCallee().str()];
  for (StageSpec &stage : called) {
    for (StagePart &part : stage.parts) part.place = join(place, part.place);
    functions_[function.getName().str()].push_back(std::move(stage));
  }
  return number;
}

std::vector<StageSpec> StageTable::take() {
  std::vector<StageSpec> table;
  for (const std::string &entry : entries_)
    for (StageSpec &stage : functions_[entry]) {
      stage.entry = entry;
      table.push_back(std::move(stage));
    }
  functions_.clear(), entries_.clear();
  return table;
}

// ---- the code ------------------------------------------------------------------------------------------------------
Value emitTicks(Emitter &e) {
  if (!e.target.triple.starts_with("aarch64")) return e.intrinsic("llvm.readcyclecounter", e.i64, ValueRange{});
  // The cycle counter of aarch64 is closed to user programs; its steady one is open, but has no intrinsic yet.
  auto read = e.b.create<LLVM::InlineAsmOp>(TypeRange{e.i64}, ValueRange{}, "mrs $0, cntvct_el0", "=r",
                                            /*has_side_effects=*/true, /*is_align_stack=*/false, LLVM::AsmDialectAttr(),
                                            ArrayAttr());
  return read.getResult(0);
}

namespace {
void storeField(Emitter &e, Value pointer, size_t offset, Value value) {
  e.store(value, e.gep(pointer, static_cast<int64_t>(offset)), 8);
}
Value loadField(Emitter &e, Value pointer, size_t offset) {
  return e.loadI64(e.gep(pointer, static_cast<int64_t>(offset)));
}
void raiseField(Emitter &e, Value pointer, size_t offset) {
  storeField(e, pointer, offset, e.add(loadField(e, pointer, offset), 1));
}
Value eventNumber(Emitter &e, Value log, Value number) {
  Value events = e.loadPointer(e.gep(log, int64_t(offsetof(llc_profile_log, events))));
  return e.gep(events, e.mul(number, int64_t(sizeof(llc_profile_event))));
}

void appendEvent(Emitter &e, Value log, Value stage, Value begin, Value end) {
  Value count = loadField(e, log, offsetof(llc_profile_log, count));
  Value fits = e.cmp(arith::CmpIPredicate::slt, count, loadField(e, log, offsetof(llc_profile_log, capacity)));
  e.ifElse(
      fits,
      [&] {
        Value event = eventNumber(e, log, count);
        storeField(e, event, offsetof(llc_profile_event, stage), stage);
        storeField(e, event, offsetof(llc_profile_event, chunks), e.c64(1));
        storeField(e, event, offsetof(llc_profile_event, begin), begin);
        storeField(e, event, offsetof(llc_profile_event, end), end);
        raiseField(e, log, offsetof(llc_profile_log, count));
      },
      [&] { raiseField(e, log, offsetof(llc_profile_log, dropped)); });
}

// Whether the log's latest event is of `stage`.
Value continues(Emitter &e, Value log, Value count, Value stage) {
  Value any = e.cmp(arith::CmpIPredicate::sgt, count, e.c64(0));
  auto choice = e.b.create<scf::IfOp>(TypeRange{e.i1}, any, true);
  OpBuilder::InsertionGuard guard(e.b);
  e.b.setInsertionPointToStart(choice.thenBlock());
  Value latest = loadField(e, eventNumber(e, log, e.add(count, -1)), offsetof(llc_profile_event, stage));
  e.b.create<scf::YieldOp>(ValueRange{e.cmp(arith::CmpIPredicate::eq, latest, stage)});
  e.b.setInsertionPointToStart(choice.elseBlock());
  e.b.create<scf::YieldOp>(ValueRange{e.cmp(arith::CmpIPredicate::ne, count, count)});
  return choice.getResult(0);
}

void recordEvent(Emitter &e, Value logs, Value thread, Value stage, Value begin, Value end) {
  Value log = e.gep(logs, e.mul(thread, int64_t(sizeof(llc_profile_log))));
  Value count = loadField(e, log, offsetof(llc_profile_log, count));
  e.ifElse(
      continues(e, log, count, stage),
      [&] {
        Value event = eventNumber(e, log, e.add(count, -1));
        raiseField(e, event, offsetof(llc_profile_event, chunks));
        storeField(e, event, offsetof(llc_profile_event, end), end);
      },
      [&] { appendEvent(e, log, stage, begin, end); });
}

// void llc_profile_record(context, thread, stage, begin), one function of the module.
func::FuncOp eventFunction(Emitter &e) {
  constexpr const char *name = "llc_profile_record";
  if (auto found = e.module.lookupSymbol<func::FuncOp>(name)) return found;
  OpBuilder::InsertionGuard guard(e.b);
  e.b.setInsertionPointToEnd(e.module.getBody());
  auto function = e.b.create<func::FuncOp>(name, e.b.getFunctionType({e.ptr, e.i64, e.i64, e.i64}, {}));
  function.setPrivate();
  e.b.setInsertionPointToStart(function.addEntryBlock());
  Value end = emitTicks(e);
  Value logs = e.loadPointer(e.gep(function.getArgument(0), int64_t(offsetof(llc_context, profile))));
  Value wanted = e.cmp(arith::CmpIPredicate::ne, e.b.create<LLVM::PtrToIntOp>(e.i64, logs), e.c64(0));
  e.ifThen(wanted, [&] {
    recordEvent(e, logs, function.getArgument(1), function.getArgument(2), function.getArgument(3), end);
  });
  e.b.create<func::ReturnOp>();
  return function;
}
}  // namespace

void emitStageEvent(Emitter &e, const TeamValues &team, Value stage, Value begin) {
  func::FuncOp record = eventFunction(e);
  e.b.create<func::CallOp>(record, ValueRange{team.context, team.thread, stage, begin});
}

void emitWaitEvent(Emitter &e, const TeamValues &team, Value stage, Value begin) {
  Value several = e.cmp(arith::CmpIPredicate::ne, team.threads, e.c64(1));
  e.ifThen(several, [&] { emitStageEvent(e, team, e.sub(e.c64(-1), stage), begin); });
}

}  // namespace llc::compiler
