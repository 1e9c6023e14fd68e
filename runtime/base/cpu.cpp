#include "runtime/base/cpu.h"

#include <algorithm>
#include <cstdlib>

#include "runtime/base/cpu_detect.h"

namespace llc {
namespace {

// One row per level, in the order of IsaLevel: what it adds to the row before it. A row whose architecture differs
// from that of the row before begins a chain.
struct LevelRow {
  std::string_view name;
  Architecture architecture;
  std::vector<std::string> adds;
};
const std::vector<LevelRow> &levelRows() {
  using enum Architecture;
  static const std::vector<LevelRow> rows = {
      {"generic", x86_64, {"sse2"}},
      {"avx2", x86_64, {"avx", "avx2", "fma", "f16c"}},
      {"avx512", x86_64, {"avx512f", "avx512bw", "avx512dq", "avx512vl"}},
      {"avx512vnni", x86_64, {"avx512vnni"}},
      {"avx512bf16", x86_64, {"avx512bf16"}},
      {"avx512fp16", x86_64, {"avx512fp16"}},
      {"amx", x86_64, {"amx-tile", "amx-bf16", "amx-int8"}},
      {"neon", aarch64, {"neon"}},
      {"neon-dotprod", aarch64, {"lse", "dotprod"}},
      {"neon-i8mm", aarch64, {"i8mm"}},
      {"neon-bf16", aarch64, {"bf16"}},
  };
  return rows;
}
const LevelRow &rowOf(IsaLevel level) { return levelRows()[size_t(level)]; }

CpuInfo detect() {
  CpuInfo info;
  detectCpu(info);
  info.level = levelOf(hostArchitecture, info.features);
  return info;
}

}  // namespace

std::string_view architectureName(Architecture architecture) {
  return architecture == Architecture::x86_64 ? "x86-64" : "aarch64";
}
std::string_view isaName(IsaLevel level) { return rowOf(level).name; }
Architecture architectureOf(IsaLevel level) { return rowOf(level).architecture; }

Result<IsaLevel> parseIsa(std::string_view name) {
  std::vector<std::string> known;
  std::string all;
  for (const LevelRow &row : levelRows()) {
    if (row.name == name) return IsaLevel(&row - levelRows().data());
    known.emplace_back(row.name);
    all += (all.empty() ? "" : ", ") + known.back();
  }
  std::string near = nearestNames(name, known);
  return diagnose(ErrorKind::invalidInput)
      .says("'" + std::string(name) + "' is no instruction set level")
      .toFix("use " + (near.empty() ? "one of " + all : near));
}

std::vector<std::string> isaFeatures(IsaLevel level) {
  std::vector<std::string> names;
  for (IsaLevel each = lowestLevel(architectureOf(level)); each <= level; each = IsaLevel(int(each) + 1))
    names.insert(names.end(), rowOf(each).adds.begin(), rowOf(each).adds.end());
  return names;
}

IsaLevel lowestLevel(Architecture architecture) {
  return architecture == Architecture::x86_64 ? IsaLevel::generic : IsaLevel::neon;
}

IsaLevel nextLevel(IsaLevel level) {
  size_t next = size_t(level) + 1;
  return next < levelRows().size() && levelRows()[next].architecture == architectureOf(level) ? IsaLevel(next) : level;
}

bool contains(IsaLevel host, IsaLevel level) { return architectureOf(host) == architectureOf(level) && level <= host; }

bool CpuInfo::has(std::string_view feature) const {
  return std::find(features.begin(), features.end(), feature) != features.end();
}

IsaLevel levelOf(Architecture architecture, const std::vector<std::string> &features) {
  auto present = [&](auto &name) { return std::ranges::find(features, name) != features.end(); };
  IsaLevel highest = lowestLevel(architecture);
  for (IsaLevel level = highest; std::ranges::all_of(rowOf(level).adds, present); level = nextLevel(level)) {
    highest = level;
    if (nextLevel(level) == level) break;
  }
  return highest;
}

const CpuInfo &hostCpu() {
  static const CpuInfo info = detect();
  return info;
}

Result<IsaLevel> usableIsa() {
  const char *wanted = std::getenv("LLC_ISA");
  IsaLevel host = hostCpu().level;
  if (!wanted || !*wanted) return host;
  auto level = parseIsa(wanted);
  if (!level) {
    level.error().where = "LLC_ISA";
    return level;
  }
  if (!contains(host, *level))
    return diagnose(ErrorKind::unsupported, "LLC_ISA")
        .says("this processor (" + hostCpu().model + ") has no " + wanted)
        .toFix("set LLC_ISA to " + std::string(isaName(host)) + " or lower, or unset it");
  return *level;
}

Status requireFeatures(const std::vector<std::string> &features) {
  std::string missing;
  for (auto &name : features)
    if (!hostCpu().has(name)) missing += (missing.empty() ? "" : ", ") + name;
  if (missing.empty()) return success();
  return diagnose(ErrorKind::unsupported)
      .says("this processor (" + hostCpu().model + ") lacks " + missing + ", which the program needs")
      .toFix("run it on another machine, or compile it again with --target-cpu " +
             std::string(isaName(hostCpu().level)));
}

}  // namespace llc
