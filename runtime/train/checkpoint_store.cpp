#include "runtime/train/checkpoint_store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <ctime>
#include <filesystem>
#include <set>

#include "runtime/base/mapped_file.h"
#include "runtime/base/output_file.h"

namespace llc::train {

namespace fs = std::filesystem;

namespace {
constexpr const char *unfinished = ".tmp-";

// A whole text as a number from 0.
std::optional<int64_t> numberIn(std::string_view text) {
  int64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0 || text.starts_with('-')) return {};
  return value;
}

// "20261126-064031-v003-step-1200"
std::optional<CheckpointEntry> parseName(const std::string &name) {
  size_t version = name.find("-v"), step = name.find("-step-");
  if (version != 15 || step == std::string::npos || step < version) return {};
  auto v = numberIn(std::string_view(name).substr(version + 2, step - version - 2));
  auto s = numberIn(std::string_view(name).substr(step + 6));
  if (!v || !s) return {};
  return CheckpointEntry{name, *v, *s};
}

std::string nameOf(int64_t version, int64_t step) {
  std::time_t now = std::time(nullptr);
  std::tm utc = {};
  gmtime_r(&now, &utc);
  char time[32];
  std::strftime(time, sizeof(time), "%Y%m%d-%H%M%S", &utc);
  return fmt::format("{}-v{:03}-step-{}", time, version, step);
}

Error cannotMake(const std::string &path, int code) {
  bool full = code == ENOSPC || code == EDQUOT;
  return diagnose(full ? ErrorKind::resource : ErrorKind::invalidInput, path)
      .says(std::string("can't be made: ") + std::strerror(code))
      .toFix(full ? "free space on that disk; the checkpoints before are as they were"
                  : "choose a directory that you may write to");
}

// So that the names in it survive a crash of the machine.
void syncDirectory(const std::string &path) {
  int descriptor = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return;
  fsync(descriptor);
  ::close(descriptor);
}

// Half-written checkpoints, half-removed ones, and files of writeFile().
void removeUnfinished(const std::string &directory) {
  std::error_code error;
  std::vector<fs::path> leftovers;
  for (const auto &entry : fs::directory_iterator(directory, error)) {
    std::string name = entry.path().filename().string();
    if (name.starts_with(unfinished) || name.find(".partial-") != std::string::npos) leftovers.push_back(entry.path());
  }
  for (const fs::path &path : leftovers) fs::remove_all(path, error);
}

Result<int> lockDirectory(const std::string &directory) {
  std::string path = directory + "/.lock";
  int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (descriptor < 0) return cannotMake(path, errno);
  if (flock(descriptor, LOCK_EX | LOCK_NB) == 0) return descriptor;
  ::close(descriptor);
  return diagnose(ErrorKind::resource, directory)
      .says("another process is training there")
      .toFix("wait for it, or choose another --output-dir or --run-name");
}
}  // namespace

Result<CheckpointStore> CheckpointStore::open(const std::string &directory, const KeepRules &keep,
                                              const CheckpointLayout &layout) {
  std::error_code error;
  fs::create_directories(directory, error);
  if (error) return cannotMake(directory, error.value());
  CheckpointStore store;
  store.directory_ = directory;
  store.keep_ = keep;
  store.layout_ = layout;
  LLC_ASSIGN(store.lock_, lockDirectory(directory));
  removeUnfinished(directory);
  return store;
}

CheckpointStore::~CheckpointStore() {
  if (lock_ >= 0) ::close(lock_);
}

void CheckpointStore::swap(CheckpointStore &other) {
  std::swap(directory_, other.directory_);
  std::swap(resumed_, other.resumed_);
  std::swap(keep_, other.keep_);
  std::swap(layout_, other.layout_);
  std::swap(lock_, other.lock_);
}

std::vector<CheckpointEntry> CheckpointStore::list() const {
  std::vector<CheckpointEntry> entries;
  std::error_code error;
  for (const auto &entry : fs::directory_iterator(directory_, error))
    if (auto parsed = parseName(entry.path().filename().string()); parsed && entry.is_directory(error))
      entries.push_back(*parsed);
  std::sort(entries.begin(), entries.end(),
            [](const CheckpointEntry &a, const CheckpointEntry &b) { return a.version < b.version; });
  return entries;
}

