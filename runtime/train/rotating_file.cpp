#include "runtime/train/rotating_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "runtime/base/json_read.h"

namespace llc::train {

namespace {
namespace fs = std::filesystem;

Error cannotWriteLog(const std::string &path) {
  return diagnose(errno == ENOSPC ? ErrorKind::resource : ErrorKind::invalidInput, path)
      .says(std::string("can't be written: ") + std::strerror(errno))
      .toFix("free space, or choose an --output-dir that you may write to");
}

std::string partName(const std::string &path, int64_t number) {
  return number == 0 ? path : fmt::format("{}.{}", path, number);
}

bool partExists(const std::string &path) {
  std::error_code error;
  return fs::exists(path, error);
}

Status renamePart(const std::string &from, const std::string &to) {
  return ::rename(from.c_str(), to.c_str()) == 0 ? success() : Status(cannotWriteLog(to));
}

// In rising order; 0 is the file itself.
std::vector<int64_t> partNumbers(const std::string &path) {
  std::vector<int64_t> numbers;
  if (partExists(path)) numbers.push_back(0);
  fs::path folder = fs::path(path).parent_path();
  std::string begin = fs::path(path).filename().string() + ".";
  std::error_code error;
  for (const auto &entry : fs::directory_iterator(folder.empty() ? "." : folder, error)) {
    std::string name = entry.path().filename().string();
    if (!name.starts_with(begin)) continue;
    std::string digits = name.substr(begin.size());
    bool isNumber = digits.size() < 10 && !digits.empty() && digits[0] != '0' &&
                    digits.find_first_not_of("0123456789") == digits.npos;
    if (isNumber) numbers.push_back(std::stoll(digits));
  }
  std::ranges::sort(numbers);
  return numbers;
}
}  // namespace

std::vector<std::string> partsOf(const std::string &path) {
  std::vector<std::string> parts;
  for (int64_t number : partNumbers(path)) parts.insert(parts.begin(), partName(path, number));
  return parts;
}

Status renumberParts(const std::string &path) {
  int64_t next = 0;
  for (int64_t number : partNumbers(path)) {
    if (number != next) LLC_TRY(renamePart(partName(path, number), partName(path, next)));
    ++next;
  }
  return success();
}

Result<RotatingFile> RotatingFile::open(const std::string &path, const Rotation &rotation) {
  RotatingFile file;
  file.path_ = path;
  file.rotation_ = rotation;
  LLC_TRY(file.reopen());
  return file;
}

RotatingFile::RotatingFile(RotatingFile &&other) noexcept
    : path_(std::move(other.path_)),
      rotation_(other.rotation_),
      size_(other.size_),
      descriptor_(std::exchange(other.descriptor_, -1)) {}

RotatingFile::~RotatingFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Status RotatingFile::reopen() {
  if (descriptor_ >= 0) ::close(descriptor_);
  descriptor_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (descriptor_ < 0) return cannotWriteLog(path_);
  struct stat status = {};
  size_ = fstat(descriptor_, &status) == 0 ? uint64_t(status.st_size) : 0;
  return success();
}

// Only up to the first number that is free: after a kill amid this, what is left to be done is done the next time.
Status RotatingFile::rotate() {
  int64_t free = 1;
  while (free < rotation_.keep && partExists(partName(path_, free))) ++free;
  for (; free > 0 && rotation_.keep > 0; --free) LLC_TRY(renamePart(partName(path_, free - 1), partName(path_, free)));
  for (int64_t number : partNumbers(path_))
    if (number > rotation_.keep || (number == 0 && rotation_.keep == 0)) ::unlink(partName(path_, number).c_str());
  return reopen();
}

Status RotatingFile::append(std::string_view line) {
  if (rotation_.bytes && size_ && size_ + line.size() > rotation_.bytes) LLC_TRY(rotate());
  size_ += line.size();
  for (size_t done = 0; done < line.size();) {
    ssize_t count = ::write(descriptor_, line.data() + done, line.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return cannotWriteLog(path_);
    done += size_t(count);
  }
  return success();
}

}  // namespace llc::train
