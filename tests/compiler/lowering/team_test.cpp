// Claim loops and barriers run on real threads: every chunk exactly once, every later stage after every earlier one.
#include "compiler/lowering/team.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <atomic>
#include <cstddef>
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
  team.claimBase = e.c64(0), team.arriveTarget = e.c64(0);
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

TEST_P(Team, everyChunkOnceAndStagesInOrder) {
  mlir::DialectRegistry registry;
  registerCodeDialects(registry);
  mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
  context.loadAllAvailableDialects();
  mlir::OwningOpRef<mlir::ModuleOp> module = mlir::ModuleOp::create(mlir::UnknownLoc::get(&context));
  const Target target = targetOf(IsaLevel::generic);
  kernels::Emitter emitter(*module, target);
  emitEntry(emitter);
  ASSERT_TRUE(mlir::succeeded(mlir::verify(*module)));
  ASSERT_TRUE(lowerToLlvm(*module).ok());
  auto bytes = emitObject(*module, target, {.symbolSuffix = "", .verify = true});
  ASSERT_TRUE(bytes.ok()) << bytes.error().text();
  auto loaded = LoadedObject::load(*bytes, "team");
  ASSERT_TRUE(loaded.ok()) << loaded.error().text();
  auto symbol = loaded->find("work");
  ASSERT_TRUE(symbol.ok()) << symbol.error().text();
  auto entry = reinterpret_cast<llc_entry>(*symbol);

  std::vector<int64_t> memory(cells + rounds, 0);
  llc_sync sync{};
  llc_context call{};
  call.arena = memory.data(), call.sync = &sync;
  call.relax = [](llc_context *) { sched_yield(); };
  int threads = GetParam();
  std::vector<std::thread> team;
  for (int t = 0; t < threads; ++t) team.emplace_back([&, t] { entry(&call, t, threads); });
  for (std::thread &thread : team) thread.join();
  for (int64_t i = 0; i < cells; ++i) EXPECT_EQ(memory[i], rounds) << "cell " << i;
  for (int64_t round = 0; round < rounds; ++round)
    EXPECT_EQ(memory[cells + round], (round + 1) * cells) << "round " << round;
}
INSTANTIATE_TEST_SUITE_P(Threads, Team, testing::Values(1, 2, 3, 8));
}  // namespace
