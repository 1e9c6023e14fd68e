#include "runtime/threads/team.h"

#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <climits>
#include <system_error>
#include <thread>

namespace llc {

namespace {
// How long an idle worker spins before it sleeps: longer than the pause between two decode steps (choosing a token
// from a large vocabulary), shorter than anyone would notice on an idle machine.
constexpr std::chrono::microseconds idleSpin(200);
constexpr int pausesPerLook = 64;

inline void pauseBriefly() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("isb" ::: "memory");  // yield is nothing on most cores
#endif
}

void futexWait(std::atomic<uint32_t> &word, uint32_t expected) {
  syscall(SYS_futex, reinterpret_cast<uint32_t *>(&word), FUTEX_WAIT_PRIVATE, expected, nullptr, nullptr, 0);
}
void futexWakeAll(std::atomic<uint32_t> &word) {
  syscall(SYS_futex, reinterpret_cast<uint32_t *>(&word), FUTEX_WAKE_PRIVATE, INT_MAX, nullptr, nullptr, 0);
}

// Waiting for a thread that may have lost its CPU to another program: lets others run, and after a while sleeps for
// moments. A CPU that falls idle takes over a thread that waits for its turn on a busy one; a CPU that spins does not.
class Patience {
 public:
  // Calls that follow each other closely belong to one wait, unless `another` begins.
  void wait(bool another = false) {
    auto now = Clock::now();
    if (another || now - latest_ > gap) since_ = now;
    latest_ = now;
    if (now - since_ < spinning)
      sched_yield();
    else
      std::this_thread::sleep_for(nap);
  }

 private:
  using Clock = std::chrono::steady_clock;
  // Longer than well distributed chunks differ; a nap costs about as much again when it ends too late.
  static constexpr std::chrono::microseconds spinning{200}, nap{50}, gap{500};
  Clock::time_point since_, latest_;
};

// For generated barriers. Whoever waits calls this again and again; a new arrival begins a new wait.
void relax(llc_context *context) {
  thread_local Patience patience;
  thread_local int64_t seen = -1;
  int64_t arrived = std::atomic_ref<int64_t>(context->sync->arrive).load(std::memory_order_relaxed);
  patience.wait(arrived != seen);
  seen = arrived;
}
}  // namespace

struct ThreadTeam::State {
  alignas(64) std::atomic<uint32_t> generation{0};  // raised once per call: what workers wait for
  alignas(64) std::atomic<int64_t> unfinished{0};   // workers still in the current call
  alignas(64) std::atomic<int64_t> asleep{0};
  std::atomic<bool> stopping{false};
  llc_sync sync = {};
  const std::function<void(int64_t, int64_t)> *function = nullptr;
  llc_entry entry = nullptr;
  llc_context *context = nullptr;
  std::vector<std::thread> workers;
  int64_t size = 1;

  void execute(int64_t thread) const {
    if (entry)
      entry(context, thread, size);
    else
      (*function)(thread, size);
  }

  void await(uint32_t seen) {
    auto deadline = std::chrono::steady_clock::now() + idleSpin;
    while (std::chrono::steady_clock::now() < deadline)
      for (int i = 0; i < pausesPerLook; ++i) {
        if (generation.load(std::memory_order_acquire) != seen) return;
        pauseBriefly();
      }
    // The order matters: the caller raises the generation before it looks at `asleep`, so either it sees this worker
    // and wakes it, or the kernel sees the new generation and does not put it to sleep.
    asleep.fetch_add(1, std::memory_order_seq_cst);
    while (generation.load(std::memory_order_seq_cst) == seen) futexWait(generation, seen);
    asleep.fetch_sub(1, std::memory_order_seq_cst);
  }

  void work(int64_t thread) {
    for (uint32_t seen = 0;; ++seen) {
      await(seen);
      if (stopping.load(std::memory_order_acquire)) return;
      execute(thread);
      unfinished.fetch_sub(1, std::memory_order_acq_rel);
    }
  }

  void announce() {
    generation.fetch_add(1, std::memory_order_seq_cst);
    if (asleep.load(std::memory_order_seq_cst) > 0) futexWakeAll(generation);
  }

  void runAll() {
    unfinished.store(size - 1, std::memory_order_relaxed);
    if (size > 1) announce();
    execute(0);
    Patience patience;
    for (int64_t spins = 1; unfinished.load(std::memory_order_acquire) != 0; ++spins) {
      pauseBriefly();
      if (spins % 1024 == 0) patience.wait();
    }
  }
};

ThreadTeam::ThreadTeam(int64_t threads) : state_(std::make_unique<State>()) {
  int64_t wanted = std::clamp<int64_t>(threads, 1, LLC_MAX_THREADS);
  try {
    for (int64_t i = 1; i < wanted; ++i) state_->workers.emplace_back([this, i] { state_->work(i); });
  } catch (const std::system_error &) {
    // The system allows no more threads; the team works with those it has.
  }
  state_->size = int64_t(state_->workers.size()) + 1;
}

ThreadTeam::~ThreadTeam() {
  state_->stopping.store(true, std::memory_order_release);
  state_->announce();
  for (std::thread &worker : state_->workers) worker.join();
}

int64_t ThreadTeam::size() const { return state_->size; }

void ThreadTeam::run(llc_entry entry, llc_context &context) {
  state_->sync = {};
  context.sync = &state_->sync;
  context.relax = relax;
  state_->entry = entry;
  state_->context = &context;
  state_->runAll();
}

void ThreadTeam::run(const std::function<void(int64_t, int64_t)> &function) {
  state_->entry = nullptr;
  state_->function = &function;
  state_->runAll();
}

}  // namespace llc