Result<std::string> CheckpointStore::save(const CheckpointContent &content, bool isBest) {
  std::vector<CheckpointEntry> before = list();
  std::string name = nameOf(before.empty() ? 1 : before.back().version + 1, content.trainer.step);
  std::string temporary = path(unfinished + name), target = path(name);
  std::error_code error;
  fs::remove_all(temporary, error);
  if (!fs::create_directory(temporary, error)) return cannotMake(temporary, error ? error.value() : EEXIST);
  Status written = writeCheckpoint(temporary, content, layout_);
  if (!written) {
    fs::remove_all(temporary, error);
    return std::move(written.error());
  }
  syncDirectory(temporary);
  if (::rename(temporary.c_str(), target.c_str()) != 0) return cannotMake(target, errno);
  syncDirectory(directory_);
  LLC_TRY(writeFile(path("latest"), name + "\n"));
  if (isBest) LLC_TRY(writeFile(path("best"), name + "\n"));
  removeOld();
  return target;
}

void CheckpointStore::removeOld() {
  std::vector<CheckpointEntry> entries = list();
  std::set<std::string> kept = {resumed_};
  std::vector<std::pair<double, std::string>> byLoss;
  for (size_t i = 0; i < entries.size(); ++i) {
    const CheckpointEntry &entry = entries[i];
    if (int64_t(entries.size() - i) <= std::max<int64_t>(1, keep_.last)) kept.insert(entry.name);
    if (keep_.every > 0 && entry.step % keep_.every == 0) kept.insert(entry.name);
    auto manifest = readCheckpointManifest(path(entry.name));
    if (manifest && manifest->evaluationLoss) byLoss.emplace_back(*manifest->evaluationLoss, entry.name);
  }
  std::stable_sort(byLoss.begin(), byLoss.end(), [](const auto &a, const auto &b) { return a.first < b.first; });
  for (size_t i = 0; i < byLoss.size() && int64_t(i) < keep_.best; ++i) kept.insert(byLoss[i].second);
  std::error_code error;
  for (const CheckpointEntry &entry : entries) {
    if (kept.contains(entry.name)) continue;
    // Renamed first: whoever is killed while removing leaves nothing that looks like a checkpoint.
    std::string doomed = path(unfinished + entry.name);
    fs::rename(path(entry.name), doomed, error);
    if (!error) fs::remove_all(doomed, error);
  }
}

Result<std::optional<ReadCheckpoint>> CheckpointStore::newest(const std::function<void(const std::string &)> &skipped) {
  std::vector<CheckpointEntry> entries = list();
  std::string why;
  for (size_t i = entries.size(); i-- > 0;) {
    auto checkpoint = readCheckpoint(path(entries[i].name));
    if (checkpoint) {
      resumed_ = entries[i].name;
      return std::optional(std::move(*checkpoint));
    }
    why = checkpoint.error().where + ": " + checkpoint.error().what;
    skipped(entries[i].name + " is skipped: " + why);
  }
  if (entries.empty()) return std::optional<ReadCheckpoint>();
  return diagnose(ErrorKind::invalidInput, directory_)
      .says(fmt::format("none of the {} checkpoints is good; the last: {}", entries.size(), why))
      .toFix("start anew with --resume-from-checkpoint none");
}

std::string checkpointNamedBy(const std::string &pointer) {
  auto text = readTextFile(pointer, 4096);
  return text ? text->substr(0, text->find('\n')) : "";
}

Result<ReadCheckpoint> CheckpointStore::named(const std::string &name) {
  std::error_code error;
  std::string directory = name;
  if (name == "latest" || name == "best") {
    if (std::string pointed = checkpointNamedBy(path(name)); !pointed.empty()) directory = path(pointed);
  }
  std::string known;
  for (const CheckpointEntry &entry : list()) {
    bool isStep = numberIn(name) == std::optional(entry.step);
    if (isStep || entry.name == name) directory = path(entry.name);
    known += (known.empty() ? "" : ", ") + entry.name;
  }
  if (!fs::is_directory(directory, error))
    return diagnose(ErrorKind::notFound, name)
        .says("there is no such checkpoint in " + directory_)
        .toFix(known.empty() ? "leave --resume-from-checkpoint out to start anew"
                             : "give latest, best, a step, a path, or one of " + known);
  // A run's folder stands for its latest.
  if (std::string latest = checkpointNamedBy(directory + "/latest");
      !latest.empty() && !fs::exists(directory + "/manifest.json", error))
    directory += "/" + latest;
  resumed_ = fs::path(directory).lexically_normal().filename().string();
  return readCheckpoint(directory);
}

}  // namespace llc::train
