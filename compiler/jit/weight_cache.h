// The disk cache of packed weights: what a first start packs, later starts map. One file per program and checkpoint: a
// page of text (format, state, key), then the parameters in the order in which a step reads them, each at a page.
#pragma once
#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "compiler/jit/cache_folder.h"
#include "compiler/pipelines/pipeline.h"
#include "runtime/base/mapped_file.h"
#include "runtime/base/output_file.h"

namespace llc::compiler {

// `directory`: empty for the user's, "none" for no cache.
struct WeightCacheOptions {
  std::string directory = "none";
  int64_t limitBytes = weightCache.limitBytes;
};

// Where each prepared parameter lies in an entry.
struct WeightLayout {
  std::vector<std::optional<uint64_t>> offsets;  // one per parameter; nothing for those used where they are
  uint64_t bytes = 0;                            // of the file
};
// `prepared[i]`: the parameter is made, not used where it lies in the checkpoint.
WeightLayout layoutWeights(const Manifest &, const std::vector<bool> &prepared);

// An entry of the cache, mapped. Keeps the file's content alive even when others remove the file.
class CachedWeights {
 public:
  // Nothing when there is none, when it was cut short, or when a machine that crashed may have lost parts of it.
  static std::optional<CachedWeights> open(const std::string &path, const std::string &key, const WeightLayout &);
  const std::byte *at(uint64_t offset) const { return file_.bytes().data() + offset; }
  const MappedFile &file() const { return file_; }
  bool settled() const { return settled_; }

 private:
  MappedFile file_;
  bool settled_ = false;
};

// Writes an entry in a thread of its own while the parameters are packed, from where they lie, in time that processors
// have left over. A cache that can't be written (read-only home, full disk) is no reason to fail: then there is no entry.
// The destructor writes what is left, into the page cache, and does not wait for the disk.
class WeightWriter {
 public:
  // Null when the entry would be larger than the cache or the disk, or when another process is writing the same.
  static std::unique_ptr<WeightWriter> begin(const WeightCacheOptions &, const std::string &folder,
                                             const std::string &path, const std::string &key, const WeightLayout &);
  // The parameter is complete; its memory stays as it is until the writer is destroyed.
  void add(std::span<const std::byte> parameter, uint64_t offset);
  ~WeightWriter();  // an entry that lacks a parameter is dropped

 private:
  struct State;
  explicit WeightWriter(std::unique_ptr<State>);
  std::unique_ptr<State> state_;
};

// Brings an entry that is in the page cache alone to the disk, in the background, and marks it so: from then on it
// survives a crash. The destructor gives up early: a later start goes on.
class WeightSettler {
 public:
  explicit WeightSettler(std::string path);
  ~WeightSettler();

 private:
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

}  // namespace llc::compiler
