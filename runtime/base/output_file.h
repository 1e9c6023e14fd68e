// A file that appears whole or not at all: written under a temporary name beside the target, renamed by commit().
// Without commit() (an error, an exception) the destructor removes the temporary file. While it is written it is locked
// (flock), so that one left behind by a process that was killed can be told from one in use.
//
// Bytes go to the system in whole huge pages, at such pages' boundaries: then file systems that can (ext4, xfs, btrfs
// on recent kernels) keep the file in huge pages, and who maps it has as few TLB misses as with memory of its own.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/status.h"

namespace llc {

class OutputFile {
 public:
  // `executable`: the file gets the permission to be run.
  static Result<OutputFile> create(const std::string &path, bool executable = false);
  OutputFile(OutputFile &&other) noexcept;
  OutputFile &operator=(OutputFile &&other) noexcept;
  ~OutputFile();

  // Errors, here or in commit(): resource (disk full, quota), naming the path.
  Status write(std::span<const std::byte> bytes);
  Status write(std::string_view text) { return write(std::as_bytes(std::span(text.data(), text.size()))); }
  Status padTo(uint64_t alignment);                                   // zeros up to the next multiple
  Status writeAt(uint64_t offset, std::span<const std::byte> bytes);  // over bytes that are already written
  uint64_t size() const { return size_; }
  // Renames. `durable`: after an fsync, so that a crash of the machine leaves the old file or the whole new one.
  Status commit(bool durable = true);

 private:
  OutputFile() = default;
  void abandon();
  Status put(uint64_t offset, std::span<const std::byte> bytes);
  int descriptor_ = -1;
  uint64_t size_ = 0;
  std::vector<std::byte> pending_;  // the last bytes, fewer than a huge page
  std::string path_, temporary_;
};

// A file of this text, whole or not at all.
Status writeFile(const std::string &path, std::string_view text);

}  // namespace llc
