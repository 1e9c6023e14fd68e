#include "runtime/train/wandb.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>
#include <filesystem>

#include "runtime/train/wire_format.h"

namespace llc::train {

namespace {
constexpr size_t blockSize = 32768, headSize = 7;

// CRC-32 as zlib has it; TFRecord's is another.
uint32_t crc32(std::string_view bytes) { return crcOf<0xEDB88320>(bytes); }

// Numbers of fields: Record has num 1, history 2, summary 3, run 17, exit 18, header 21, _info 200.
std::string numbered(int64_t number, uint64_t field, const std::string &message) {
  std::string record;
  addInteger(record, 1, number);
  addBytes(record, field, message);
  return record;
}
// ConfigItem, HistoryItem and SummaryItem: key 1 (or nested_key 2), value_json 16.
void addItem(std::string &to, uint64_t field, uint64_t keyField, const std::string &key, const std::string &json) {
  std::string item;
  addBytes(item, keyField, key);
  addBytes(item, 16, json);
  addBytes(to, field, item);
}

std::string timeText(double time) {
  std::time_t whole = std::time_t(time);
  std::tm parts = {};
  gmtime_r(&whole, &parts);
  char text[32];
  std::strftime(text, sizeof(text), "%Y%m%d_%H%M%S", &parts);
  return text;
}

Error cannotWriteRun(const std::string &path) {
  return diagnose(errno == ENOSPC ? ErrorKind::resource : ErrorKind::invalidInput, path)
      .says(std::string("can't be written: ") + std::strerror(errno))
      .toFix("free space, or train without the wandb tracker");
}

std::string jsonOf(double number) { return OrderedJson(number).dump(); }

// A number or list as it is, a text in quotes.
std::vector<std::pair<std::string, std::string>> valuesOf(const OrderedJson &config) {
  std::vector<std::pair<std::string, std::string>> values;
  for (const auto &[name, value] : config.items())
    if (!value.is_null()) values.emplace_back(name, value.dump(-1, ' ', false, OrderedJson::error_handler_t::replace));
  return values;
}

std::vector<std::pair<std::string, std::string>> textsOf(const std::map<std::string, double> &numbers) {
  std::vector<std::pair<std::string, std::string>> texts;
  for (const auto &[name, number] : numbers) texts.emplace_back(name, jsonOf(number));
  return texts;
}
}  // namespace

std::string WandbLog::header() { return std::string(":W&B\xe1\xbe\0", headSize); }

std::string WandbLog::record(std::string_view message, uint64_t written) {
  enum Kind : char { full = 1, first, middle, last };
  std::string out;
  for (bool begun = false;; begun = true) {
    size_t room = blockSize - (written + out.size()) % blockSize;
    if (room < headSize) out.append(room, '\0'), room = blockSize;
    std::string_view part = message.substr(0, room - headSize);
    message.remove_prefix(part.size());
    char kind = message.empty() ? (begun ? last : full) : begun ? middle : first;
    addFixed(out, crc32(kind + std::string(part)));
    addFixed(out, uint16_t(part.size()));
    out += kind;
    out += part;
    if (message.empty()) return out;
  }
}

std::string wandbHeader(int64_t number) {
  std::string version, header;
  addBytes(version, 1, "llc-model");
  addBytes(version, 2, "0.70.0");  // the oldest reader
  addBytes(header, 1, version);
  return numbered(number, 21, header);
}

std::string wandbRun(int64_t number, const std::string &id, const std::string &name, int64_t startSeconds,
                     const std::vector<std::pair<std::string, std::string>> &config) {
  std::string run, update, time;
  addBytes(run, 1, id);
  addBytes(run, 3, "llc-model");  // project
  for (const auto &[key, json] : config) addItem(update, 1, 1, key, json);
  addBytes(run, 4, update);
  addBytes(run, 8, name);
  addInteger(time, 1, startSeconds);
  addBytes(run, 17, time);
  return numbered(number, 17, run);
}

std::string wandbHistory(int64_t number, int64_t step, const std::vector<std::pair<std::string, std::string>> &values) {
  std::string history, stepMessage;
  for (const auto &[key, json] : values) addItem(history, 1, 2, key, json);
  addInteger(stepMessage, 1, step);
  addBytes(history, 2, stepMessage);
  return numbered(number, 2, history);
}

std::string wandbSummary(int64_t number, const std::vector<std::pair<std::string, std::string>> &values) {
  std::string summary;
  for (const auto &[key, json] : values) addItem(summary, 1, 2, key, json);
  return numbered(number, 3, summary);
}

std::string wandbExit(int64_t number, const std::string &id, int code) {
  std::string exit, info;
  if (code) addInteger(exit, 1, code);
  std::string record = numbered(number, 18, exit);
  addBytes(info, 1, id);  // _RecordInfo: stream_id
  addBytes(record, 200, info);
  return record;
}

Result<std::unique_ptr<WandbFile>> WandbFile::create(const TrackedRun &run) {
  std::unique_ptr<WandbFile> file(new WandbFile);
  file->id_ = runIdOf(run, 8);
  file->start_ = timeOfDay();
  std::string folder = fmt::format("{}/wandb/offline-run-{}-{}", run.parent, timeText(file->start_), file->id_);
  std::error_code error;
  std::filesystem::create_directories(folder + "/files", error);
  file->path_ = fmt::format("{}/run-{}.wandb", folder, file->id_);
  file->descriptor_ = ::open(file->path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (file->descriptor_ < 0) return cannotWriteRun(file->path_);
  std::string header = WandbLog::header();
  if (::write(file->descriptor_, header.data(), header.size()) != ssize_t(header.size()))
    return cannotWriteRun(file->path_);
  file->written_ = header.size();
  LLC_TRY(file->append(wandbHeader(++file->number_)));
  LLC_TRY(file->append(wandbRun(++file->number_, file->id_, std::filesystem::path(run.directory).filename().string(),
                                int64_t(file->start_), valuesOf(run.config))));
  return file;
}

WandbFile::~WandbFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Status WandbFile::append(const std::string &message) {
  std::string bytes = WandbLog::record(message, written_);
  if (::write(descriptor_, bytes.data(), bytes.size()) != ssize_t(bytes.size())) return cannotWriteRun(path_);
  written_ += bytes.size();
  return success();
}

Status WandbFile::flush() {
  if (pending_.empty()) return success();
  double time = timeOfDay();
  pending_["_step"] = double(pendingStep_), pending_["_timestamp"] = time, pending_["_runtime"] = time - start_;
  auto values = textsOf(pending_);
  for (auto &[name, json] : values)
    if (name == "_step") json = std::to_string(pendingStep_);
  for (const auto &[name, number] : pending_) summary_[name] = number;
  pending_.clear();
  return append(wandbHistory(++number_, pendingStep_, values));
}

Status WandbFile::write(const Record &record) {
  auto numbers = numbersOf(record);
  if (numbers.empty()) return success();
  int64_t step = record["step"].get<int64_t>();
  if (step != pendingStep_) LLC_TRY(flush());
  pendingStep_ = step;
  for (const auto &[name, number] : numbers) pending_[name] = number;
  return success();
}

Status WandbFile::finish(RunEnd end) {
  LLC_TRY(flush());
  LLC_TRY(append(wandbSummary(++number_, textsOf(summary_))));
  return append(wandbExit(++number_, id_, end == RunEnd::failed ? 1 : 0));
}

}  // namespace llc::train
