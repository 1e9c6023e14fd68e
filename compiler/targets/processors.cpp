// Processors by name. Rows of an architecture stand together, oldest first.
#include "compiler/targets/target.h"

namespace llc {
namespace {
constexpr int64_t operator""_KiB(unsigned long long count) { return int64_t(count) << 10; }
constexpr int64_t operator""_MiB(unsigned long long count) { return int64_t(count) << 20; }
}  // namespace

const std::vector<Processor> &allProcessors() {
  using enum IsaLevel;
  static const std::vector<Processor> table = {
      // Intel
      {"haswell", avx2, 32_KiB, 256_KiB, 32, 0},
      {"broadwell", avx2, 32_KiB, 256_KiB, 32, 0},
      {"skylake", avx2, 32_KiB, 256_KiB, 32, 0},
      {"alderlake", avx2, 48_KiB, 1280_KiB, 32, 0},
      {"skylake-avx512", avx512, 32_KiB, 1_MiB, 64, 0},
      {"cascadelake", avx512vnni, 32_KiB, 1_MiB, 64, 256},
      {"icelake-server", avx512vnni, 48_KiB, 1280_KiB, 64, 256},
      {"sapphirerapids", amx, 48_KiB, 2_MiB, 64, 256},
      {"emeraldrapids", amx, 48_KiB, 2_MiB, 64, 256},
      {"graniterapids", amx, 48_KiB, 2_MiB, 64, 256},
      // AMD
      {"znver1", avx2, 32_KiB, 512_KiB, 16, 0, "expand_rows=16"},  // 128-bit units: a vector is two operations
      {"znver2", avx2, 32_KiB, 512_KiB, 32, 0},
      {"znver3", avx2, 32_KiB, 512_KiB, 32, 0},
      {"znver4", avx512bf16, 32_KiB, 1_MiB, 32, 128},
      {"znver5", avx512bf16, 48_KiB, 1_MiB, 64, 256},
      // Arm
      {"cortex-a53", neon, 32_KiB, 512_KiB, 8, 0},
      {"cortex-a72", neon, 32_KiB, 1_MiB, 8, 0},
      {"cortex-a55", neonDotprod, 32_KiB, 128_KiB, 8, 32},
      {"cortex-a76", neonDotprod, 64_KiB, 512_KiB, 16, 64},
      {"cortex-x1", neonDotprod, 64_KiB, 1_MiB, 32, 128},
      {"neoverse-n1", neonDotprod, 64_KiB, 1_MiB, 16, 64},
      {"neoverse-v1", neonBf16, 64_KiB, 1_MiB, 32, 128},
      {"neoverse-n2", neonBf16, 64_KiB, 1_MiB, 16, 64},
      {"neoverse-v2", neonBf16, 64_KiB, 2_MiB, 32, 128},
      {"ampere1", neonBf16, 64_KiB, 2_MiB, 16, 64},
      // Apple
      {"apple-m1", neonDotprod, 128_KiB, 12_MiB, 32, 128},
      {"apple-m2", neonBf16, 128_KiB, 16_MiB, 32, 128},
      {"apple-m3", neonBf16, 128_KiB, 16_MiB, 32, 128},
  };
  return table;
}

}  // namespace llc
