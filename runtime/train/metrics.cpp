#include "runtime/train/metrics.h"

#include <unistd.h>

#include "runtime/base/mapped_file.h"
#include "runtime/base/output_file.h"

namespace llc::train {

namespace {
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

namespace {
Status readPart(const std::string &path, std::vector<Record> &records) {
  LLC_ASSIGN(MappedFile file, MappedFile::open(path));
  std::string_view text = file.text();
  // A last line without its end was cut short.
  for (size_t end; (end = text.find('\n')) != std::string_view::npos; text.remove_prefix(end + 1))
    if (auto record = parseLine(text.substr(0, end))) records.push_back(std::move(*record));
  return success();
}

// What a run that was killed wrote of later steps, or wrote half. Files that are empty then were not there at that
// step.
Status removeAfter(const std::string &path, int64_t step) {
  for (const std::string &part : partsOf(path)) {
    std::vector<Record> records;
    LLC_TRY(readPart(part, records));
    std::string kept;
    for (const Record &record : records)
      if (record["step"].get<int64_t>() <= step) kept += lineOf(record);
    LLC_TRY(writeFile(part, kept));
    if (kept.empty()) ::unlink(part.c_str());
  }
  return renumberParts(path);
}
}  // namespace

Result<std::vector<Record>> readMetrics(const std::string &path) {
  std::vector<Record> records;
  std::vector<std::string> parts = partsOf(path);
  if (parts.empty()) parts.push_back(path);  // whose absence is the error
  for (const std::string &part : parts) LLC_TRY(readPart(part, records));
  return records;
}

Result<MetricsFile> MetricsFile::open(const std::string &path, int64_t step, const Rotation &rotation) {
  LLC_TRY(removeAfter(path, step));
  LLC_ASSIGN(RotatingFile file, RotatingFile::open(path, rotation));
  return MetricsFile(std::move(file));
}

Status MetricsFile::write(const Record &record) { return file_.append(lineOf(record)); }

}  // namespace llc::train
