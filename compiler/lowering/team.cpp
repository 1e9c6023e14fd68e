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

Value fetchAdd(Emitter &e, Value pointer, Value value, LLVM::AtomicOrdering ordering) {
  return e.b.create<LLVM::AtomicRMWOp>(LLVM::AtomicBinOp::add, pointer, value, ordering);
}

void callRelax(Emitter &e, Value context) {
  Value relax = e.loadPointer(e.gep(context, int64_t(offsetof(llc_context, relax))));
  auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(e.b.getContext()), {e.ptr});
  e.b.create<LLVM::CallOp>(type, ValueRange{relax, context});
}

Value loadAtomic(Emitter &e, Value pointer, LLVM::AtomicOrdering ordering) {
  return e.b.create<LLVM::LoadOp>(e.i64, pointer, /*alignment=*/8, /*isVolatile=*/false, /*isNonTemporal=*/false,
                                  /*isInvariant=*/false, ordering);
}

void report(Emitter &e, Value sync, Value done) {
  e.ifThen(e.cmp(arith::CmpIPredicate::ne, done, e.c64(0)),
           [&] { fetchAdd(e, e.gep(sync, int64_t(offsetof(llc_sync, arrive))), done, LLVM::AtomicOrdering::acq_rel); });
}

// A function of the module, for what would make code large where it is used: a call costs nothing beside it.
func::FuncOp teamFunction(Emitter &e, const char *name, TypeRange arguments, TypeRange results,
                          llvm::function_ref<Values(ValueRange)> body) {
  if (auto found = e.module.lookupSymbol<func::FuncOp>(name)) return found;
  OpBuilder::InsertionGuard guard(e.b);
  e.b.setInsertionPointToEnd(e.module.getBody());
  auto function = e.b.create<func::FuncOp>(name, e.b.getFunctionType(arguments, results));
  function.setPrivate();
  e.b.setInsertionPointToStart(function.addEntryBlock());
  e.b.create<func::ReturnOp>(body(function.getArguments()));
  return function;
}

// The chunks of a group: `base` and those behind it, in parts of `each` or, the first `longer` of them, of one more.
struct GroupParts {
  Value base, each, longer;
};

// (context, sync, number of parts, home, base, each, longer, left, done) -> the next chunk of the team, or -1; how many
// parts the thread has left behind as empty; and `done`, 0 if that was reported: before the thread leaves a lent CPU
// nobody may wait for it.
func::FuncOp claimFunction(Emitter &e) {
  llvm::SmallVector<Type> arguments(9, e.i64);
  arguments[0] = arguments[1] = e.ptr;
  return teamFunction(e, "llc_claim", arguments, {e.i64, e.i64, e.i64}, [&](ValueRange in) -> Values {
    Value context = in[0], sync = in[1], parts = in[2], home = in[3], done = in[8];
    GroupParts group{in[4], in[5], in[6]};
    Value away = loadAtomic(e, e.gep(sync, int64_t(offsetof(llc_sync, away))), LLVM::AtomicOrdering::monotonic);
    Value asked = e.cmp(arith::CmpIPredicate::ne, away, e.c64(0));
    e.ifThen(asked, [&] {
      report(e, sync, done);
      callRelax(e, context);
    });
    constexpr auto relaxed = LLVM::AtomicOrdering::monotonic;
    Value claims = e.gep(sync, int64_t(offsetof(llc_sync, claims)));
    Values last = e.whileLoop(
        ValueRange{e.c64(-1), in[7]},
        [&](ValueRange at) -> Value {
          Value untaken = e.cmp(arith::CmpIPredicate::slt, at[0], e.c64(0));
          return e.b.create<arith::AndIOp>(untaken, e.cmp(arith::CmpIPredicate::slt, at[1], parts));
        },
        [&](ValueRange at) -> Values {
          Value part = e.add(home, at[1]), wrapped = e.sub(part, parts);
          part = e.select(e.cmp(arith::CmpIPredicate::sge, wrapped, e.c64(0)), wrapped, part);
          Value begin = e.add(e.add(group.base, e.mul(part, group.each)), e.min(part, group.longer));
          Value oneMore = e.select(e.cmp(arith::CmpIPredicate::slt, part, group.longer), e.c64(1), e.c64(0));
          Value end = e.add(e.add(begin, group.each), oneMore);
          // Counters only grow, and stay in a group until all of its chunks are claimed: so they are no fetch-and-add.
          Value counter = e.gep(claims, e.mul(part, int64_t(sizeof(llc_claims))));
          Value seen = loadAtomic(e, counter, relaxed), chunk = e.max(seen, begin);
          Value isEmpty = e.cmp(arith::CmpIPredicate::sge, chunk, end);
          auto choice = e.b.create<scf::IfOp>(TypeRange{e.i64, e.i64}, isEmpty, true);
          OpBuilder::InsertionGuard guard(e.b);
          e.b.setInsertionPointToStart(choice.thenBlock());
          e.b.create<scf::YieldOp>(ValueRange{e.c64(-1), e.add(at[1], 1)});
          e.b.setInsertionPointToStart(choice.elseBlock());
          Value pair = e.b.create<LLVM::AtomicCmpXchgOp>(counter, seen, e.add(chunk, 1), relaxed, relaxed);
          Value taken = e.b.create<LLVM::ExtractValueOp>(pair, 1);
          e.b.create<scf::YieldOp>(ValueRange{e.select(taken, chunk, e.c64(-1)), at[1]});
          return {choice.getResult(0), choice.getResult(1)};
        });
    return {last[0], last[1], e.select(asked, e.c64(0), done)};
  });
}

