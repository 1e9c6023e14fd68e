#include "runtime/train/number_column.h"

#include <cstring>
#include <filesystem>

#include "runtime/base/mapped_file.h"
#include "runtime/base/output_file.h"

namespace llc::train {

std::optional<std::vector<float>> readColumn(const std::string &path, uint64_t sequences) {
  auto file = MappedFile::open(path);
  if (!file || file->bytes().size() != sequences * sizeof(float)) return std::nullopt;
  std::vector<float> column(sequences);
  std::memcpy(column.data(), file->bytes().data(), file->bytes().size());
  return column;
}

Status writeColumn(const std::string &path, const std::vector<float> &column) {
  std::error_code error;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), error);
  return writeFile(path, {reinterpret_cast<const char *>(column.data()), column.size() * sizeof(float)});
}

}  // namespace llc::train
