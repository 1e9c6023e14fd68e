#include "compiler/targets/target.h"

namespace llc {
namespace {

std::string featuresOf(IsaLevel level) {
  std::string text;
  for (auto &name : isaFeatures(level)) text += (text.empty() ? "+" : ",+") + name;
  return text;
}

std::vector<Target> makeTable() {
  Target generic{.name = "generic",
                 .level = IsaLevel::generic,
                 .cpu = "x86-64",
                 .features = featuresOf(IsaLevel::generic),
                 .tune = "x86-64"};
  Target v3{.name = "avx2",
            .level = IsaLevel::avx2,
            .cpu = "x86-64",
            .features = featuresOf(IsaLevel::avx2),
            .tune = "x86-64-v3",
            .lanes = 8,
            .registers = 16,
            .fma = true,
            .f16c = true,
            .tileRows = 4,
            .queryRows = 4,
            .queryColumns = 16,
            .smallQueryRows = 2,
            .smallQueryColumns = 32};
  // Eight rows: with a row stride of a power of two they share a cache set, which has twelve ways.
  Target v4{.name = "avx512",
            .level = IsaLevel::avx512,
            .cpu = "x86-64",
            .features = featuresOf(IsaLevel::avx512),
            .tune = "x86-64-v4",
            .lanes = 16,
            .registers = 32,
            .fma = true,
            .f16c = true,
            .tileRows = 8,
            .queryRows = 8,
            .queryColumns = 32,
            .smallQueryRows = 2,
            .smallQueryColumns = 32,
            .l1Bytes = 32 << 10,
            .l2Bytes = 1 << 20};
  Target vnni = v4, bf16 = v4;
  vnni.name = "avx512vnni", vnni.level = IsaLevel::avx512vnni, vnni.features = featuresOf(vnni.level);
  bf16.name = "avx512bf16", bf16.level = IsaLevel::avx512bf16, bf16.features = featuresOf(bf16.level);
  return {generic, v3, v4, vnni, bf16};
}

}  // namespace

const std::vector<Target> &allTargets() {
  static const std::vector<Target> table = makeTable();
  return table;
}

const Target &targetOf(IsaLevel level) { return allTargets()[int(level)]; }

Result<Target> findTarget(std::string_view name) {
  if (name == "native") return detectHost();
  LLC_ASSIGN(IsaLevel level, parseIsa(name));
  return targetOf(level);
}

Result<Target> detectHost() {
  LLC_ASSIGN(IsaLevel level, usableIsa());
  Target target = targetOf(level);
  target.l1Bytes = hostCpu().l1Bytes;
  target.l2Bytes = hostCpu().l2Bytes;
  return target;
}

}  // namespace llc
