// Waiting within a team, and CPUs lent while waiting. Another program may push a thread off its CPU in the middle of a
// chunk that all others wait for, and keep the CPU for milliseconds. Whoever waits then lends that thread the own CPU:
// until the chunk is done, so that the others can go on without it. Back on its own CPU it waits for its turn there,
// and holds nothing that anybody needs.
#pragma once
#include <sched.h>
#include <sys/types.h>
#include <time.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <vector>

namespace llc {

class CpuLending {
 public:
  // `away` becomes 1 while some member uses a lent CPU: all look at it between two chunks, and call wait().
  CpuLending(int64_t members, int64_t &away);

  void begin();               // before the members start together: nobody waits, nobody has finished
  void join(int64_t member);  // the calling thread is this member, until another one says so
  void finish(int64_t member);
  // Called again and again by a member that waits. `progress` is the same as long as nothing happens.
  void wait(int64_t member, int64_t progress);
  int64_t lent() const { return count_.load(std::memory_order_relaxed); }  // how often

 private:
  using Clock = std::chrono::steady_clock;
  struct alignas(64) Member {
    std::atomic<pid_t> thread{0};
    std::atomic<clockid_t> clock{0};   // of its processor time
    std::atomic<int64_t> waitsAt{-1};  // the progress that it saw last
    cpu_set_t mask;                    // while it uses a lent CPU: where it may run otherwise
    // Of its own wait: when that began, was looked at last; who may be without a CPU, and how long that one had run.
    Clock::time_point since, latest;
    int64_t suspect = -1, ran = 0;
  };
  int64_t processorTime(int64_t member) const;
  int64_t lateMember(Member &own, int64_t self, int64_t progress);
  bool lend(int64_t member);
  void giveBack(Member &own, int64_t self);

  std::vector<Member> members_;
  std::atomic_ref<int64_t> away_;
  std::atomic<int64_t> borrower_;
  std::atomic<uint32_t> returns_{0};  // what the lender sleeps on
  std::atomic<int64_t> count_{0};
  std::atomic<bool> allowed_{true};
};

}  // namespace llc
