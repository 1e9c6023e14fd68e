// A team of threads that run one generated entry together: the caller is thread 0, the others wait, spinning for some
// microseconds and then asleep. Barriers are inside the generated code; the team only starts and ends a call together.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>

#include "runtime/abi/llc_abi.h"

namespace llc {

class ThreadTeam {
 public:
  // `threads` in [1, LLC_MAX_THREADS]; values outside are clamped. Threads that the system refuses are left out: size()
  // says how many there are.
  explicit ThreadTeam(int64_t threads);
  ~ThreadTeam();
  ThreadTeam(const ThreadTeam &) = delete;
  ThreadTeam &operator=(const ThreadTeam &) = delete;

  int64_t size() const;
  // Runs entry(context, i, size()) on every thread, returns when all are done. Sets context.sync (counters at 0) and
  // context.relax. One call at a time.
  void run(llc_entry entry, llc_context &context);
  // The same for a C++ function, for memory to be filled or measured in parallel.
  void run(const std::function<void(int64_t thread, int64_t threads)> &function);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace llc
