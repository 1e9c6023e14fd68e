#include "runtime/serve/bench.h"

#include "runtime/base/clock.h"
#include "runtime/base/cpu.h"
#include "runtime/base/memory.h"
#include "runtime/sampling/random.h"

namespace llc {

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

namespace {
// Bytes of the cache that one decode step reads when a sequence has `length` tokens.
uint64_t cacheBytesAt(const Manifest &m, int64_t length) {
  uint64_t bytes = 0;
  for (const CacheSpec &cache : m.caches) {
    int64_t seen = cache.window ? std::min(cache.window, length) : length;
    bytes += cache.pageBytes() / LLC_PAGE_TOKENS * uint64_t(seen);
  }
  return bytes;
}

// Operations of a prompt, without attention. Only its last token gets logits.
double prefillFlops(const Manifest &m, int64_t tokens) {
  double logits = 2.0 * double(m.hidden) * double(m.vocabulary);
  return std::max(0.0, m.flopsPerToken - logits) * double(tokens) + logits;
}

struct Timing {
  double prefill, decode;
};

// Opened sequences, closed when the measurement ends.
struct Sequences {
  Session &session;
  std::vector<int64_t> ids = {};
  ~Sequences() {
    for (int64_t id : ids) session.close(id);
  }
  // The same new tokens for each, in one call.
  Status feed(std::span<const int32_t> part) {
    std::vector<SequenceTokens> batch;
    for (int64_t id : ids) batch.push_back({id, part, Wanted::last});
    auto rows = session.step(batch);
    return rows ? success() : Status(std::move(rows.error()));
  }
};

Result<Timing> runOnce(Session &session, std::span<const int32_t> tokens, int64_t promptTokens, int64_t count) {
  Sequences sequences{session};
  for (int64_t i = 0; i < count; ++i) {
    LLC_ASSIGN(int64_t id, session.open());
    sequences.ids.push_back(id);
  }
  Timing timing = {};
  auto begin = Clock::now();
  LLC_TRY(sequences.feed(tokens.first(size_t(promptTokens))));
  timing.prefill = secondsSince(begin);
  begin = Clock::now();
  for (size_t i = size_t(promptTokens); i < tokens.size(); ++i) LLC_TRY(sequences.feed(tokens.subspan(i, 1)));
  timing.decode = secondsSince(begin);
  return timing;
}
}  // namespace

std::vector<int32_t> benchTokens(const Manifest &manifest, int64_t count) {
  Random random(1);
  std::vector<int32_t> tokens(static_cast<size_t>(count));
  for (int32_t &token : tokens) token = int32_t(random.next() % uint32_t(manifest.vocabulary));
  return tokens;
}

Status checkLengths(const Session &session, const BenchOptions &options) {
  int64_t context = session.limits().maxContext;
  if (options.promptTokens < 1 || options.genTokens < 1 || options.repeats < 1 || options.sequences < 1)
    return diagnose(ErrorKind::invalidInput)
        .says("there is nothing to measure")
        .toFix("ask for at least one token of each, one repeat and one sequence");
  if (options.promptTokens <= context && options.genTokens <= context - options.promptTokens) return success();
  return diagnose(ErrorKind::invalidInput, "--prompt-tokens")
      .says(fmt::format("{} and {} generated ones are longer than the context of {}", options.promptTokens,
                        options.genTokens, context))
      .toFix("ask for fewer, or compile with a larger --max-context");
}

Result<BenchResult> bench(Session &session, const BenchOptions &options) {
  LLC_TRY(checkLengths(session, options));
  const Manifest &m = session.program().manifest();
  std::vector<int32_t> tokens = benchTokens(m, options.promptTokens + options.genTokens);
  // Once for the caches, page tables and frequencies: a short prompt and a few steps.
  LLC_TRY(runOnce(session, std::span(tokens).first(std::min<size_t>(tokens.size(), 10)), 1, options.sequences));
  std::vector<double> prefill, decode;
  for (int64_t i = 0; i < options.repeats; ++i) {
    LLC_ASSIGN(Timing timing, runOnce(session, tokens, options.promptTokens, options.sequences));
    prefill.push_back(timing.prefill), decode.push_back(timing.decode);
  }
  BenchResult result;
  result.promptTokens = options.promptTokens, result.genTokens = options.genTokens, result.threads = session.threads();
  result.level = session.program().level(), result.sequences = options.sequences;
  result.prefillTokensPerSecond = double(options.promptTokens * options.sequences) / median(prefill);
  result.decodeTokensPerSecond = double(options.genTokens * options.sequences) / median(decode);
  result.bytesPerToken =
      m.bytesPerToken / uint64_t(options.sequences) + cacheBytesAt(m, options.promptTokens + options.genTokens / 2);
  result.peakRssBytes = double(peakResidentBytes());  // before the measurements below take memory of their own
  result.compileSeconds = options.compileSeconds, result.startSeconds = options.startSeconds;
  LLC_ASSIGN(result.readBandwidth, measureReadBandwidth(session.team()));
  result.peakFlops = measurePeakFlops(session.team(), result.level, m);
  result.decodeBandwidthShare = result.decodeTokensPerSecond * double(result.bytesPerToken) / result.readBandwidth;
  result.prefillFlopShare =
      double(options.sequences) * prefillFlops(m, options.promptTokens) / median(prefill) / result.peakFlops;
  return result;
}

nlohmann::json toJson(const BenchResult &r) {
  return {{"prompt_tokens", r.promptTokens},
          {"gen_tokens", r.genTokens},
          {"sequences", r.sequences},
          {"threads", r.threads},
          {"level", r.level},
          {"prefill_tok_s", r.prefillTokensPerSecond},
          {"decode_tok_s", r.decodeTokensPerSecond},
          {"bytes_per_token", r.bytesPerToken},
          {"read_bandwidth_gb_s", r.readBandwidth * 1e-9},
          {"peak_gflop_s", r.peakFlops * 1e-9},
          {"decode_bandwidth_share", r.decodeBandwidthShare},
          {"prefill_flop_share", r.prefillFlopShare},
          {"peak_rss_gb", r.peakRssBytes * 1e-9},
          {"compile_s", r.compileSeconds},
          {"start_s", r.startSeconds}};
}

std::string describe(const BenchResult &r) {
  bool inCaches = int64_t(r.bytesPerToken) * r.sequences <= int64_t(hostCpu().l3Bytes);
  return fmt::format(
      "prefill  {:10.1f} tok/s  {} tokens; {:.0f} % of {:.1f} GFLOP/s\n"
      "decode   {:10.1f} tok/s  {} tokens; {} per token, {:.0f} % of {:.1f} GB/s{}\n"
      "memory   {:10.3f} GB     largest resident size\n"
      "compile  {:10.2f} s\n"
      "start    {:10.3f} s\n"
      "with {}, {}, {}\n",
      r.prefillTokensPerSecond, r.promptTokens, 100 * r.prefillFlopShare, r.peakFlops * 1e-9, r.decodeTokensPerSecond,
      r.genTokens, humanBytes(r.bytesPerToken), 100 * r.decodeBandwidthShare, r.readBandwidth * 1e-9,
      inCaches ? " of memory; but the CPU's caches hold the model" : "", r.peakRssBytes * 1e-9, r.compileSeconds,
      r.startSeconds, counted(r.threads, "thread"), counted(r.sequences, "sequence"), r.level);
}

}  // namespace llc
