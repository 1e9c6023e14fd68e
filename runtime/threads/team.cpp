#include "runtime/threads/team.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <climits>
#include <limits>
#include <system_error>
#include <thread>

#include "runtime/threads/lending.h"

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

// The seat of the calling thread in a team.
thread_local CpuLending *lending = nullptr;
thread_local int64_t seat = 0;

// For generated code. Whoever waits at a barrier calls this again and again; a chunk that is done is progress.
void relax(llc_context *context) {
  lending->wait(seat, std::atomic_ref<int64_t>(context->sync->arrive).load(std::memory_order_relaxed));
}
}  // namespace

struct ThreadTeam::State {
  alignas(64) std::atomic<uint32_t> generation{0};  // raised once per call: what workers wait for
  alignas(64) std::atomic<int64_t> unfinished{0};   // workers still in the current call
  alignas(64) std::atomic<int64_t> asleep{0};
  std::atomic<bool> stopping{false};
  llc_sync sync = {};
  CpuLending lending;
  const std::function<void(int64_t, int64_t)> *function = nullptr;
  llc_entry entry = nullptr;
  llc_context *context = nullptr;
  std::vector<std::thread> workers;
  int64_t size = 1;

  explicit State(int64_t wanted) : lending(wanted, sync.away) {}

  void execute(int64_t thread) {
    llc::lending = &lending, seat = thread;
    lending.join(thread);
    if (entry)
      entry(context, thread, size);
    else
      (*function)(thread, size);
    lending.finish(thread);
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

  void resetCounters() {
    sync.arrive = sync.away = 0;
    for (int64_t i = 0; i < size; ++i) sync.claims[i].next = 0;
  }

  void runAll() {
    lending.begin();
    unfinished.store(size - 1, std::memory_order_relaxed);
    announce();
    execute(0);
    int64_t left;
    for (int64_t spins = 1; (left = unfinished.load(std::memory_order_acquire)) != 0; ++spins) {
      pauseBriefly();
      if (spins % 1024 == 0) lending.wait(0, std::numeric_limits<int64_t>::max() - left);
    }
  }
};

ThreadTeam::ThreadTeam(int64_t threads) {
  int64_t wanted = std::clamp<int64_t>(threads, 1, LLC_MAX_THREADS);
  state_ = std::make_unique<State>(wanted);
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
  state_->resetCounters();
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
