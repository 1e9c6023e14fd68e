// A folder for what is needed only for a while.
#pragma once
#include <string>
#include <string_view>
#include <utility>

#include "runtime/base/status.h"

namespace llc {

// Where temporary files belong (TMPDIR); removed with all that is in it.
class TemporaryFolder {
 public:
  // Error: none can be made. Its remedy asks for `room`, as in "20 MB".
  static Result<TemporaryFolder> make(std::string_view room);
  TemporaryFolder(TemporaryFolder &&other) noexcept : path_(std::exchange(other.path_, "")) {}
  TemporaryFolder &operator=(TemporaryFolder &&) = delete;
  ~TemporaryFolder();
  const std::string &path() const { return path_; }

 private:
  explicit TemporaryFolder(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

}  // namespace llc
