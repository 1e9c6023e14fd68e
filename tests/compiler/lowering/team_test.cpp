// Claim loops and barriers run on real threads: every chunk exactly once, every later stage after every earlier one.
#include "compiler/lowering/team.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <algorithm>
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
// stores cells[0] + ... + cells[9] to sums[round]; barrier }. With few tokens every thread has a part of each group.
constexpr int64_t fewTokens = 1, manyTokens = 1000;
void emitEntry(kernels::Emitter &e, int64_t tokens) {
  e.b.setInsertionPointToEnd(e.module.getBody());
  auto function = e.b.create<mlir::func::FuncOp>("work", e.b.getFunctionType({e.ptr, e.i64, e.i64}, {}));
  e.b.setInsertionPointToStart(function.addEntryBlock());
  TeamValues team;
  team.context = function.getArgument(0), team.thread = function.getArgument(1), team.threads = function.getArgument(2);
  team.sync = e.loadPointer(e.gep(team.context, int64_t(offsetof(llc_context, sync))));
  mlir::Value memory = e.loadPointer(e.gep(team.context, int64_t(offsetof(llc_context, arena))));
  team.claimBase = e.c64(0), team.tokens = e.c64(tokens);
  chooseParts(e, team);
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

class Team : public testing::TestWithParam<std::tuple<int, int64_t>> {};
class TeamCode : public testing::TestWithParam<int64_t> {};

// The entry as code of this machine, and what it works on.
struct Program {
  explicit Program(int64_t tokens) {
    registerCodeDialects(registry);
    mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
    context.loadAllAvailableDialects();
    mlir::OwningOpRef<mlir::ModuleOp> module = mlir::ModuleOp::create(mlir::UnknownLoc::get(&context));
    const Target target = targetOf(lowestLevel(hostArchitecture));
    kernels::Emitter emitter(*module, target);
    emitEntry(emitter, tokens);
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
  auto [threads, tokens] = GetParam();
  Program program(tokens);
  ASSERT_TRUE(program.entry);
  program.call.relax = [](llc_context *) { sched_yield(); };
  std::vector<std::thread> team;
  for (int t = 0; t < threads; ++t)
    team.emplace_back([&program, t, threads = threads] { program.entry(&program.call, t, threads); });
  for (std::thread &thread : team) thread.join();
  program.expectResults();
}

// Barriers wait for chunks, not for threads: one of two gets through alone, and leaves the other nothing to do.
TEST_P(TeamCode, aThreadThatHoldsNothingIsNotWaitedFor) {
  Program program(GetParam());
  ASSERT_TRUE(program.entry);
  program.entry(&program.call, 0, 2);
  program.expectResults();
  program.entry(&program.call, 1, 2);
  program.expectResults();
  EXPECT_EQ(program.relaxed(), 0);
}

// A thread on a lent CPU is asked between two chunks, with all that it has done reported.
TEST_P(TeamCode, whoIsAskedToLeaveHasReportedItsChunks) {
  Program program(GetParam());
  ASSERT_TRUE(program.entry);
  program.sync.away = 1;
  program.call.relax = [](llc_context *context) {
    auto *memory = static_cast<int64_t *>(context->arena);
    int64_t done = std::accumulate(memory, memory + cells, int64_t(0));
    for (int64_t round = 0; round < rounds; ++round) done += memory[cells + round] != 0;
    EXPECT_EQ(context->sync->arrive, done);
    memory[cells + rounds] += 1;
  };
  program.entry(&program.call, 0, 2);
  program.expectResults();
  EXPECT_GE(program.relaxed(), rounds * (cells + 1));
}

// Two threads' parts of five chunks each: a thread takes its own first, from the first on, then the other's.
TEST(TeamParts, aThreadTakesItsOwnPartFirst) {
  Program program(fewTokens);
  ASSERT_TRUE(program.entry);
  program.sync.away = 1;
  static std::vector<int64_t> order;
  order.clear();
  program.call.relax = [](llc_context *context) {
    auto *memory = static_cast<int64_t *>(context->arena);
    for (int64_t cell = 0; cell < cells; ++cell)
      if (memory[cell] == 1 && std::ranges::find(order, cell) == order.end()) order.push_back(cell);
  };
  program.entry(&program.call, 1, 2);
  EXPECT_EQ(order, (std::vector<int64_t>{5, 6, 7, 8, 9, 0, 1, 2, 3, 4}));
}

INSTANTIATE_TEST_SUITE_P(Threads, Team,
                         testing::Combine(testing::Values(1, 2, 3, 8), testing::Values(fewTokens, manyTokens)));
INSTANTIATE_TEST_SUITE_P(Tokens, TeamCode, testing::Values(fewTokens, manyTokens));
}  // namespace
