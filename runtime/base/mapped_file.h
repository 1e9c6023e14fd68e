// A whole file, mapped read-only. Copies share the mapping; it goes away with the last of them.
#pragma once
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "runtime/base/status.h"

namespace llc {

class MappedFile {
 public:
  MappedFile() = default;
  // Errors: notFound (no such file, a directory, not readable). An empty file gives an empty span.
  static Result<MappedFile> open(const std::string &path);

  std::span<const std::byte> bytes() const { return bytes_; }
  std::string_view text() const { return {reinterpret_cast<const char *>(bytes_.data()), bytes_.size()}; }
  size_t size() const { return bytes_.size(); }
  const std::string &path() const { return path_; }
  int64_t modified() const { return modified_; }  // when the file was changed last: nanoseconds since 1970

  // Bytes [offset, offset + length), refused (invalidInput) when the file is shorter; `what` names the part in the
  // error.
  Result<std::span<const std::byte>> slice(uint64_t offset, uint64_t length, std::string_view what) const;

  // Tells the kernel how the bytes will be read: once from front to back, or again and again.
  void adviseSequential() const;
  void adviseWillNeed() const;
  // Asks for huge pages, which file systems that have them then read and map: for what is streamed through often.
  void adviseHugePages() const;
  // Gives the pages of [offset, offset + length) back: for streaming through a file that is larger than memory.
  void release(uint64_t offset, uint64_t length) const;

 private:
  std::shared_ptr<const void> mapping_;
  std::span<const std::byte> bytes_;
  std::string path_;
  int64_t modified_ = 0;
};

// A small text file as a string; refused when it is larger than `limit` bytes.
Result<std::string> readTextFile(const std::string &path, uint64_t limit = uint64_t(1) << 30);

// a + b and a * b of sizes read from files; nothing when the result does not fit in 64 bits.
inline std::optional<uint64_t> checkedAdd(uint64_t a, uint64_t b) {
  uint64_t sum;
  return __builtin_add_overflow(a, b, &sum) ? std::nullopt : std::optional(sum);
}
inline std::optional<uint64_t> checkedMultiply(uint64_t a, uint64_t b) {
  uint64_t product;
  return __builtin_mul_overflow(a, b, &product) ? std::nullopt : std::optional(product);
}

}  // namespace llc
