// Size and SHA-256 of a file, which may be larger than memory.
#pragma once
#include <cstdint>
#include <string>

#include "runtime/base/status.h"

namespace llc {

struct FileHash {
  uint64_t bytes = 0;
  std::string sha256;  // 64 lower-case digits
  bool operator==(const FileHash &) const = default;
};
// Errors: those of MappedFile::open.
Result<FileHash> hashFile(const std::string &path);

}  // namespace llc
