// doctor: what this machine offers, what llc-model will use of it, and why.
#include <fmt/format.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "compiler/aot/link.h"
#include "compiler/jit/cache_folder.h"
#include "runtime/base/cpu.h"
#include "runtime/base/memory.h"
#include "runtime/threads/limits.h"
#include "tools/cli/cache_flags.h"
#include "tools/cli/command.h"
#include "tools/cli/model.h"

namespace llc::cli {

namespace {
struct DoctorFlags {
  bool json = false;
};

nlohmann::json examine() {
  const CpuInfo &cpu = hostCpu();
  ThreadLimits threads = threadLimits();
  MemoryLimits memory = memoryLimits();
  nlohmann::json json;
  json["cpu"] = {{"vendor", cpu.vendor}, {"model", cpu.model}, {"features", cpu.features}, {"level", isaName(cpu.level)},
                 {"l1_bytes", cpu.l1Bytes}, {"l2_bytes", cpu.l2Bytes}, {"l3_bytes", cpu.l3Bytes}};
  auto usable = usableIsa();
  json["cpu"]["notes"] = cpu.notes;
  json["cpu"]["used_level"] = usable ? std::string(isaName(*usable)) : "none";
  json["threads"] = {{"used", threads.threads}, {"reason", threads.reason}, {"affinity", threads.affinity}, {"cores", threads.cores}};
  if (threads.quota) json["threads"]["quota"] = *threads.quota, json["threads"]["quota_source"] = threads.quotaSource;
  json["memory"] = {{"available_bytes", memory.availableBytes}, {"source", memory.source}};
  for (const compiler::CacheKind &kind : compiler::cacheKinds) {
    std::string folder = compiler::cacheFolder("", kind);
    compiler::CacheUse use = compiler::cacheUse(folder, kind);
    json["caches"].push_back({{"kind", kind.name},
                              {"folder", folder},
                              {"entries", use.entries},
                              {"bytes", use.bytes},
                              {"writable", !folder.empty() && compiler::canKeep(folder)}});
  }
  json["models"] = builtinModels();
  json["problems"] = nlohmann::json::array();
  auto problem = [&](const Error &error) { json["problems"].push_back(error.text()); };
  if (!usable) problem(usable.error());
  if (auto archive = compiler::findRuntimeArchive()) json["runtime_archive"] = *archive;
  else problem(archive.error());
  json["executables_for"] = nlohmann::json::array();
  for (int i = 0; i < architectureCount; i++)
    if (compiler::findRuntimeArchive(Architecture(i))) json["executables_for"].push_back(architectureName(Architecture(i)));
  if (builtinModels().empty())
    problem(diagnose(ErrorKind::notFound, "built-in models")
                .says(fmt::format("none in {}", fmt::join(builtinFolders(), " or ")))
                .toFix("install the package completely (cmake --install), or run the program from its build folder"));
  return json;
}

void printCache(const nlohmann::json &cache) {
  std::string kind = cache["kind"], folder = cache["folder"];
  if (folder.empty()) return fmt::print("cache     {}: {}\n", kind, noCacheFolder);
  fmt::print("cache     {}: {} in {}{}\n", kind, humanBytes(cache["bytes"].get<uint64_t>()), folder,
             cache["writable"].get<bool>() ? "" : ", which can't be written: nothing more is kept");
}

void print(const nlohmann::json &json) {
  const auto &cpu = json["cpu"], &threads = json["threads"], &memory = json["memory"];
  fmt::print("cpu       {} ({})\n", cpu["model"].get<std::string>(), cpu["vendor"].get<std::string>());
  fmt::print("features  {}\n", fmt::join(cpu["features"].get<std::vector<std::string>>(), " "));
  fmt::print("level     {} (used: {}; LLC_ISA=NAME lowers it)\n", cpu["level"].get<std::string>(), cpu["used_level"].get<std::string>());
  for (const auto &note : cpu["notes"]) fmt::print("note      {}\n", note.get<std::string>());
  fmt::print("caches    L1 {}, L2 {}, L3 {}\n", humanBytes(cpu["l1_bytes"]), humanBytes(cpu["l2_bytes"]), humanBytes(cpu["l3_bytes"]));
  fmt::print("threads   {}: {}\n", threads["used"].get<int64_t>(), threads["reason"].get<std::string>());
  fmt::print("memory    {} available ({})\n", humanBytes(memory["available_bytes"]), memory["source"].get<std::string>());
  fmt::print("programs  for {}\n", fmt::join(json["executables_for"].get<std::vector<std::string>>(), ", "));
  for (const auto &cache : json["caches"]) printCache(cache);
  fmt::print("models    {}\n", fmt::join(json["models"].get<std::vector<std::string>>(), ", "));
  for (const auto &problem : json["problems"]) fmt::print("problem   {}\n", problem.get<std::string>());
  if (json["problems"].empty()) fmt::print("no problems\n");
}

Status runDoctor(Context &, CLI::App &, DoctorFlags &options) {
  nlohmann::json json = examine();
  if (options.json) fmt::print("{}\n", json.dump(2));
  else print(json);
  if (json["problems"].empty()) return success();
  return diagnose(ErrorKind::unsupported, "doctor").says("there are problems").toFix("do what the lines above say");
}
}  // namespace

void addDoctor(Context &context) {
  addCommand<DoctorFlags>(
      context, "doctor", "CPU, caches, threads, memory: what is there, what is used, and why",
      [](CLI::App &app, DoctorFlags &options) {
        app.add_flag("--json", options.json, "One JSON object instead of lines for people");
      },
      runDoctor);
}

}  // namespace llc::cli
