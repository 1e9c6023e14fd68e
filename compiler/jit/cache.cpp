// The disk cache of compiled code. One file per key; the file carries a hash of its content, so that a damaged one
// counts as absent. Writers make a temporary file and rename it: readers see a whole file or none, and the last writer
// wins with the same bytes.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "compiler/jit/engine.h"
#include "compiler/pipelines/program_text.h"
#include "compiler/targets/target.h"
#include "llvm/Config/llvm-config.h"
#include "mlir/IR/BuiltinOps.h"
#include "runtime/base/mapped_file.h"
#include "runtime/base/output_file.h"
#include "runtime/base/sha256.h"

namespace llc::compiler {
namespace {
namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::string_view suffix = ".llc-code";

std::string hashOf(std::string_view text) { return sha256(std::as_bytes(std::span(text.data(), text.size()))); }

std::string toText(const CompiledModule &module) {
  json objects = json::array();
  std::string bytes;
  for (const TargetObject &object : module.objects) {
    objects.push_back({{"target", object.target}, {"features", object.features}, {"bytes", object.bytes.size()}});
    bytes += object.bytes;
  }
  json description = describeProgram(module);
  description["objects"] = objects;
  std::string header = description.dump();
  std::string body = fmt::format("{:016x}", header.size()) + header + bytes;
  return hashOf(body) + body;
}

// Throws nlohmann's exceptions on what it does not know; the caller counts that as a miss.
std::optional<CompiledModule> fromText(std::string_view text) {
  constexpr size_t hashBytes = 64, lengthBytes = 16;
  if (text.size() < hashBytes + lengthBytes || hashOf(text.substr(hashBytes)) != text.substr(0, hashBytes)) return {};
  size_t length = std::stoull(std::string(text.substr(hashBytes, lengthBytes)), nullptr, 16);
  size_t begin = hashBytes + lengthBytes;
  json description = json::parse(text.substr(begin, length));
  auto module = parseProgram(description, "code cache");
  if (!module.ok()) return {};
  size_t at = begin + length;
  for (const json &object : description.at("objects")) {
    size_t bytes = object.at("bytes");
    module->objects.push_back({object.at("target"), object.at("features"), std::string(text.substr(at, bytes))});
    at += bytes;
  }
  return std::move(*module);
}

std::string cacheFolder(const CacheOptions &options) {
  if (!options.directory.empty()) return options.directory == "none" ? "" : options.directory;
  if (const char *xdg = std::getenv("XDG_CACHE_HOME"); xdg && *xdg) return std::string(xdg) + "/llc-model/code";
  if (const char *home = std::getenv("HOME"); home && *home) return std::string(home) + "/.cache/llc-model/code";
  return "";
}

std::optional<CompiledModule> readEntry(const std::string &path) {
  std::error_code error;
  if (!fs::exists(path, error)) return {};
  auto file = MappedFile::open(path);
  if (!file.ok()) return {};
  try {
    auto module = fromText(file->text());
    if (module) fs::last_write_time(path, fs::file_time_type::clock::now(), error);  // recently used
    return module;
  } catch (const std::exception &) {
    return {};
  }
}

// Removes the entries unused longest until the rest fits.
void trim(const std::string &folder, int64_t limit) {
  struct Entry {
    fs::path path;
    fs::file_time_type time;
    int64_t bytes;
  };
  std::vector<Entry> entries;
  std::error_code error;
  int64_t total = 0;
  for (const auto &item : fs::directory_iterator(folder, error)) {
    if (item.path().extension() != suffix) continue;
    Entry entry{item.path(), item.last_write_time(error), static_cast<int64_t>(item.file_size(error))};
    if (error) continue;  // another process has just removed it
    total += entry.bytes;
    entries.push_back(std::move(entry));
  }
  std::sort(entries.begin(), entries.end(), [](const Entry &a, const Entry &b) { return a.time < b.time; });
  for (const Entry &entry : entries) {
    if (total <= limit) break;
    fs::remove(entry.path, error);
    total -= entry.bytes;
  }
}

// A cache that can't be written (read-only home, full disk) is no reason to fail.
void writeEntry(const std::string &folder, const std::string &path, const CompiledModule &module, int64_t limit) {
  std::error_code error;
  fs::create_directories(folder, error);
  auto file = OutputFile::create(path);
  if (!file.ok() || !file->write(toText(module)).ok() || !file->commit().ok()) return;
  trim(folder, limit);
}

// Which build of the compiler this is: its own file's size and time, so that a rebuilt one never takes old code.
std::string buildIdentity() {
  std::error_code error;
  fs::path self = fs::read_symlink("/proc/self/exe", error);
  auto size = fs::file_size(self, error);
  auto time = fs::last_write_time(self, error).time_since_epoch().count();
  return fmt::format("llc-model {} llvm {} abi {} build {} {}\n", LLC_VERSION, LLVM_VERSION_STRING, LLC_ABI_VERSION,
                     size, time);
}

Result<std::string> keyOf(mlir::ModuleOp module, const CompileOptions &options) {
  std::string text = buildIdentity();
  LLC_ASSIGN(std::vector<Target> targets, findTargets(options.targets));
  for (const Target &target : targets)
    text += fmt::format("{} {} {} {} {} {}\n", target.name, target.cpu, target.features, target.tune, target.l1Bytes,
                        target.l2Bytes);
  text += phaseName(options.startAt);
  text += '\n';
  llvm::raw_string_ostream stream(text);
  module.print(stream, mlir::OpPrintingFlags().enableDebugInfo());
  return hashOf(text);
}
}  // namespace

Result<CachedCompile> compileCached(mlir::ModuleOp module, const CompileOptions &options, const CacheOptions &cache) {
  std::string folder = cacheFolder(cache);
  bool wanted = !folder.empty() && options.stopAfter == Phase::object && options.dumpDirectory.empty() &&
                !options.profile;  // the table of stages is not kept
  std::string path;
  if (wanted) {
    LLC_ASSIGN(std::string key, keyOf(module, options));
    path = folder + "/" + key + std::string(suffix);
    if (auto found = readEntry(path)) return CachedCompile{std::move(*found), true};
  }
  LLC_ASSIGN(CompiledModule compiled, compile(module, options));
  if (wanted) writeEntry(folder, path, compiled, cache.limitBytes);
  return CachedCompile{std::move(compiled), false};
}

}  // namespace llc::compiler
