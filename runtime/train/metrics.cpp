#include "runtime/train/metrics.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "runtime/base/mapped_file.h"
#include "runtime/base/output_file.h"

namespace llc::train {

namespace {
Error cannotWrite(const std::string &path) {
  return diagnose(errno == ENOSPC ? ErrorKind::resource : ErrorKind::invalidInput, path)
      .says(std::string("can't be written: ") + std::strerror(errno))
      .toFix("free space, or choose an --output-dir that you may write to");
}

std::optional<Record> parseLine(std::string_view line) {
  Record record = Record::parse(line, nullptr, false);
  if (!record.is_object()) return {};
  auto step = record.find("step");
  if (step == record.end() || !step->is_number_integer()) return {};
  return record;
}

std::string lineOf(const Record &record) {
  return record.dump(-1, ' ', false, Record::error_handler_t::replace) + "\n";
}
}  // namespace

std::vector<std::pair<std::string, double>> numbersOf(const Record &record) {
  std::vector<std::pair<std::string, double>> numbers;
  std::string event = record.value("event", "");
  if (event != "train" && event != "evaluation") return numbers;
  for (const auto &[name, value] : record.items())
    if (value.is_number() && name != "step") numbers.emplace_back(name, value.get<double>());
  return numbers;
}

Result<std::vector<Record>> readMetrics(const std::string &path) {
  LLC_ASSIGN(MappedFile file, MappedFile::open(path));
  std::vector<Record> records;
  std::string_view text = file.text();
  // A last line without its end was cut short.
  for (size_t end; (end = text.find('\n')) != std::string_view::npos; text.remove_prefix(end + 1))
    if (auto record = parseLine(text.substr(0, end))) records.push_back(std::move(*record));
  return records;
}

Result<MetricsFile> MetricsFile::open(const std::string &path, int64_t step) {
  std::error_code error;
  if (std::filesystem::exists(path, error)) {
    LLC_ASSIGN(auto records, readMetrics(path));
    std::string kept;
    for (const Record &record : records)
      if (record["step"].get<int64_t>() <= step) kept += lineOf(record);
    LLC_TRY(writeFile(path, kept));
  }
  MetricsFile file;
  file.path_ = path;
  file.descriptor_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (file.descriptor_ < 0) return cannotWrite(path);
  return file;
}

MetricsFile::MetricsFile(MetricsFile &&other) noexcept
    : path_(std::move(other.path_)), descriptor_(std::exchange(other.descriptor_, -1)) {}

MetricsFile::~MetricsFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Status MetricsFile::write(const Record &record) {
  std::string line = lineOf(record);
  for (size_t done = 0; done < line.size();) {
    ssize_t count = ::write(descriptor_, line.data() + done, line.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return cannotWrite(path_);
    done += size_t(count);
  }
  return success();
}

}  // namespace llc::train
