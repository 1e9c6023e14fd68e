#include "runtime/base/output_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "runtime/base/memory.h"

namespace llc {

namespace {

Error cannotWrite(const std::string &path, int code) {
  auto why = std::string("cannot be written: ") + std::strerror(code);
  bool full = code == ENOSPC || code == EDQUOT || code == EFBIG;
  return diagnose(full ? ErrorKind::resource : ErrorKind::invalidInput, path)
      .says(why)
      .toFix(full ? "free space on that disk or write elsewhere; nothing was left behind"
                  : "choose a directory that exists and that you may write to");
}
// A finished file replaces what stood at its path: that must not be a device, a pipe or a directory.
Status checkReplaceable(const std::string &path) {
  struct stat status;
  if (::stat(path.c_str(), &status) != 0 || S_ISREG(status.st_mode)) return success();
  return diagnose(ErrorKind::invalidInput, path)
      .says(S_ISDIR(status.st_mode) ? "is a directory" : "exists and is no regular file (a device, pipe or socket)")
      .toFix("name a file that does not exist yet, or one to replace");
}
}  // namespace

Result<OutputFile> OutputFile::create(const std::string &path, bool executable) {
  LLC_TRY(checkReplaceable(path));
  OutputFile file;
  file.path_ = path;
  file.temporary_ = path + ".partial-XXXXXX";
  file.descriptor_ = mkostemp(file.temporary_.data(), O_CLOEXEC);
  if (file.descriptor_ < 0) {
    file.temporary_.clear();
    return cannotWrite(path, errno);
  }
  flock(file.descriptor_, LOCK_EX | LOCK_NB);  // tells others that its writer lives
  // mkostemp makes the file private; a result should have the permissions that any new file gets.
  mode_t mask = umask(0);
  umask(mask);
  fchmod(file.descriptor_, mode_t(executable ? 0777 : 0666) & ~mask);
  return file;
}

OutputFile::OutputFile(OutputFile &&other) noexcept { *this = std::move(other); }
OutputFile &OutputFile::operator=(OutputFile &&other) noexcept {
  if (this == &other) return *this;
  abandon();
  descriptor_ = std::exchange(other.descriptor_, -1);
  size_ = other.size_;
  pending_ = std::move(other.pending_);
  path_ = std::move(other.path_);
  temporary_ = std::exchange(other.temporary_, {});
  return *this;
}
OutputFile::~OutputFile() { abandon(); }

void OutputFile::abandon() {
  if (descriptor_ >= 0) ::close(descriptor_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
  descriptor_ = -1;
  temporary_.clear();
}

Status OutputFile::write(std::span<const std::byte> bytes) {
  uint64_t start = size_ - pending_.size();  // of the pending bytes: a huge page's boundary
  size_ += bytes.size();
  auto keep = [&](std::span<const std::byte> part) { pending_.insert(pending_.end(), part.begin(), part.end()); };
  if (size_ - start >= hugePage && !pending_.empty()) {
    auto head = bytes.first(hugePage - pending_.size());
    keep(head);
    LLC_TRY(put(start, pending_));
    pending_.clear();
    start += hugePage;
    bytes = bytes.subspan(head.size());
  }
  uint64_t whole = pending_.empty() ? bytes.size() / hugePage * hugePage : 0;
  LLC_TRY(put(start, bytes.first(whole)));
  keep(bytes.subspan(whole));
  return success();
}

Status OutputFile::writeAt(uint64_t offset, std::span<const std::byte> bytes) {
  assert(offset + bytes.size() <= size_);
  uint64_t start = size_ - pending_.size(), below = offset < start ? std::min(start - offset, bytes.size()) : 0;
  LLC_TRY(put(offset, bytes.first(below)));
  std::copy(bytes.begin() + ptrdiff_t(below), bytes.end(), pending_.begin() + ptrdiff_t(offset + below - start));
  return success();
}

Status OutputFile::put(uint64_t offset, std::span<const std::byte> bytes) {
  assert(descriptor_ >= 0);
  while (!bytes.empty()) {
    ssize_t count = ::pwrite(descriptor_, bytes.data(), bytes.size(), off_t(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return cannotWrite(path_, count < 0 ? errno : ENOSPC);
    bytes = bytes.subspan(size_t(count));
    offset += uint64_t(count);
  }
  return success();
}

Status OutputFile::padTo(uint64_t alignment) {
  static constexpr std::byte zeros[4096] = {};
  uint64_t missing = (alignment - size_ % alignment) % alignment;
  while (missing) {
    uint64_t piece = std::min<uint64_t>(missing, sizeof(zeros));
    LLC_TRY(write(std::span(zeros, piece)));
    missing -= piece;
  }
  return success();
}

Status OutputFile::commit(bool durable) {
  LLC_TRY(put(size_ - pending_.size(), pending_));
  pending_ = {};
  // Some file systems report a full disk only here.
  if (durable && fsync(descriptor_) != 0 && errno != EINVAL && errno != EROFS) return cannotWrite(path_, errno);
  if (::close(std::exchange(descriptor_, -1)) != 0) return cannotWrite(path_, errno);
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) return cannotWrite(path_, errno);
  temporary_.clear();
  return success();
}

Status writeFile(const std::string &path, std::string_view text) {
  LLC_ASSIGN(OutputFile file, OutputFile::create(path));
  LLC_TRY(file.write(text));
  return file.commit();
}

}  // namespace llc
