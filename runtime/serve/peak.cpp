// What the machine can give at most. The loops use intrinsics with the function attribute `target`, so that the rest of
// the runtime stays portable.
#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#include "runtime/base/clock.h"
#include "runtime/base/cpu.h"
#include "runtime/base/memory.h"
#include "runtime/serve/bench.h"
#include "runtime/threads/limits.h"

namespace llc {

namespace {
// Keeps a value alive that nobody uses, so that the loop that computed it stays.
template <class T>
void keep(const T &value) {
  asm volatile("" : : "g"(&value) : "memory");
}

uint64_t sumPortable(const uint64_t *data, size_t words) {
  uint64_t sums[8] = {};
  for (size_t i = 0; i + 8 <= words; i += 8)
    for (size_t j = 0; j < 8; ++j) sums[j] += data[i + j];
  return sums[0] ^ sums[1] ^ sums[2] ^ sums[3] ^ sums[4] ^ sums[5] ^ sums[6] ^ sums[7];
}

constexpr int64_t rounds = 400'000;
using FlopLoop = double (*)();  // returns how many operations it did

// Independent chains: enough to fill two multiply-add pipes of latency 4 or 5.
constexpr int chains = 10;

double flopsPortable() {
  float sums[chains * 4] = {}, factor = 0.999f;
  keep(factor);
  for (int64_t i = 0; i < rounds; ++i)
    for (float &sum : sums) sum = sum * factor + 1.0f;
  keep(sums);
  return double(rounds) * chains * 4 * 2;
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) uint64_t sumAvx2(const uint64_t *data, size_t words) {
  auto *vectors = reinterpret_cast<const __m256i *>(data);
  __m256i a = _mm256_setzero_si256(), b = a, c = a, d = a;
  for (size_t i = 0; i + 4 <= words / 4; i += 4) {
    // Four streams far apart in time, none in space: the hardware's prefetchers know this pattern best.
    a = _mm256_add_epi64(a, _mm256_load_si256(vectors + i));
    b = _mm256_add_epi64(b, _mm256_load_si256(vectors + i + 1));
    c = _mm256_add_epi64(c, _mm256_load_si256(vectors + i + 2));
    d = _mm256_add_epi64(d, _mm256_load_si256(vectors + i + 3));
  }
  __m256i sum = _mm256_add_epi64(_mm256_add_epi64(a, b), _mm256_add_epi64(c, d));
  return uint64_t(_mm256_extract_epi64(sum, 0)) ^ uint64_t(_mm256_extract_epi64(sum, 3));
}

__attribute__((target("avx2,fma"))) double flopsAvx2() {
  __m256 sums[chains], factor = _mm256_set1_ps(0.999f), one = _mm256_set1_ps(1.0f);
  for (auto &sum : sums) sum = one;
  for (int64_t i = 0; i < rounds; ++i)
    for (auto &sum : sums) sum = _mm256_fmadd_ps(sum, factor, one);
  keep(sums);
  return double(rounds) * chains * 8 * 2;
}

__attribute__((target("avx512f"))) double flopsAvx512() {
  __m512 sums[chains], factor = _mm512_set1_ps(0.999f), one = _mm512_set1_ps(1.0f);
  for (auto &sum : sums) sum = one;
  for (int64_t i = 0; i < rounds; ++i)
    for (auto &sum : sums) sum = _mm512_fmadd_ps(sum, factor, one);
  keep(sums);
  return double(rounds) * chains * 16 * 2;
}

__attribute__((target("avx512f,avx512bf16"))) double flopsPairs() {
  constexpr int manyChains = 16;  // two pipes, and a latency of up to 8
  __m512 sums[manyChains] = {};
  __m512bh pairs = _mm512_cvtne2ps_pbh(_mm512_set1_ps(0.5f), _mm512_set1_ps(0.25f));
  for (int64_t i = 0; i < rounds; ++i)
    for (auto &sum : sums) sum = _mm512_dpbf16_ps(sum, pairs, pairs);
  keep(sums);
  return double(rounds) * manyChains * 32 * 2;
}

// Products of 16 x 16 x 32 bf16 pairs on zero tiles, four accumulators.
__attribute__((target("amx-tile,amx-bf16"))) double flopsAmx() {
  struct alignas(64) {
    uint8_t palette = 1, start = 0, reserved[14] = {};
    uint16_t columnBytes[16] = {64, 64, 64, 64, 64, 64};
    uint8_t rows[16] = {16, 16, 16, 16, 16, 16};
  } configuration;
  constexpr int64_t steps = rounds / 4;
  _tile_loadconfig(&configuration);
  _tile_zero(0), _tile_zero(1), _tile_zero(2), _tile_zero(3), _tile_zero(4), _tile_zero(5);
  for (int64_t i = 0; i < steps; ++i) {
    _tile_dpbf16ps(0, 4, 5);
    _tile_dpbf16ps(1, 4, 5);
    _tile_dpbf16ps(2, 4, 5);
    _tile_dpbf16ps(3, 4, 5);
  }
  _tile_release();
  return double(steps) * 4 * 16 * 16 * 32 * 2;
}
#elif defined(__aarch64__)
double flopsNeon() {
  constexpr int manyChains = 20;  // up to four pipes of latency 4, and 32 registers
  float32x4_t sums[manyChains], factor = vdupq_n_f32(0.999f), small = vdupq_n_f32(1e-6f);
  for (auto &sum : sums) sum = factor;
  for (int64_t i = 0; i < rounds; ++i)
    for (auto &sum : sums) sum = vfmaq_f32(sum, factor, small);
  keep(sums);
  return double(rounds) * manyChains * 4 * 2;
}
#endif

FlopLoop flopLoop(std::string_view level, std::string_view weights) {
#if defined(__x86_64__)
  if (level == "amx" && weights == "bf16" && hostCpu().has("amx-bf16")) return flopsAmx;
  if (level != "generic" && level != "avx2" && hostCpu().has("avx512f")) return flopsAvx512;
  if (level != "generic" && hostCpu().has("fma")) return flopsAvx2;
#elif defined(__aarch64__)
  return flopsNeon;
#endif
  return flopsPortable;
}

// Pairs are no gain on every processor that has them, so they are an addition to the multiply-adds.
FlopLoop pairLoop(std::string_view level, std::string_view weights) {
#if defined(__x86_64__)
  bool has = (level == "avx512bf16" || level == "avx512fp16") && hostCpu().has("avx512bf16");
  if (has && weights == "bf16") return flopsPairs;
#endif
  return nullptr;
}

double fastest(ThreadTeam &team, FlopLoop loop) {
  std::vector<double> operations(size_t(team.size()));
  double best = 0;
  for (int pass = 0; pass < 6; ++pass) {
    auto begin = Clock::now();
    team.run([&](int64_t thread, int64_t) {
      double sum = 0;
      for (int i = 0; i < 20; ++i) sum += loop();
      operations[size_t(thread)] = sum;
    });
    double seconds = secondsSince(begin), total = 0;
    for (double count : operations) total += count;
    best = std::max(best, total / seconds);
  }
  return best;
}
}  // namespace

double measurePeakFlops(ThreadTeam &team, std::string_view level, std::string_view weights, bool roundedActivations) {
  double best = fastest(team, flopLoop(level, weights));
  if (FlopLoop pairs = roundedActivations ? pairLoop(level, weights) : nullptr)
    best = std::max(best, fastest(team, pairs));
  return best;
}

double measurePeakFlops(ThreadTeam &team, std::string_view level, const Manifest &manifest) {
  auto activations = manifest.versions.find("activations");
  bool rounded = activations != manifest.versions.end() && activations->second == "bf16";
  return measurePeakFlops(team, level, manifest.dtype, rounded);
}

Result<double> measureReadBandwidth(ThreadTeam &team) {
  // Larger than any cache, but never a burden: at most a quarter of what is free.
  uint64_t bytes = std::max<uint64_t>(256 << 20, 4 * uint64_t(hostCpu().l3Bytes));
  bytes = std::min({bytes, memoryLimits().availableBytes / 4, uint64_t(1) << 30}) / 4096 * 4096;
  LLC_ASSIGN(auto memory, allocatePages(bytes, "measuring bandwidth", "close other programs"));
  auto *words = static_cast<uint64_t *>(memory.get());
  auto part = [&](int64_t thread, int64_t threads) {
    uint64_t pages = bytes / 4096, begin = pages * uint64_t(thread) / uint64_t(threads),
             end = pages * uint64_t(thread + 1) / uint64_t(threads);
    return std::span(words + begin * 512, (end - begin) * 512);
  };
  team.run([&](int64_t thread, int64_t threads) {
    auto mine = part(thread, threads);
    std::fill(mine.begin(), mine.end(), 1);  // pages that nobody wrote to are all the same page of zeros
  });
  auto sum = sumPortable;
#if defined(__x86_64__)
  if (hostCpu().has("avx2")) sum = sumAvx2;
#endif
  double best = 0;
  for (int pass = 0; pass < 6; ++pass) {
    auto begin = Clock::now();
    team.run([&](int64_t thread, int64_t threads) {
      auto mine = part(thread, threads);
      uint64_t total = sum(mine.data(), mine.size());
      keep(total);
    });
    best = std::max(best, double(bytes) / secondsSince(begin));
  }
  return best;
}

}  // namespace llc
