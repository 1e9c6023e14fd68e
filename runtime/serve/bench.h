// Speed of an engine, and what the machine could give: read bandwidth and multiply-add peak, measured in the same run
// with the same threads, so that the shares hold for the machine as it is now (shared, throttled, virtual).
#pragma once
#include <nlohmann/json.hpp>

#include "runtime/serve/session.h"

namespace llc {

// Bytes per second that `team` reads from memory (every byte of a block larger than the caches; best of a few passes).
// resource: no memory for the block.
Result<double> measureReadBandwidth(ThreadTeam &team);

// Operations (multiply and add counted apart) per second with what compiled products of the instruction-set level use
// at best: f32 multiply-adds of "generic", "avx2", "avx512"...; beside weights of "bf16" the tiles of "amx", and dot
// products of bf16 pairs if activations are rounded as well.
double measurePeakFlops(ThreadTeam &team, std::string_view level, std::string_view weights,
                        bool roundedActivations = false);
// The same for the products of a program.
double measurePeakFlops(ThreadTeam &team, std::string_view level, const Manifest &manifest);

// Of values that are there; of an even number the upper one.
double median(std::vector<double> values);

struct BenchOptions {
  int64_t promptTokens = 512;
  int64_t genTokens = 64;
  int64_t repeats = 3;  // of each measurement; the median counts
  int64_t sequences =
      1;  // at once: each gets the prompt, a decode step feeds one token to all. The session must hold them
  double compileSeconds =
      0;  // what the caller measured: compiling, and from the start of the process to the first step
  double startSeconds = 0;
};

struct BenchResult {
  int64_t promptTokens = 0, genTokens = 0, sequences = 0, threads = 0;
  double prefillTokensPerSecond = 0, decodeTokensPerSecond = 0;  // of all sequences together
  uint64_t bytesPerToken = 0;  // per decode step: weights, and the caches at the mean length; divided by the sequences
  double readBandwidth = 0, peakFlops = 0;
  // Decode's bytes per second over the read bandwidth of memory; above 1 where the caches of the CPU hold much of the model.
  double decodeBandwidthShare = 0;
  double prefillFlopShare = 0;  // prefill's operations per second over the peak; attention is not counted
  double peakRssBytes = 0, compileSeconds = 0, startSeconds = 0;
  std::string level;
};

// The pseudo-random tokens that benchmarks and profiles feed: always the same for the same model and count.
std::vector<int32_t> benchTokens(const Manifest &manifest, int64_t count);
// invalidInput: nothing to measure, or more tokens than the context holds.
Status checkLengths(const Session &session, const BenchOptions &options);

// Feeds fixed pseudo-random tokens (nothing is sampled): a prompt, then single tokens behind it. Errors: see
// checkLengths.
Result<BenchResult> bench(Session &session, const BenchOptions &options);

// The keys of `llc-model bench --json`, and a few lines for people.
nlohmann::json toJson(const BenchResult &result);
std::string describe(const BenchResult &result);

}  // namespace llc
