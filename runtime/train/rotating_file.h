// A log that does not grow without end: when it reaches its size it becomes NAME.1, what was NAME.1 becomes NAME.2, and
// so on; the oldest is removed.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/status.h"

namespace llc::train {

struct Rotation {
  uint64_t bytes = 0;  // largest size of a file, unless a single line is longer; 0: one file that grows
  int64_t keep = 5;    // older files that are kept
};

class RotatingFile {
 public:
  // Goes on at the end of the file that there is. Error: it can't be written.
  static Result<RotatingFile> open(const std::string &path, const Rotation &rotation);
  RotatingFile(RotatingFile &&other) noexcept;
  RotatingFile &operator=(RotatingFile &&) = delete;
  ~RotatingFile();
  // A whole line. It is in the file when this returns, whatever becomes of the process. Error: the disk's.
  Status append(std::string_view line);

 private:
  RotatingFile() = default;
  Status reopen();
  Status rotate();
  std::string path_;
  Rotation rotation_;
  uint64_t size_ = 0;
  int descriptor_ = -1;
};

// The files of a log that are there, the oldest first; the last one is `path` itself. A kill amid a rotation leaves a
// number out.
std::vector<std::string> partsOf(const std::string &path);
// When the newest parts are gone: the others take their names.
Status renumberParts(const std::string &path);

}  // namespace llc::train
