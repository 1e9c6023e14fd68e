// Runs a compiled program: owns everything that changes from step to step (arena, scratch, caches, the thread team).
// All memory is taken when the session is made; a step allocates nothing unless it has to be cut and more than one part
// of it gives results.
#pragma once
#include <memory>
#include <vector>

#include "runtime/cache/paged_cache.h"
#include "runtime/serve/engine.h"
#include "runtime/serve/program.h"
#include "runtime/threads/team.h"

namespace llc {

struct SessionOptions {
  int64_t threads = 0;       // 0: see defaultThreads()
  int64_t context = 0;       // tokens of the longest sequence; 0: as compiled
  int64_t sequences = 1;     // open at the same time
  uint64_t memoryLimit = 0;  // bytes for arena, scratch, caches, results; 0: what the machine or cgroup has free
};

// The memory a session will take, computed before anything is allocated.
struct MemoryPlan {
  uint64_t parameters = 0;  // mapped or already in memory; not counted in total()
  uint64_t arena = 0, scratch = 0, caches = 0, results = 0;
  uint64_t total() const { return arena + scratch + caches + results; }
};

// Is told of every step that a session runs: with what it is about to be called, and when all threads have done it.
class StepObserver {
 public:
  virtual ~StepObserver() = default;
  virtual void before(llc_context &context) = 0;
  virtual void after(const llc_context &context) = 0;
};

class Session final : public Engine {
 public:
  // Errors: invalidInput (a context longer than compiled for), resource (more memory than the limit; names the flag).
  static Result<std::unique_ptr<Session>> create(std::shared_ptr<const Program> program,
                                                 const SessionOptions &options = {});
  ~Session() override;

  const EngineLimits &limits() const override { return limits_; }
  Result<int64_t> open() override;
  void close(int64_t sequence) override;
  int64_t length(int64_t sequence) const override;
  Result<Rows> step(std::span<const SequenceTokens> batch) override;
  Result<std::vector<float>> score(std::span<const int32_t> tokens) override;
  Result<Rows> embed(std::span<const int32_t> tokens, Wanted wanted) override;
  Result<Rows> classify(std::span<const int32_t> tokens) override;
  std::string description() const override;

  const Program &program() const { return *program_; }
  const MemoryPlan &memory() const { return memory_; }
  int64_t threads() const { return team_->size(); }
  ThreadTeam &team() { return *team_; }
  // null: nobody; an observer must live until then, or until the session's end.
  void observe(StepObserver *observer) { observer_ = observer; }

 private:
  struct Buffers;
  struct Cutter;
  struct Entry;
  Session();
  Status allocate(const SessionOptions &options);
  Status addEntry(const EntrySpec &spec);
  Result<const Entry *> find(std::string_view name) const;
  Status check(std::span<const SequenceTokens> batch) const;
  Status begin(const Entry &entry, std::span<const SequenceTokens> batch);
  Result<Rows> runBatch(const Entry &entry, std::span<const SequenceTokens> batch);
  Result<Rows> runWhole(std::string_view entry, std::span<const int32_t> tokens, Wanted wanted);
  bool fillStep(Cutter &cutter);
  Rows runStep(const Entry &entry);

  std::shared_ptr<const Program> program_;
  EngineLimits limits_;
  std::vector<int32_t> virtualIds_;  // fed before each sequence's own tokens; no caller sees them
  MemoryPlan memory_;
  std::unique_ptr<ThreadTeam> team_;
  std::unique_ptr<PagedCache> cache_;
  std::unique_ptr<Buffers> buffers_;
  StepObserver *observer_ = nullptr;
};

// What quota and affinity allow (threads/limits.h), but one thread for each 4 MiB that a step reads at most: below that
// the threads of a step wait for each other longer than they compute, most of all on a machine that is busy otherwise.
int64_t defaultThreads(const Manifest &manifest);
// Bytes from one thread's scratch to the next one's.
uint64_t scratchStride(const Manifest &manifest);
// "2 threads: ..." with the reason, for people: of a session that was asked for so many (0: the default) and has
// `threads`.
std::string threadsAndReason(const Manifest &manifest, int64_t asked, int64_t threads);

Result<MemoryPlan> planMemory(const Manifest &manifest, const SessionOptions &options, int64_t threads);

}  // namespace llc
