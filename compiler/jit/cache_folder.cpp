#include "compiler/jit/cache_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <vector>

#include "llvm/Config/llvm-config.h"
#include "runtime/abi/llc_abi.h"

namespace llc::compiler {
namespace {
namespace fs = std::filesystem;

struct Entry {
  fs::path path;
  fs::file_time_type time;
  int64_t bytes;
};
std::vector<Entry> entriesOf(const std::string &folder, const CacheKind &kind) {
  std::vector<Entry> entries;
  std::error_code error;
  for (const auto &item : fs::directory_iterator(folder, error)) {
    if (item.path().extension() != kind.suffix) continue;
    Entry entry{item.path(), item.last_write_time(error), static_cast<int64_t>(item.file_size(error))};
    if (!error) entries.push_back(std::move(entry));  // else another process has just removed it
  }
  return entries;
}

// Writers hold a lock on their unfinished file (OutputFile), which ends with their process.
bool isLocked(const fs::path &path) {
  int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return false;
  bool locked = flock(descriptor, LOCK_EX | LOCK_NB) != 0;
  ::close(descriptor);
  return locked;
}

template <class Action>
void forUnfinished(const std::string &folder, const std::string &stem, Action action) {
  std::error_code error;
  for (const auto &item : fs::directory_iterator(folder, error)) {
    std::string name = item.path().filename().string();
    if (name.starts_with(stem) && name.find(".partial-") != std::string::npos) action(item.path());
  }
}
}  // namespace

std::string cacheFolder(std::string_view given, const CacheKind &kind) {
  if (!given.empty()) return given == "none" ? "" : std::string(given);
  if (const char *xdg = std::getenv("XDG_CACHE_HOME"); xdg && *xdg == '/')
    return fmt::format("{}/llc-model/{}", xdg, kind.name);
  if (const char *home = std::getenv("HOME"); home && *home)
    return fmt::format("{}/.cache/llc-model/{}", home, kind.name);
  return "";
}

bool canKeep(const std::string &folder) {
  std::error_code error;
  fs::path place = fs::absolute(folder, error);
  while (!fs::exists(place, error) && place.has_relative_path()) place = place.parent_path();
  return fs::is_directory(place, error) && access(place.c_str(), W_OK | X_OK) == 0;
}

CacheUse cacheUse(const std::string &folder, const CacheKind &kind) {
  CacheUse use;
  for (const Entry &entry : entriesOf(folder, kind)) ++use.entries, use.bytes += entry.bytes;
  return use;
}

void trimCache(const std::string &folder, const CacheKind &kind, int64_t limitBytes) {
  std::error_code error;
  forUnfinished(folder, "", [&](const fs::path &path) {
    if (!isLocked(path)) fs::remove(path, error);
  });
  std::vector<Entry> entries = entriesOf(folder, kind);
  int64_t total = 0;
  for (const Entry &entry : entries) total += entry.bytes;
  std::sort(entries.begin(), entries.end(), [](const Entry &a, const Entry &b) { return a.time < b.time; });
  for (const Entry &entry : entries) {
    if (total <= limitBytes) break;
    fs::remove(entry.path, error);
    total -= entry.bytes;
  }
}

CacheUse clearCache(const std::string &folder, const CacheKind &kind) {
  CacheUse before = cacheUse(folder, kind);
  trimCache(folder, kind, -1);
  CacheUse after = cacheUse(folder, kind);
  return {before.entries - after.entries, before.bytes - after.bytes};
}

void touchEntry(const std::string &path) {
  std::error_code ignored;
  fs::last_write_time(path, fs::file_time_type::clock::now(), ignored);
}

bool isBeingWritten(const std::string &folder, const std::string &path) {
  bool found = false;
  forUnfinished(folder, fs::path(path).filename().string(), [&](const fs::path &other) { found |= isLocked(other); });
  return found;
}

std::string buildIdentity() {
  std::error_code error;
  fs::path self = fs::read_symlink("/proc/self/exe", error);
  auto size = fs::file_size(self, error);
  auto time = fs::last_write_time(self, error).time_since_epoch().count();
  return fmt::format("llc-model {} llvm {} abi {} build {} {}\n", LLC_VERSION, LLVM_VERSION_STRING, LLC_ABI_VERSION,
                     size, time);
}

}  // namespace llc::compiler
