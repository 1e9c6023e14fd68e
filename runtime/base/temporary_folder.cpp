#include "runtime/base/temporary_folder.h"

#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>

namespace llc {

Result<TemporaryFolder> TemporaryFolder::make(std::string_view room) {
  std::error_code error;
  std::string pattern = (std::filesystem::temp_directory_path(error) / "llc-model-XXXXXX").string();
  if (error || !mkdtemp(pattern.data()))
    return diagnose(ErrorKind::resource, "temporary folder")
        .says("can't be made")
        .toFix(fmt::format("set TMPDIR to a folder that can be written and has {} free", room));
  return TemporaryFolder(pattern);
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
}

}  // namespace llc
