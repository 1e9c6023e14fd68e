// The checkpoints of one run: DIRECTORY/<UTC yyyymmdd-hhmmss>-v<NNN>-step-<n>, and the files `latest` and `best` that
// name one each. A checkpoint is written as .tmp-NAME and renamed when every byte of it is on the disk, so that a
// process that is killed, or a disk that is full, leaves those before it as they were.
#pragma once
#include <functional>

#include "runtime/train/checkpoint.h"

namespace llc::train {

struct KeepRules {
  int64_t last = 3;   // newest ones
  int64_t best = 1;   // those of lowest loss in evaluation
  int64_t every = 0;  // those whose step is a multiple; 0: none
};

struct CheckpointEntry {
  std::string name;     // of the directory
  int64_t version = 0;  // NNN: grows by one with every checkpoint of the run
  int64_t step = 0;
};

// The name in a file `latest` or `best` of a run's folder; empty: there is none.
std::string checkpointNamedBy(const std::string &pointer);

class CheckpointStore {
 public:
  // Makes the directory, locks it, and removes what interrupted writers left in it. Errors: resource (another process
  // trains here), invalidInput (can't be made).
  static Result<CheckpointStore> open(const std::string &directory, const KeepRules &keep,
                                      const CheckpointLayout &layout);
  CheckpointStore(CheckpointStore &&other) noexcept : CheckpointStore() { swap(other); }
  CheckpointStore &operator=(CheckpointStore &&other) noexcept {
    swap(other);
    return *this;
  }
  ~CheckpointStore();

  const std::string &directory() const { return directory_; }
  std::vector<CheckpointEntry> list() const;  // oldest first; by name alone

  // Writes a checkpoint, points `latest` (and `best`) to it, removes those that no rule keeps. Returns its path.
  // Errors: resource (disk full): the older ones are still there.
  Result<std::string> save(const CheckpointContent &content, bool isBest);

  // The newest one that verifies; nothing when there is none at all. `skipped` is told about each that does not, and
  // why. That one is never removed. Error: there are some, and none is good.
  Result<std::optional<ReadCheckpoint>> newest(const std::function<void(const std::string &)> &skipped);
  // "latest", "best", a step, a name or a path. Never removed. Errors: notFound (with those that there are), and that
  // of readCheckpoint.
  Result<ReadCheckpoint> named(const std::string &name);

 private:
  CheckpointStore() = default;
  void swap(CheckpointStore &other);
  std::string path(const std::string &name) const { return directory_ + "/" + name; }
  void removeOld();
  std::string directory_, resumed_;  // resumed_: a name, kept
  KeepRules keep_;
  CheckpointLayout layout_;
  int lock_ = -1;
};

}  // namespace llc::train
