// What the processor that runs this can do: instruction sets, caches, name. The compiler chooses its target by it, the
// runtime refuses programs that need more. Instruction sets form levels; each contains the ones before it.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/status.h"

namespace llc {

// The level is what code is generated for; `LLC_ISA=NAME` in the environment lowers what the host is said to have.
enum class IsaLevel : uint8_t {
  generic,     // x86-64: SSE2 only
  avx2,        // AVX2, FMA, F16C (Haswell, Zen and later)
  avx512,      // + AVX-512 F, BW, DQ, VL (Skylake-X)
  avx512vnni,  // + AVX512-VNNI (Cascade Lake)
  avx512bf16,  // + AVX512-BF16 (Cooper Lake, Sapphire Rapids, Zen 4)
};
inline constexpr int isaLevelCount = 5;

std::string_view isaName(IsaLevel level);              // "generic", "avx2", "avx512", "avx512vnni", "avx512bf16"
Result<IsaLevel> parseIsa(std::string_view name);      // unknown: the nearest names
std::vector<std::string> isaFeatures(IsaLevel level);  // as in a manifest: "avx2", "fma", "f16c", ...

struct CpuInfo {
  std::string vendor, model;  // "AuthenticAMD", "AMD EPYC ..."
  std::vector<std::string>
      features;  // detected and usable (the operating system saves the registers): "avx2", "fma" ...
  IsaLevel level = IsaLevel::generic;  // the highest level whose features are all present
  int64_t l1Bytes = 32 << 10, l2Bytes = 512 << 10, l3Bytes = 8 << 20;  // data caches; the defaults where unknown
  bool has(std::string_view feature) const;
};
// Detected once by cpuid and xgetbv.
const CpuInfo &hostCpu();
// The level to use here: hostCpu().level, or what LLC_ISA names. Errors: an unknown name, a level above the host's.
Result<IsaLevel> usableIsa();
// Does this machine have all `features`? Error: names those that are missing and what to compile for instead.
Status requireFeatures(const std::vector<std::string> &features);

}  // namespace llc
