#include "compiler/targets/target.h"

#include <algorithm>

#include "compiler/targets/tunables.h"
#include "llvm/TargetParser/Host.h"

namespace llc {
namespace {

std::string featuresOf(IsaLevel level) {
  std::string text;
  for (auto &name : isaFeatures(level)) text += (text.empty() ? "+" : ",+") + name;
  return text;
}

// Four rows of one panel are sixteen accumulators of the 32 registers; multiply-adds take their factor by element. LLVM
// expands no half and no multiply-add: every ARMv8-A has instructions for both.
Target neonRow(IsaLevel level) {
  return {.name = std::string(isaName(level)),
          .level = level,
          .triple = "aarch64-unknown-linux-gnu",
          .cpu = "generic",
          .features = featuresOf(level),
          .tune = "generic",
          .lanes = 4,
          .registers = 32,
          .fma = true,
          .f16c = true,
          .tileRows = 4,
          .queryRows = 4,
          .queryColumns = 16,
          .smallQueryRows = 2,
          .smallQueryColumns = 32};
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
  bf16.pairDots = true, bf16.pairRows = 16;
  // On the processors that have it (Sapphire Rapids on) dot products of pairs run at half the rate of f32 multiply-adds:
  // factors are widened to f32. Sums in half precision lose too many bits for products.
  Target fp16 = v4;
  fp16.name = "avx512fp16", fp16.level = IsaLevel::avx512fp16, fp16.features = featuresOf(fp16.level);
  Target amx = bf16;
  amx.name = "amx", amx.level = IsaLevel::amx, amx.features = featuresOf(amx.level), amx.tune = "sapphirerapids";
  amx.tileUnitRows = 16, amx.rowBlock = 256, amx.l1Bytes = 48 << 10, amx.l2Bytes = 2 << 20;
  return {generic,
          v3,
          v4,
          vnni,
          bf16,
          fp16,
          amx,
          neonRow(IsaLevel::neon),
          neonRow(IsaLevel::neonDotprod),
          neonRow(IsaLevel::neonI8mm),
          neonRow(IsaLevel::neonBf16)};
}

const Processor *findProcessor(std::string_view name) {
  auto found = std::ranges::find(allProcessors(), name, &Processor::name);
  return found == allProcessors().end() ? nullptr : &*found;
}
// The rows of a processor and of its level in one.
Target targetOf(const Processor &processor) {
  Target target = targetOf(processor.level);
  target.processor = target.tune = processor.name;
  target.l1Bytes = processor.l1Bytes, target.l2Bytes = processor.l2Bytes;
  if (auto tuning = parseTuning(processor.tuning); tuning.ok()) applyTuning(*tuning, target);
  return target;
}

std::vector<std::string> knownNames() {
  std::vector<std::string> names = {"native"};
  for (const Target &target : allTargets()) names.push_back(target.name);
  for (const Processor &processor : allProcessors()) names.emplace_back(processor.name);
  return names;
}

}  // namespace

const std::vector<Target> &allTargets() {
  static const std::vector<Target> table = makeTable();
  return table;
}

const Target &targetOf(IsaLevel level) { return allTargets()[int(level)]; }

Result<Target> findTarget(std::string_view name) {
  if (size_t colon = name.find(':'); colon != name.npos) {
    LLC_ASSIGN(Target target, findTarget(name.substr(0, colon)));
    LLC_ASSIGN(Tuning tuning, parseTuning(name.substr(colon + 1)));
    applyTuning(tuning, target);
    return target;
  }
  if (name == "native") return detectHost();
  for (const Target &target : allTargets())
    if (target.name == name) return target;
  if (const Processor *processor = findProcessor(name)) return targetOf(*processor);
  std::string near = nearestNames(name, knownNames());
  return diagnose(ErrorKind::invalidInput, "--target-cpu")
      .says("'" + std::string(name) + "' is no instruction set level and no processor")
      .toFix(near.empty() ? "llc-model compile --target-cpu help lists them" : "use " + near);
}

Result<std::vector<Target>> findTargets(const std::vector<std::string> &names) {
  std::vector<Target> targets;
  auto refuse = [](const Target &a, const Target &b, const std::string &what, const std::string &remedy) {
    return diagnose(ErrorKind::invalidInput, "--target-cpu").says(a.key() + " and " + b.key() + what).toFix(remedy);
  };
  for (const std::string &name : names) {
    LLC_ASSIGN(Target target, findTarget(name));
    if (!targets.empty() && architectureOf(targets.front().level) != architectureOf(target.level))
      return refuse(targets.front(), target, " are of different architectures", "compile once for each architecture");
    auto same = std::ranges::find(targets, target.level, &Target::level);
    if (same == targets.end())
      targets.push_back(std::move(target));
    else if (same->tune != target.tune)
      return refuse(*same, target, " have the same instruction set level, " + target.name,
                    "name one of them; code for it runs on both");
  }
  std::ranges::sort(targets, {}, &Target::level);
  return targets;
}

Result<Target> detectHost() {
  LLC_ASSIGN(IsaLevel level, usableIsa());
  llvm::StringRef name = llvm::sys::getHostCPUName();
  const Processor *processor = findProcessor({name.data(), name.size()});
  Target target = processor && processor->level == level ? targetOf(*processor) : targetOf(level);
  target.l1Bytes = hostCpu().l1Bytes;
  target.l2Bytes = hostCpu().l2Bytes;
  return target;
}

}  // namespace llc
