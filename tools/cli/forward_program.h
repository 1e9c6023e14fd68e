// A forward over whole rows, compiled just in time: for as many batches of one size as are wanted.
#pragma once
#include <memory>

#include "runtime/threads/team.h"
#include "runtime/train/entry_memory.h"
#include "tools/cli/tracing.h"
#include "tools/cli/training_batch.h"

namespace llc::cli {

// What the program is traced for: sizes and types of the batch.
huggingface::TrainingOptions forwardOptions(const TracedModel &traced, const TrainingBatch &batch);

class ForwardProgram {
 public:
  // `traced` must outlive it; `results`: numbers that `entry` gives. Errors: memory, what weights lack.
  static Result<ForwardProgram> load(const TracedModel &traced, const compiler::CompiledModule &compiled,
                                     const std::string &entry, size_t results, int64_t threads, Progress &progress);
  // Of a batch of the size that was compiled.
  std::vector<float> run(const TrainingBatch &batch);

 private:
  ForwardProgram(compiler::JitProgram program, train::EntryMemory memory, int64_t threads, llc_entry entry,
                 size_t results)
      : program_(std::move(program)),
        memory_(std::move(memory)),
        team_(std::make_unique<ThreadTeam>(threads)),
        entry_(entry),
        results_(results) {}
  compiler::JitProgram program_;
  train::EntryMemory memory_;
  std::unique_ptr<ThreadTeam> team_;
  llc_entry entry_;
  size_t results_;
};

}  // namespace llc::cli
