#include "runtime/threads/lending.h"

#include <gtest/gtest.h>

#include <functional>
#include <thread>

namespace llc {
namespace {

using Clock = std::chrono::steady_clock;

int64_t processors() {
  cpu_set_t mask;
  return sched_getaffinity(0, sizeof(mask), &mask) == 0 ? CPU_COUNT(&mask) : 0;
}

// Member 0 waits while member 1 does `late`; how often it lent its CPU.
struct Pair {
  int64_t away = 0;
  CpuLending lending{2, away};
  std::atomic<bool> done{false};

  int64_t run(const std::function<void()> &late) {
    lending.begin();
    done = false;
    std::thread other([&] {
      lending.join(1);
      late();
      lending.finish(1);
      done = true;
    });
    lending.join(0);
    while (!done) lending.wait(0, 0);
    other.join();
    return lending.lent();
  }
};

// Whether it was so once: the next loan may begin right behind.
bool until(const std::function<bool()> &condition) {
  for (auto deadline = Clock::now() + std::chrono::seconds(20); Clock::now() < deadline;) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::microseconds(300));
  }
  return false;
}

class CpuLendingTest : public testing::Test {
  void SetUp() override {
    if (processors() < 2) GTEST_SKIP() << "there is one CPU";
  }
};

// A thread that does not run, for whatever reason, gets the CPU of the one that waits for it, and gives it back. It
// goes on when it has seen that: any time will do.
TEST_F(CpuLendingTest, WhoWaitsLendsItsProcessor) {
  Pair pair;
  int64_t usual = processors();
  for (int i = 0; i < 20; ++i) {
    bool lent = false, asked = false, returned = false;
    int64_t loans = pair.run([&] {
      lent = until([] { return processors() == 1; });
      asked = until([&] { return std::atomic_ref<int64_t>(pair.away).load() != 0; });
      pair.lending.wait(1, 1);
      returned = until([&] { return processors() == usual; });
    });
    EXPECT_TRUE(lent);
    EXPECT_TRUE(asked);
    EXPECT_TRUE(returned);
    EXPECT_GT(loans, i);
    EXPECT_EQ(processors(), usual);
    EXPECT_EQ(pair.away, 0);
  }
}

// Who finishes on a lent CPU leaves it as well.
TEST_F(CpuLendingTest, TheEndOfAStepEndsALoan) {
  Pair pair;
  bool lent = false;
  EXPECT_GT(pair.run([&] { lent = until([] { return processors() == 1; }); }), 0);
  EXPECT_TRUE(lent);
  EXPECT_EQ(pair.away, 0);
}

// Nobody lends to those who wait as well.
TEST_F(CpuLendingTest, WaitingThreadsNeedNoProcessor) {
  Pair pair;
  int64_t before = 0, loans = pair.run([&] {
    pair.lending.wait(1, 0);
    before = pair.lending.lent();  // the first wait may come late
    auto end = Clock::now() + std::chrono::milliseconds(20);
    while (Clock::now() < end) pair.lending.wait(1, 0);
  });
  EXPECT_LE(loans - before, 1) << "but for one that was decided before";
}

}  // namespace
}  // namespace llc
