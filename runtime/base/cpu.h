// What the processor that runs this can do: instruction sets, caches, name. The compiler chooses its target by it, the
// runtime refuses programs that need more. Instruction sets form levels, one chain for each architecture; each level
// contains the ones before it in its chain.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/status.h"

namespace llc {

enum class Architecture : uint8_t { x86_64, aarch64 };
inline constexpr int architectureCount = 2;
std::string_view architectureName(Architecture);  // "x86-64", "aarch64"
inline constexpr Architecture hostArchitecture =
#if defined(__x86_64__)
    Architecture::x86_64;
#elif defined(__aarch64__)
    Architecture::aarch64;
#else
#error "to fix: add the architecture to runtime/base/cpu.h and its levels to cpu.cpp"
#endif

// The level is what code is generated for; `LLC_ISA=NAME` in the environment lowers what the host is said to have.
enum class IsaLevel : uint8_t {
  generic,      // x86-64: SSE2 only
  avx2,         // AVX2, FMA, F16C (Haswell, Zen and later)
  avx512,       // + AVX-512 F, BW, DQ, VL (Skylake-X)
  avx512vnni,   // + AVX512-VNNI (Cascade Lake)
  avx512bf16,   // + AVX512-BF16 (Cooper Lake, Zen 4)
  avx512fp16,   // + AVX512-FP16 (Sapphire Rapids where the system permits no tiles)
  amx,          // + AMX with tiles of bf16 and int8 (Sapphire Rapids)
  neon,         // aarch64: what every ARMv8-A has
  neonDotprod,  // + LSE atomics, dot products of 8-bit integers (Cortex-A76, Neoverse N1, Apple M1)
  neonI8mm,     // + matrix products of 8-bit integers (ARMv8.6)
  neonBf16,     // + BFloat16 (Neoverse V1 and N2, Apple M2)
};
inline constexpr int isaLevelCount = 11;

std::string_view isaName(IsaLevel level);              // "generic", "avx2", ..., "neon", "neon-dotprod", ...
Result<IsaLevel> parseIsa(std::string_view name);      // unknown: the nearest names
std::vector<std::string> isaFeatures(IsaLevel level);  // as in a manifest: "avx2", "fma", "f16c", ...
Architecture architectureOf(IsaLevel level);
IsaLevel lowestLevel(Architecture);
// The next level of the same chain; the highest one gives itself.
IsaLevel nextLevel(IsaLevel level);
// Can a machine of level `host` run code for `level`? Levels of other architectures never fit.
bool contains(IsaLevel host, IsaLevel level);

struct CpuInfo {
  std::string vendor, model;  // "AuthenticAMD", "AMD EPYC ..."
  std::vector<std::string>
      features;  // detected and usable (the operating system saves the registers): "avx2", "fma" ...
  IsaLevel level = lowestLevel(hostArchitecture);  // the highest level whose features are all present
  int64_t l1Bytes = 32 << 10, l2Bytes = 512 << 10, l3Bytes = 8 << 20;  // data caches; the defaults where unknown
  std::vector<std::string> notes;  // for people: what the processor has and the system does not let us use
  bool has(std::string_view feature) const;
};
// Detected once: by cpuid and xgetbv on x86-64, by the kernel's hardware capabilities (getauxval) on aarch64. Where there
// is AMX, the first call asks the operating system for its tiles (for the whole process, threads included).
const CpuInfo &hostCpu();
// The level to use here: hostCpu().level, or what LLC_ISA names. Errors: an unknown name, a level above the host's.
Result<IsaLevel> usableIsa();
// The highest level of an architecture whose features are all there.
IsaLevel levelOf(Architecture, const std::vector<std::string> &features);
// Does this machine have all `features`? Error: names those that are missing and what to compile for instead.
Status requireFeatures(const std::vector<std::string> &features);

}  // namespace llc
