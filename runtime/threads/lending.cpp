#include "runtime/threads/lending.h"

#include <linux/futex.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <limits>
#include <thread>

namespace llc {

namespace {
using namespace std::chrono_literals;
// Waits are short on an idle machine; a thread that is late by more may be without a CPU.
constexpr auto usualWait = 50us;
// A wait this long is for naps: longer than well distributed chunks differ. A nap costs as much again when it ends too
// late.
constexpr auto longWait = 200us, nap = 50us;
constexpr auto gap = 500us;  // calls further apart do not belong to one wait
// A CPU is not lent for longer at once: what runs there may take its time for another reason.
constexpr timespec longestLoan = {0, 2'000'000};

constexpr int64_t nobody = -1, somebody = -2;  // somebody: just being decided
constexpr int64_t finished = std::numeric_limits<int64_t>::max();
constexpr int64_t caller = 0;

// Goes to another CPU: returns when the thread runs there.
void leave(int cpu) {
  cpu_set_t mask;
  if (sched_getaffinity(0, sizeof(mask), &mask) != 0) return;
  cpu_set_t others = mask;
  CPU_CLR(cpu, &others);
  if (sched_setaffinity(0, sizeof(others), &others) == 0) sched_setaffinity(0, sizeof(mask), &mask);
}
}  // namespace

CpuLending::CpuLending(int64_t members, int64_t &away) : members_(size_t(members)), away_(away), borrower_(nobody) {}

void CpuLending::begin() {
  for (Member &member : members_) member.waitsAt.store(-1, std::memory_order_relaxed);
}

void CpuLending::join(int64_t member) {
  thread_local const auto thread = pid_t(syscall(SYS_gettid));
  Member &own = members_[size_t(member)];
  if (own.thread.load(std::memory_order_relaxed) == thread) return;
  clockid_t clock;
  if (pthread_getcpuclockid(pthread_self(), &clock) != 0) return allowed_.store(false);
  own.clock.store(clock, std::memory_order_relaxed);
  own.thread.store(thread, std::memory_order_release);
}

void CpuLending::finish(int64_t member) {
  Member &own = members_[size_t(member)];
  own.waitsAt.store(finished, std::memory_order_relaxed);
  giveBack(own, member);
}

int64_t CpuLending::processorTime(int64_t member) const {
  timespec time;
  if (clock_gettime(members_[size_t(member)].clock.load(std::memory_order_relaxed), &time) != 0) return -1;
  return int64_t(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

// A member that is neither waiting nor has run since the previous call; nobody if there is none, or not yet.
int64_t CpuLending::lateMember(Member &own, int64_t self, int64_t progress) {
  auto mayBeLate = [&](int64_t member) {
    int64_t at = members_[size_t(member)].waitsAt.load(std::memory_order_relaxed);
    return member != self && at != progress && at != finished && members_[size_t(member)].thread.load() != 0;
  };
  int64_t suspect = own.suspect, count = int64_t(members_.size());
  if (suspect >= 0 && mayBeLate(suspect) && processorTime(suspect) == own.ran) return suspect;
  own.suspect = -1;
  for (int64_t i = 1; i <= count && own.suspect < 0; ++i)
    if (int64_t member = (std::max<int64_t>(suspect, 0) + i) % count; mayBeLate(member)) own.suspect = member;
  if (own.suspect >= 0) own.ran = processorTime(own.suspect);
  return nobody;
}

// Returns when the loan is over; false if there can be none.
bool CpuLending::lend(int64_t member) {
  int64_t expected = nobody;
  if (!allowed_.load() || !borrower_.compare_exchange_strong(expected, somebody)) return false;
  Member &late = members_[size_t(member)];
  int cpu = sched_getcpu();
  cpu_set_t here;
  CPU_ZERO(&here);
  bool known = cpu >= 0 && cpu < CPU_SETSIZE && sched_getaffinity(late.thread, sizeof(late.mask), &late.mask) == 0;
  if (!known || !CPU_ISSET(cpu, &late.mask) || CPU_COUNT(&late.mask) < 2) return borrower_.store(nobody), false;
  CPU_SET(cpu, &here);
  uint32_t seen = returns_.load();
  if (sched_setaffinity(late.thread, sizeof(here), &here) != 0) {
    allowed_.store(false);
    return borrower_.store(nobody), false;
  }
  count_.fetch_add(1, std::memory_order_relaxed);
  borrower_.store(member);
  away_.store(1, std::memory_order_relaxed);
  syscall(SYS_futex, reinterpret_cast<uint32_t *>(&returns_), FUTEX_WAIT_PRIVATE, seen, &longestLoan, nullptr, 0);
  if (borrower_.compare_exchange_strong(expected = member, somebody)) {
    away_.store(0, std::memory_order_relaxed);
    sched_setaffinity(late.thread, sizeof(late.mask), &late.mask);
    borrower_.store(nobody);
  } else if (member == caller) {
    leave(cpu);
  }
  return true;
}

// The caller's thread keeps the CPU, and the lender looks for another: between steps everything waits for the caller.
void CpuLending::giveBack(Member &own, int64_t self) {
  int64_t expected = self;
  if (!borrower_.compare_exchange_strong(expected, somebody)) return;
  away_.store(0, std::memory_order_relaxed);
  cpu_set_t mask = own.mask;
  int cpu = sched_getcpu();
  borrower_.store(nobody);
  returns_.fetch_add(1);
  syscall(SYS_futex, reinterpret_cast<uint32_t *>(&returns_), FUTEX_WAKE_PRIVATE, INT_MAX, nullptr, nullptr, 0);
  sched_setaffinity(0, sizeof(mask), &mask);
  if (self != caller) leave(cpu);
}

void CpuLending::wait(int64_t member, int64_t progress) {
  Member &own = members_[size_t(member)];
  if (borrower_.load(std::memory_order_relaxed) == member) return giveBack(own, member);
  auto now = Clock::now();
  if (own.waitsAt.load(std::memory_order_relaxed) != progress || now - own.latest > gap)
    own.since = now, own.suspect = -1;
  own.waitsAt.store(progress, std::memory_order_relaxed);
  own.latest = now;
  if (now - own.since >= usualWait)
    if (int64_t late = lateMember(own, member, progress); late >= 0 && lend(late)) return;
  if (now - own.since < longWait)
    sched_yield();
  else
    std::this_thread::sleep_for(nap);
}

}  // namespace llc
