// The folders of the disk caches: where they are, what they hold, and how they stay small. An entry is one file.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace llc::compiler {

struct CacheKind {
  std::string_view name, suffix;  // of the folder; of its entries
  int64_t limitBytes;             // entries unused longest go when it is exceeded
};
inline constexpr CacheKind codeCache{"code", ".llc-code", int64_t(256) << 20};
inline constexpr CacheKind weightCache{"weights", ".llc-weights", int64_t(32) << 30};
inline constexpr CacheKind tuningCache{"tuning", ".json", int64_t(16) << 20};
inline constexpr CacheKind cacheKinds[] = {codeCache, weightCache, tuningCache};

// `given` unless it is empty; else $XDG_CACHE_HOME/llc-model/NAME (if that is absolute, as its specification asks) or
// ~/.cache/llc-model/NAME. "none", or no home at all, gives "": no cache.
std::string cacheFolder(std::string_view given, const CacheKind &kind);
// Whether entries can be written there, made or not. A cache that can't be written is no reason to fail, but worth a
// word.
bool canKeep(const std::string &folder);

struct CacheUse {
  int64_t entries = 0, bytes = 0;
};
CacheUse cacheUse(const std::string &folder, const CacheKind &kind);

// Removes the entries unused longest until the rest fits, and what writers that died have left behind.
void trimCache(const std::string &folder, const CacheKind &kind, int64_t limitBytes);
// Removes all entries; files of others stay. Gives what was removed.
CacheUse clearCache(const std::string &folder, const CacheKind &kind);

// Marks an entry as used just now.
void touchEntry(const std::string &path);

// Whether another process is writing the entry at this moment.
bool isBeingWritten(const std::string &folder, const std::string &path);

// Which build of the compiler this is: its version and its own file's size and time, so that a rebuilt one never takes
// old code.
std::string buildIdentity();

}  // namespace llc::compiler
