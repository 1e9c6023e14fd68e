#include "runtime/base/file_hash.h"

#include "runtime/base/mapped_file.h"
#include "runtime/base/sha256.h"

namespace llc {

Result<FileHash> hashFile(const std::string &path) {
  LLC_ASSIGN(MappedFile file, MappedFile::open(path));
  file.adviseSequential();
  Sha256 hash;
  constexpr uint64_t step = uint64_t(16) << 20;
  for (uint64_t at = 0; at < file.size(); at += step) {
    uint64_t count = std::min<uint64_t>(step, file.size() - at);
    hash.update(file.bytes().subspan(at, count));
    file.release(at, count);
  }
  return FileHash{file.size(), hash.hex()};
}

}  // namespace llc