// What a thread works on next: the chunk, the parts left behind, and how many it has done and not reported. A team of
// one counts by itself.
Values claim(Emitter &e, const TeamValues &team, const GroupParts &group, Value alone, Value own, Value left,
             Value done) {
  auto choice = e.b.create<scf::IfOp>(TypeRange{e.i64, e.i64, e.i64}, alone, true);
  OpBuilder::InsertionGuard guard(e.b);
  e.b.setInsertionPointToStart(choice.thenBlock());
  e.b.create<scf::YieldOp>(ValueRange{own, left, e.c64(0)});
  e.b.setInsertionPointToStart(choice.elseBlock());
  auto call = e.b.create<func::CallOp>(claimFunction(e), ValueRange{team.context, team.sync, team.parts, team.home,
                                                                    group.base, group.each, group.longer, left, done});
  e.b.create<scf::YieldOp>(call.getResults());
  return choice.getResults();
}

// if (chunk < n0) stage 0; else if (chunk - n0 < n1) stage 1; ... the last stage takes what is left.
void dispatch(Emitter &e, llvm::ArrayRef<StageCode> stages, Value chunk) {
  if (stages.size() == 1) return stages.front().emitChunk(chunk);
  Value mine = e.cmp(arith::CmpIPredicate::slt, chunk, stages.front().chunks);
  e.ifElse(
      mine, [&] { stages.front().emitChunk(chunk); },
      [&] { dispatch(e, stages.drop_front(), e.sub(chunk, stages.front().chunks)); });
}

// (context, sync, target): waits until so many chunks are done.
func::FuncOp barrierFunction(Emitter &e) {
  return teamFunction(e, "llc_barrier", {e.ptr, e.ptr, e.i64}, {}, [&](ValueRange in) -> Values {
    Value counter = e.gep(in[1], int64_t(offsetof(llc_sync, arrive)));
    e.whileLoop(
        ValueRange{e.c64(0)},
        [&](ValueRange) -> Value {
          return e.cmp(arith::CmpIPredicate::slt, loadAtomic(e, counter, LLVM::AtomicOrdering::acquire), in[2]);
        },
        [&](ValueRange spins) -> Values {
          e.pause();
          Value next = e.add(spins[0], 1);
          Value tired = e.cmp(arith::CmpIPredicate::sge, next, e.c64(spinsBeforeRelax));
          e.ifThen(tired, [&] { callRelax(e, in[0]); });
          return {e.select(tired, e.c64(0), next)};
        });
    return {};
  });
}
}  // namespace

void chooseParts(Emitter &e, TeamValues &team) {
  // Of more tokens, chunks side by side share rows or weights in a cache, which threads do better together.
  constexpr int64_t fewTokens = 15;
  team.parts = e.c64(1), team.home = e.c64(0);
  if (!team.tokens) return;
  Value few = e.cmp(arith::CmpIPredicate::ult, e.add(team.tokens, -1), e.c64(fewTokens));  // 0: it has no tokens
  team.parts = e.select(few, team.threads, team.parts), team.home = e.select(few, team.thread, team.home);
}

void emitGroup(Emitter &e, TeamValues &team, llvm::ArrayRef<StageCode> stages) {
  if (stages.empty()) return;
  Value total = stages.front().chunks;
  for (const StageCode &stage : stages.drop_front()) total = e.add(total, stage.chunks);
  Value alone = e.cmp(arith::CmpIPredicate::eq, team.threads, e.c64(1));
  Value base = team.claimBase, end = e.add(base, total);
  GroupParts group{base, e.b.create<arith::DivUIOp>(total, team.parts), e.b.create<arith::RemUIOp>(total, team.parts)};
  // -1 as an unsigned number is behind every end.
  Values after = e.whileLoop(
      claim(e, team, group, alone, base, e.c64(0), e.c64(0)),
      [&](ValueRange at) -> Value { return e.cmp(arith::CmpIPredicate::ult, at[0], end); },
      [&](ValueRange at) -> Values {
        dispatch(e, stages, e.sub(at[0], base));
        return claim(e, team, group, alone, e.add(at[0], 1), at[1], e.add(at[2], 1));
      });
  report(e, team.sync, after[2]);
  team.claimBase = end;
}

void emitIf(Emitter &e, TeamValues &team, Value condition, llvm::function_ref<void()> body) {
  auto choice = e.b.create<scf::IfOp>(TypeRange{e.i64}, condition, true);
  OpBuilder::InsertionGuard guard(e.b);
  e.b.setInsertionPointToStart(choice.elseBlock());
  e.b.create<scf::YieldOp>(team.claimBase);
  e.b.setInsertionPointToStart(choice.thenBlock());
  body();
  e.b.create<scf::YieldOp>(team.claimBase);
  team.claimBase = choice.getResult(0);
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

void emitBarrier(Emitter &e, const TeamValues &team) {
  Value several = e.cmp(arith::CmpIPredicate::ne, team.threads, e.c64(1));
  func::FuncOp barrier = barrierFunction(e);
  e.ifThen(several, [&] { e.b.create<func::CallOp>(barrier, ValueRange{team.context, team.sync, team.claimBase}); });
}

}  // namespace llc::compiler
