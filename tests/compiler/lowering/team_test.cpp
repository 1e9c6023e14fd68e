// Claim loops and barriers run on real threads: every chunk exactly once, every later stage after every earlier one.
#include "compiler/lowering/team.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <atomic>
#include <cstddef>
#include <memory>
#include <numeric>
#include <thread>

#include "compiler/jit/object.h"
#include "mlir/IR/Verifier.h"
#include "runtime/abi/llc_abi.h"

using namespace llc;
using namespace llc::compiler;

namespace {
constexpr int64_t rounds = 50, firstChunks = 7, secondChunks = 3, cells = firstChunks + secondChunks;

// Entry: 50 times { group of two stages that increment cells[0..10); barrier; one stage that
// stores cells[0] + ... + cells[9] to sums[round]; barrier }.
void emitEntry(kernels::Emitter &e) {
  e.b.setInsertionPointToEnd(e.module.getBody());
  auto function = e.b.create<mlir::func::FuncOp>("work", e.b.getFunctionType({e.ptr, e.i64, e.i64}, {}));
  e.b.setInsertionPointToStart(function.addEntryBlock());
  TeamValues team;
  team.context = function.getArgument(0), team.thread = function.getArgument(1), team.threads = function.getArgument(2);
  team.sync = e.loadPointer(e.gep(team.context, int64_t(offsetof(llc_context, sync))));
  mlir::Value memory = e.loadPointer(e.gep(team.context, int64_t(offsetof(llc_context, arena))));
  team.claimBase = e.c64(0);
  auto bump = [&](mlir::Value cell) {
    mlir::Value at = e.gep(memory, e.mul(cell, 8));
    e.store(e.add(e.loadI64(at), 1), at);
  };
  for (int64_t round = 0; round < rounds; ++round) {
    emitGroup(e, team, {StageCode{e.c64(firstChunks), bump}, StageCode{e.c64(secondChunks), [&](mlir::Value chunk) {
                                                                         bump(e.add(chunk, firstChunks));
                                                                       }}});
    emitBarrier(e, team);
    emitGroup(e, team, {StageCode{e.c64(1), [&](mlir::Value) {
                                    mlir::Value sum = e.c64(0);
                                    for (int64_t i = 0; i < cells; ++i)
                                      sum = e.add(sum, e.loadI64(e.gep(memory, i * 8)));
                                    e.store(sum, e.gep(memory, (cells + round) * 8));
                                  }}});
    emitBarrier(e, team);
  }
  e.b.create<mlir::func::ReturnOp>();
}

class Team : public testing::TestWithParam<int> {};

// The entry as code of this machine, and what it works on.
struct Program {
  Program() {
    registerCodeDialects(registry);
    mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
    context.loadAllAvailableDialects();
    mlir::OwningOpRef<mlir::ModuleOp> module = mlir::ModuleOp::create(mlir::UnknownLoc::get(&context));
    const Target target = targetOf(lowestLevel(hostArchitecture));
    kernels::Emitter emitter(*module, target);
    emitEntry(emitter);
    EXPECT_TRUE(mlir::succeeded(mlir::verify(*module)));
    EXPECT_TRUE(lowerToLlvm(*module).ok());
    auto bytes = emitObject(*module, target, {.symbolSuffix = "", .verify = true});
    if (bytes.ok()) object = std::make_unique<Result<LoadedObject>>(LoadedObject::load(*bytes, "team"));
    if (object && object->ok())
      if (auto symbol = (*object)->find("work"); symbol.ok()) entry = reinterpret_cast<llc_entry>(*symbol);
    call.arena = memory.data(), call.sync = &sync;
    call.relax = [](llc_context *context) {
      static_cast<int64_t *>(context->arena)[cells + rounds] += 1;
      sched_yield();
    };
  }
  void expectResults() const {
    for (int64_t i = 0; i < cells; ++i) EXPECT_EQ(memory[i], rounds) << "cell " << i;
    for (int64_t round = 0; round < rounds; ++round)
      EXPECT_EQ(memory[cells + round], (round + 1) * cells) << "round " << round;
  }
  int64_t &relaxed() { return memory[cells + rounds]; }

  mlir::DialectRegistry registry;
  std::unique_ptr<Result<LoadedObject>> object;
  llc_entry entry = nullptr;
  std::vector<int64_t> memory = std::vector<int64_t>(cells + rounds + 1, 0);
  llc_sync sync{};
  llc_context call{};
};

TEST_P(Team, everyChunkOnceAndStagesInOrder) {
  Program program;
  ASSERT_TRUE(program.entry);
  program.call.relax = [](llc_context *) { sched_yield(); };
  int threads = GetParam();
  std::vector<std::thread> team;
  for (int t = 0; t < threads; ++t) team.emplace_back([&, t] { program.entry(&program.call, t, threads); });
  for (std::thread &thread : team) thread.join();
  program.expectResults();
}

// Barriers wait for chunks, not for threads: one of two gets through alone, and leaves the other nothing to do.
TEST(TeamCode, aThreadThatHoldsNothingIsNotWaitedFor) {
  Program program;
  ASSERT_TRUE(program.entry);
  program.entry(&program.call, 0, 2);
  program.expectResults();
  program.entry(&program.call, 1, 2);
  program.expectResults();
  EXPECT_EQ(program.relaxed(), 0);
}

// A thread on a lent CPU is asked between two chunks, with all that it has done reported.
TEST(TeamCode, whoIsAskedToLeaveHasReportedItsChunks) {
  Program program;
  ASSERT_TRUE(program.entry);
  program.sync.away = 1;
  program.call.relax = [](llc_context *context) {
    static_cast<int64_t *>(context->arena)[cells + rounds] += 1;
    EXPECT_EQ(context->sync->arrive, context->sync->claim);
  };
  program.entry(&program.call, 0, 2);
  program.expectResults();
  EXPECT_GE(program.relaxed(), rounds * (cells + 1));
}
INSTANTIATE_TEST_SUITE_P(Threads, Team, testing::Values(1, 2, 3, 8));
}  // namespace
