// Speed of an engine, and what the machine could give: read bandwidth and multiply-add peak, measured in the same run
// with the same threads, so that the shares hold for the machine as it is now (shared, throttled, virtual).
#pragma once
#include <nlohmann/json.hpp>

#include "runtime/serve/session.h"

namespace llc {

// Bytes per second that `team` reads from memory (every byte of a block larger than the caches; best of a few passes).
// resource: no memory for the block.
Result<double> measureReadBandwidth(ThreadTeam &team);

// f32 operations (multiply and add counted apart) per second with the widest multiply-add of the instruction-set level:
// "generic", "avx2", "avx512"...; "avx512bf16" counts its bf16 dot products.
double measurePeakFlops(ThreadTeam &team, std::string_view level);

struct BenchOptions {
  int64_t promptTokens = 512;
  int64_t genTokens = 64;
  int64_t repeats = 3;  // of each measurement; the median counts
  double compileSeconds =
      0;  // what the caller measured: compiling, and from the start of the process to the first step
  double startSeconds = 0;
};

struct BenchResult {
  int64_t promptTokens = 0, genTokens = 0, threads = 0;
  double prefillTokensPerSecond = 0, decodeTokensPerSecond = 0;
  uint64_t bytesPerToken = 0;  // weights read by a decode step, and the cache at the mean length
  double readBandwidth = 0, peakFlops = 0;
  double decodeBandwidthShare = 0;  // decode's bytes per second over the read bandwidth
  double prefillFlopShare = 0;      // prefill's operations per second over the peak
  double peakRssBytes = 0, compileSeconds = 0, startSeconds = 0;
  std::string level;
};

// Feeds fixed pseudo-random tokens (nothing is sampled): a prompt, then single tokens behind it.
// invalidInput: prompt and generated tokens are longer than the context.
Result<BenchResult> bench(Session &session, const BenchOptions &options);

// The keys of `llc-model bench --json`, and a few lines for people.
nlohmann::json toJson(const BenchResult &result);
std::string describe(const BenchResult &result);

}  // namespace llc
