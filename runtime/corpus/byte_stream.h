// The bytes of a file, read once from front to back: as they are, or as they were before gzip or zstd. Memory is
// bounded whatever the file claims (a zstd window is at most 128 MiB).
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "runtime/base/status.h"

namespace llc::corpus {

class ByteStream {
 public:
  // What the bytes begin with decides how they are read, not the name. Errors: notFound; unsupported for Parquet and
  // Arrow, which are not read as a stream.
  static Result<std::unique_ptr<ByteStream>> open(const std::string &path);
  virtual ~ByteStream() = default;

  // Fills `buffer` as far as there is something: 0 only at the end. Errors: invalidInput (compressed data that is
  // broken or ends too early), with the offset in the file.
  virtual Result<size_t> read(std::span<char> buffer) = 0;
  virtual uint64_t consumed() const = 0;  // bytes of the file itself that were used so far
};

}  // namespace llc::corpus
