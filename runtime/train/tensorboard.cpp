#include "runtime/train/tensorboard.h"

#include <fcntl.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <filesystem>

#include "runtime/train/wire_format.h"

namespace llc::train {

namespace {
// A CRC of data that holds CRCs is weak: TFRecord turns and shifts them.
uint32_t masked(std::string_view bytes) { return std::rotr(crc32c(bytes), 15) + 0xa282ead8u; }

// Event: wall_time = 1, step = 2, file_version = 3, summary = 5, session_log = 7.
std::string eventAt(double wallTime, int64_t step) {
  std::string event;
  addKey(event, 1, WireType::fixed64);
  addFixed(event, wallTime);
  if (step == 0) return event;  // what has its default is not written
  addInteger(event, 2, step);
  return event;
}

Error cannotWriteEvents(const std::string &path) {
  return diagnose(errno == ENOSPC ? ErrorKind::resource : ErrorKind::invalidInput, path)
      .says(std::string("can't be written: ") + std::strerror(errno))
      .toFix("free space, or train without the tensorboard tracker");
}
}  // namespace

uint32_t crc32c(std::string_view bytes) { return crcOf<0x82F63B78>(bytes); }

std::string tfRecord(std::string_view data) {
  std::string record;
  addFixed(record, uint64_t(data.size()));
  addFixed(record, masked(record));
  record += data;
  addFixed(record, masked(data));
  return record;
}

std::string versionEvent(double wallTime) {
  std::string event = eventAt(wallTime, 0);
  addBytes(event, 3, "brain.Event:2");
  return event;
}

std::string restartEvent(double wallTime, int64_t step) {
  std::string event = eventAt(wallTime, step), log;
  addInteger(log, 1, 1);  // SessionLog: status = 1, START = 1
  addBytes(event, 7, log);
  return event;
}

std::string scalarsEvent(double wallTime, int64_t step, const std::vector<std::pair<std::string, float>> &scalars) {
  std::string summary;
  for (const auto &[tag, number] : scalars) {
    std::string value;  // Summary.Value: tag = 1, simple_value = 2
    addBytes(value, 1, tag);
    addKey(value, 2, WireType::fixed32);
    addFixed(value, number);
    addBytes(summary, 1, value);
  }
  std::string event = eventAt(wallTime, step);
  addBytes(event, 5, summary);
  return event;
}

Result<std::unique_ptr<TensorBoardFile>> TensorBoardFile::create(const std::string &directory, int64_t step) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  char host[256] = "localhost";
  gethostname(host, sizeof(host) - 1);
  std::unique_ptr<TensorBoardFile> file(new TensorBoardFile);
  double time = timeOfDay();
  file->path_ = fmt::format("{}/events.out.tfevents.{:010}.{}.{}.0", directory, int64_t(time), host, getpid());
  file->descriptor_ = ::open(file->path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (file->descriptor_ < 0) return cannotWriteEvents(file->path_);
  LLC_TRY(file->append(versionEvent(time)));
  if (step > 0) LLC_TRY(file->append(restartEvent(time, step + 1)));
  return file;
}

TensorBoardFile::~TensorBoardFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Status TensorBoardFile::append(std::string_view event) {
  std::string record = tfRecord(event);
  if (::write(descriptor_, record.data(), record.size()) != ssize_t(record.size())) return cannotWriteEvents(path_);
  return success();
}

Status TensorBoardFile::write(const Record &record) {
  std::vector<std::pair<std::string, float>> scalars;
  for (const auto &[name, value] : numbersOf(record)) scalars.emplace_back(name, float(value));
  if (scalars.empty()) return success();
  return append(scalarsEvent(timeOfDay(), record["step"].get<int64_t>(), scalars));
}

}  // namespace llc::train
