// The disk cache of compiled code. One file per key; the file carries a hash of its content, so that a damaged one
// counts as absent. Writers make a temporary file and rename it: readers see a whole file or none, and the last writer
// wins with the same bytes.
#include <fmt/format.h>

#include <filesystem>

#include "compiler/jit/cache_folder.h"
#include "compiler/jit/engine.h"
#include "compiler/pipelines/program_text.h"
#include "compiler/targets/tunables.h"
#include "mlir/IR/BuiltinOps.h"
#include "runtime/base/mapped_file.h"
#include "runtime/base/output_file.h"
#include "runtime/base/sha256.h"

namespace llc::compiler {
namespace {
namespace fs = std::filesystem;
using nlohmann::json;

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
  return sha256OfText(body) + body;
}

// Throws nlohmann's exceptions on what it does not know; the caller counts that as a miss.
std::optional<CompiledModule> fromText(std::string_view text) {
  constexpr size_t hashBytes = 64, lengthBytes = 16;
  if (text.size() < hashBytes + lengthBytes || sha256OfText(text.substr(hashBytes)) != text.substr(0, hashBytes))
    return {};
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

std::optional<CompiledModule> readEntry(const std::string &path) {
  std::error_code error;
  if (!fs::exists(path, error)) return {};
  auto file = MappedFile::open(path);
  if (!file.ok()) return {};
  try {
    auto module = fromText(file->text());
    if (module) touchEntry(path);
    return module;
  } catch (const std::exception &) {
    return {};
  }
}

// A cache that can't be written (read-only home, full disk) is no reason to fail.
void writeEntry(const std::string &folder, const std::string &path, const CompiledModule &module, int64_t limit) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (writeFile(path, toText(module)).ok()) trimCache(folder, codeCache, limit);
}

Result<std::string> keyOf(mlir::ModuleOp module, const CompileOptions &options) {
  std::string text = buildIdentity();
  LLC_ASSIGN(std::vector<Target> targets, findTargets(options.targets));
  for (const Target &target : targets)
    text += fmt::format("{} {} {} {} {} {} {}\n", target.name, target.cpu, target.features, target.tune, target.l1Bytes,
                        target.l2Bytes, tuningText(tuningOf(target)));
  if (options.deterministic) text += "deterministic\n";
  text += phaseName(options.startAt);
  text += '\n';
  llvm::raw_string_ostream stream(text);
  module.print(stream, mlir::OpPrintingFlags().enableDebugInfo());
  return sha256OfText(text);
}
}  // namespace

Result<CachedCompile> compileCached(mlir::ModuleOp module, const CompileOptions &options, const CacheOptions &cache) {
  std::string folder = cacheFolder(cache.directory, codeCache);
  bool wanted = !folder.empty() && options.stopAfter == Phase::object && options.dumpDirectory.empty() &&
                !options.profile;  // the table of stages is not kept
  std::string path;
  if (wanted) {
    LLC_ASSIGN(std::string key, keyOf(module, options));
    path = folder + "/" + key + std::string(codeCache.suffix);
    if (auto found = readEntry(path)) return CachedCompile{std::move(*found), true};
  }
  LLC_ASSIGN(CompiledModule compiled, compile(module, options));
  if (wanted) writeEntry(folder, path, compiled, cache.limitBytes);
  return CachedCompile{std::move(compiled), false};
}

}  // namespace llc::compiler
