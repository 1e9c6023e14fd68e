#include "compiler/lowering/team.h"

#include <cstddef>

#include "compiler/kernels/batch.h"

namespace llc::compiler {
namespace {
using namespace mlir;
using kernels::Emitter;
using kernels::Values;

// Spins before the thread asks the runtime to give up its time slice: some 100 microseconds (a pause takes 20 to 70
// ns).
constexpr int64_t spinsBeforeRelax = 2000;

Value fetchAdd(Emitter &e, Value pointer, LLVM::AtomicOrdering ordering) {
  return e.b.create<LLVM::AtomicRMWOp>(LLVM::AtomicBinOp::add, pointer, e.c64(1), ordering);
}

// The chunk a thread works on next: `own` counts locally for a team of one.
Value claim(Emitter &e, const TeamValues &team, Value alone, Value own) {
  auto choice = e.b.create<scf::IfOp>(TypeRange{e.i64}, alone, true);
  OpBuilder::InsertionGuard guard(e.b);
  e.b.setInsertionPointToStart(choice.thenBlock());
  e.b.create<scf::YieldOp>(own);
  e.b.setInsertionPointToStart(choice.elseBlock());
  Value counter = e.gep(team.sync, int64_t(offsetof(llc_sync, claim)));
  Value taken = fetchAdd(e, counter, LLVM::AtomicOrdering::monotonic);
  e.b.create<scf::YieldOp>(ValueRange{e.sub(taken, team.claimBase)});
  return choice.getResult(0);
}

// if (chunk < n0) stage 0; else if (chunk - n0 < n1) stage 1; ... the last stage takes what is left.
void dispatch(Emitter &e, llvm::ArrayRef<StageCode> stages, Value chunk) {
  if (stages.size() == 1) return stages.front().emitChunk(chunk);
  Value mine = e.cmp(arith::CmpIPredicate::slt, chunk, stages.front().chunks);
  e.ifElse(
      mine, [&] { stages.front().emitChunk(chunk); },
      [&] { dispatch(e, stages.drop_front(), e.sub(chunk, stages.front().chunks)); });
}

void emitWait(Emitter &e, Value context, Value counter, Value target) {
  e.whileLoop(
      ValueRange{e.c64(0)},
      [&](ValueRange) -> Value {
        Value seen =
            e.b.create<LLVM::LoadOp>(e.i64, counter, /*alignment=*/8, /*isVolatile=*/false, /*isNonTemporal=*/false,
                                     /*isInvariant=*/false, LLVM::AtomicOrdering::acquire);
        return e.cmp(arith::CmpIPredicate::slt, seen, target);
      },
      [&](ValueRange spins) -> Values {
        e.pause();
        Value next = e.add(spins[0], 1);
        Value tired = e.cmp(arith::CmpIPredicate::sge, next, e.c64(spinsBeforeRelax));
        e.ifThen(tired, [&] {
          Value relax = e.loadPointer(e.gep(context, int64_t(offsetof(llc_context, relax))));
          auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(e.b.getContext()), {e.ptr});
          e.b.create<LLVM::CallOp>(type, ValueRange{relax, context});
        });
        return {e.select(tired, e.c64(0), next)};
      });
}

// The barrier as one function of the module: a call costs nothing beside it, and code stays small.
func::FuncOp barrierFunction(Emitter &e) {
  constexpr const char *name = "llc_barrier";
  if (auto found = e.module.lookupSymbol<func::FuncOp>(name)) return found;
  OpBuilder::InsertionGuard guard(e.b);
  e.b.setInsertionPointToEnd(e.module.getBody());
  auto type = e.b.getFunctionType({e.ptr, e.ptr, e.i64}, {});
  auto function = e.b.create<func::FuncOp>(name, type);
  function.setPrivate();
  e.b.setInsertionPointToStart(function.addEntryBlock());
  Value context = function.getArgument(0), counter = function.getArgument(1), target = function.getArgument(2);
  fetchAdd(e, counter, LLVM::AtomicOrdering::acq_rel);
  emitWait(e, context, counter, target);
  e.b.create<func::ReturnOp>();
  return function;
}
}  // namespace

void emitGroup(Emitter &e, TeamValues &team, llvm::ArrayRef<StageCode> stages) {
  if (stages.empty()) return;
  Value total = stages.front().chunks;
  for (const StageCode &stage : stages.drop_front()) total = e.add(total, stage.chunks);
  Value alone = e.cmp(arith::CmpIPredicate::eq, team.threads, e.c64(1));
  Value first = claim(e, team, alone, e.c64(0));
  e.whileLoop(
      ValueRange{first}, [&](ValueRange at) -> Value { return e.cmp(arith::CmpIPredicate::slt, at[0], total); },
      [&](ValueRange at) -> Values {
        dispatch(e, stages, at[0]);
        return {claim(e, team, alone, e.add(at[0], 1))};
      });
  team.claimBase = e.add(team.claimBase, e.add(total, team.threads));
}

void emitIf(Emitter &e, TeamValues &team, Value condition, llvm::function_ref<void()> body) {
  auto choice = e.b.create<scf::IfOp>(TypeRange{e.i64, e.i64}, condition, true);
  OpBuilder::InsertionGuard guard(e.b);
  e.b.setInsertionPointToStart(choice.elseBlock());
  e.b.create<scf::YieldOp>(ValueRange{team.claimBase, team.arriveTarget});
  e.b.setInsertionPointToStart(choice.thenBlock());
  body();
  e.b.create<scf::YieldOp>(ValueRange{team.claimBase, team.arriveTarget});
  team.claimBase = choice.getResult(0), team.arriveTarget = choice.getResult(1);
}

ContextParts emitContextParts(Emitter &e, const TeamValues &team, const kernels::AttentionParts &parts, Value rows,
                              Value chunks) {
  // With four chunks for each thread the last ones end close together.
  constexpr int64_t chunksPerThread = 4;
  auto both = [&](Value x, Value y) { return e.b.create<arith::AndIOp>(x, y).getResult(); };
  Value needed = both(e.cmp(arith::CmpIPredicate::ne, team.threads, e.c64(1)),
                      both(e.cmp(arith::CmpIPredicate::slt, chunks, e.mul(team.threads, chunksPerThread)),
                           e.cmp(arith::CmpIPredicate::sle, rows, e.c64(parts.rows))));
  kernels::BatchReader reader{e, team.batch};
  Value positions = reader.positions();
  Value last =
      e.loop(e.c64(0), e.select(needed, rows, e.c64(0)), 1, ValueRange{e.c64(0)},
             [&](Value row, ValueRange carried) { return Values{e.max(carried[0], reader.entry(positions, row))}; })[0];
  Value number = e.add(e.div(last, parts.slots), 1);
  return {e.cmp(arith::CmpIPredicate::sgt, number, e.c64(1)), number};
}

void emitBarrier(Emitter &e, TeamValues &team) {
  team.arriveTarget = e.add(team.arriveTarget, team.threads);
  Value several = e.cmp(arith::CmpIPredicate::ne, team.threads, e.c64(1));
  func::FuncOp barrier = barrierFunction(e);
  e.ifThen(several, [&] {
    Value counter = e.gep(team.sync, int64_t(offsetof(llc_sync, arrive)));
    e.b.create<func::CallOp>(barrier, ValueRange{team.context, counter, team.arriveTarget});
  });
}

}  // namespace llc::compiler
