#include "runtime/threads/team.h"

#include <gtest/gtest.h>
#include <time.h>

#include <atomic>
#include <chrono>
#include <thread>

namespace llc {
namespace {

// An entry as generated code is: claims chunks from the shared counter, then meets at a barrier, twice. The arena
// counts how often each chunk ran; the second stage checks that the first is complete.
constexpr int64_t chunks = 100;
struct Work {
  std::atomic<int64_t> ran[chunks] = {};
  std::atomic<int64_t> incomplete{0};
  std::atomic<int64_t> relaxed{0};
};

// Runs the chunks up to `end` that nobody else does, and waits until all are done.
template <class Body>
void stage(llc_context *context, int64_t end, Body body) {
  std::atomic_ref<int64_t> claim(context->sync->claims[0].next), away(context->sync->away),
      arrive(context->sync->arrive);
  for (;;) {
    if (away.load()) context->relax(context);
    int64_t chunk = claim.load();
    while (chunk < end && !claim.compare_exchange_weak(chunk, chunk + 1)) {
    }
    if (chunk >= end) break;
    body(chunk);
    arrive.fetch_add(1);
  }
  for (int64_t spins = 1; arrive.load() < end; ++spins)
    if (spins % 100 == 0) context->relax(context);  // fewer than generated code spins: sanitizers make each dear
}

void twoStages(llc_context *context, int64_t, int64_t) {
  Work &work = *static_cast<Work *>(context->arena);
  stage(context, chunks, [&](int64_t chunk) { work.ran[chunk].fetch_add(1); });
  stage(context, 2 * chunks, [&](int64_t) {
    for (auto &count : work.ran)
      if (count.load() != 1) work.incomplete.fetch_add(1);
  });
}

class Sizes : public testing::TestWithParam<int64_t> {};
INSTANTIATE_TEST_SUITE_P(ThreadTeam, Sizes, testing::Values(1, 2, 3, 8));

TEST_P(Sizes, EveryChunkRunsOnceAndBarriersHold) {
  ThreadTeam team(GetParam());
  ASSERT_EQ(team.size(), GetParam());
  for (int repeat = 0; repeat < 100; ++repeat) {
    Work work;
    llc_context context = {};
    context.arena = &work;
    team.run(twoStages, context);
    for (auto &count : work.ran) ASSERT_EQ(count.load(), 1);
    ASSERT_EQ(work.incomplete.load(), 0);
    ASSERT_EQ(context.sync->claims[0].next, 2 * chunks);
  }
}

TEST_P(Sizes, WakesSleepersEveryTime) {
  ThreadTeam team(GetParam());
  std::atomic<int64_t> sum{0};
  int64_t expected = 0;
  for (int repeat = 0; repeat < 40; ++repeat) {
    // Around the moment at which idle workers stop spinning and go to sleep.
    std::this_thread::sleep_for(std::chrono::microseconds(repeat * 20));
    team.run([&](int64_t thread, int64_t threads) { sum += thread + threads; });
    expected += team.size() * team.size() + team.size() * (team.size() - 1) / 2;
    ASSERT_EQ(sum.load(), expected);
  }
}

TEST(ThreadTeam, EachThreadHasItsOwnNumber) {
  ThreadTeam team(4);
  std::vector<std::thread::id> ids(4);
  team.run([&](int64_t thread, int64_t) { ids[size_t(thread)] = std::this_thread::get_id(); });
  EXPECT_EQ(ids[0], std::this_thread::get_id());
  for (size_t i = 0; i < 4; ++i)
    for (size_t j = 0; j < i; ++j) EXPECT_NE(ids[i], ids[j]);
}

TEST(ThreadTeam, TakesNoProcessorTimeBetweenCalls) {
  ThreadTeam team(4);
  team.run([](int64_t, int64_t) {});
  std::this_thread::sleep_for(std::chrono::milliseconds(20));  // for idle workers to fall asleep
  auto used = [] {
    timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return double(time.tv_sec) * 1e3 + double(time.tv_nsec) * 1e-6;
  };
  double least = 1e9;
  for (int i = 0; i < 5 && least >= 10; ++i) {
    double before = used();
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    least = std::min(least, used() - before);
  }
  EXPECT_LT(least, 10) << "milliseconds of 200, for three workers";
}

// Milliseconds of processor time that a team of two takes while a chunk takes one of them 100 ms.
double processorTimeOfALongWait(ThreadTeam &team) {
  std::atomic<double> busy{0};
  auto late = [](llc_context *context, int64_t thread, int64_t threads) {
    timespec begin, end;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &begin);
    stage(context, 1, [](int64_t) { std::this_thread::sleep_for(std::chrono::milliseconds(100)); });
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
    static_cast<std::atomic<double> *>(context->arena)
        ->fetch_add(double(end.tv_sec - begin.tv_sec) * 1e3 + double(end.tv_nsec - begin.tv_nsec) * 1e-6);
  };
  llc_context context = {};
  context.arena = &busy;
  team.run(late, context);
  return busy.load();
}

// The thread that waits for a late chunk gives its CPU away. A wait that spins takes
// all of the 100 ms, every time; what a slow machine adds to naps differs, so the best of several counts.
TEST(ThreadTeam, LongWaitsTakeLittleProcessorTime) {
  ThreadTeam team(2);
  double least = processorTimeOfALongWait(team);
  for (int i = 0; i < 9 && least >= 60; ++i) least = std::min(least, processorTimeOfALongWait(team));
  EXPECT_LT(least, 60) << "milliseconds of 100";
}

// A thread that has not begun is not waited for: it comes when the other has done everything.
TEST(ThreadTeam, BarriersWaitForChunksOnly) {
  struct Call {
    std::atomic<bool> throughAlone{false};
    std::atomic<int64_t> ran{0};
  } call;
  auto entry = [](llc_context *context, int64_t thread, int64_t) {
    Call &own = *static_cast<Call *>(context->arena);
    auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (thread == 1 && !own.throughAlone && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
    for (int64_t end = 3; end < 30; end += 3) stage(context, end, [&](int64_t) { ++own.ran; });
    if (thread == 0) own.throughAlone = std::chrono::steady_clock::now() < deadline;
  };
  ThreadTeam team(2);
  llc_context context = {};
  context.arena = &call;
  team.run(entry, context);
  EXPECT_TRUE(call.throughAlone);
  EXPECT_EQ(call.ran, 27);
}

TEST(ThreadTeam, ClampsItsSizeAndComesAndGoes) {
  EXPECT_EQ(ThreadTeam(0).size(), 1);
  EXPECT_EQ(ThreadTeam(-5).size(), 1);
  for (int i = 0; i < 50; ++i) {
    ThreadTeam team(3);
    if (i % 2) team.run([](int64_t, int64_t) {});
  }
}

}  // namespace
}  // namespace llc
