#include "runtime/base/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace llc {

namespace {
Error cannotOpen(const std::string &path, int code) {
  auto why = std::string("cannot be opened: ") + std::strerror(code);
  return diagnose(ErrorKind::notFound, path).says(why).toFix("check the path and its permissions");
}

// The descriptor of a regular file and its size.
struct OpenFile {
  int descriptor = -1;
  size_t size = 0;
  int64_t modified = 0;
};
Result<OpenFile> openRegular(const std::string &path) {
  int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return cannotOpen(path, errno);
  struct stat info;
  if (fstat(descriptor, &info) != 0 || !S_ISREG(info.st_mode)) {
    ::close(descriptor);
    return diagnose(ErrorKind::notFound, path).says("is not a regular file").toFix("name the file itself");
  }
  int64_t modified = int64_t(info.st_mtim.tv_sec) * 1'000'000'000 + info.st_mtim.tv_nsec;
  return OpenFile{descriptor, size_t(info.st_size), modified};
}
}  // namespace

Result<MappedFile> MappedFile::open(const std::string &path) {
  LLC_ASSIGN(OpenFile file, openRegular(path));
  MappedFile result;
  result.path_ = path;
  result.modified_ = file.modified;
  if (file.size == 0) {
    ::close(file.descriptor);
    return result;
  }
  void *address = mmap(nullptr, file.size, PROT_READ, MAP_PRIVATE, file.descriptor, 0);
  int code = errno;
  ::close(file.descriptor);
  if (address == MAP_FAILED) {
    auto why = std::string("cannot be mapped: ") + std::strerror(code);
    return diagnose(ErrorKind::resource, path).says(why).toFix("raise the limit of virtual memory (ulimit -v)");
  }
  size_t size = file.size;
  result.mapping_ =
      std::shared_ptr<const void>(address, [size](const void *p) { munmap(const_cast<void *>(p), size); });
  result.bytes_ = {static_cast<const std::byte *>(address), size};
  return result;
}

Result<std::span<const std::byte>> MappedFile::slice(uint64_t offset, uint64_t length, std::string_view what) const {
  if (offset <= size() && length <= size() - offset) return bytes_.subspan(offset, length);
  return diagnose(ErrorKind::invalidInput, path_)
      .says(fmt::format("{} should take the bytes {} to {}+{}, but the file ends at {}", what, offset, offset, length,
                        size()))
      .toFix("the file was cut short or is damaged: fetch or make it again");
}

void MappedFile::adviseSequential() const {
  if (size()) madvise(const_cast<std::byte *>(bytes_.data()), size(), MADV_SEQUENTIAL);
}
void MappedFile::adviseWillNeed() const {
  if (size()) madvise(const_cast<std::byte *>(bytes_.data()), size(), MADV_WILLNEED);
}

void MappedFile::adviseHugePages() const {
  if (size()) madvise(const_cast<std::byte *>(bytes_.data()), size(), MADV_HUGEPAGE);
}

void MappedFile::release(uint64_t offset, uint64_t length) const {
  // Whole pages inside the range only: neighbours may still be in use.
  const uint64_t page = uint64_t(sysconf(_SC_PAGESIZE));
  if (offset > size() || length > size() - offset) return;
  uint64_t begin = (offset + page - 1) / page * page, end = (offset + length) / page * page;
  if (begin < end) madvise(const_cast<std::byte *>(bytes_.data()) + begin, end - begin, MADV_DONTNEED);
}

Result<std::string> readTextFile(const std::string &path, uint64_t limit) {
  LLC_ASSIGN(OpenFile file, openRegular(path));
  if (file.size > limit) {
    ::close(file.descriptor);
    return diagnose(ErrorKind::invalidInput, path)
        .says(fmt::format("has {} bytes, at most {} make sense here", file.size, limit))
        .toFix("check that this is the file you meant");
  }
  std::string text(file.size, '\0');
  size_t filled = 0;
  while (filled < text.size()) {
    ssize_t count = ::read(file.descriptor, text.data() + filled, text.size() - filled);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    filled += size_t(count);
  }
  ::close(file.descriptor);
  if (filled < text.size())
    return diagnose(ErrorKind::invalidInput, path)
        .says(fmt::format("ended after {} of {} bytes", filled, text.size()))
        .toFix("try again when nobody writes to the file");
  return text;
}

}  // namespace llc
