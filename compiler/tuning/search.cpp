#include "compiler/tuning/search.h"

#include <fmt/format.h>

#include <algorithm>

namespace llc::compiler {
namespace {

class Search {
 public:
  Search(const Target &start, const TuningSearch &search) : start_(start), search_(search) {}

  Result<TuningResult> run() {
    LLC_ASSIGN(table_, search_.compile({}));
    best_ = table_;
    if (!search_.from.empty()) {
      result_.tuning = search_.from;
      LLC_ASSIGN(best_, search_.compile(result_.tuning));
    }
    for (const Tunable &tunable : allTunables()) LLC_TRY(improve(tunable));
    result_.complete = !stopped_;
    LLC_TRY(judge());
    return std::move(result_);
  }

 private:
  // Fastest runs of two programs, in turn.
  struct Pair {
    StepSeconds one, other;
  };
  static void keepFastest(StepSeconds &fastest, const StepSeconds &now, bool first) {
    fastest = first ? now : StepSeconds{std::min(fastest.decode, now.decode), std::min(fastest.prefill, now.prefill)};
  }
  Result<Pair> compare(const TuningRun &one, const TuningRun &other, bool decode, bool prefill, bool toTheEnd = false) {
    Pair pair;
    for (int round = 0; round < search_.rounds && (round == 0 || toTheEnd || !search_.stop()); ++round) {
      LLC_ASSIGN(StepSeconds first, one(decode, prefill));
      LLC_ASSIGN(StepSeconds second, other(decode, prefill));
      keepFastest(pair.one, first, round == 0);
      keepFastest(pair.other, second, round == 0);
      // Clearly slower: further rounds would not change that.
      if (gain(pair, decode) < 0.9) break;
    }
    return pair;
  }
  static double gain(const Pair &pair, bool decode) {
    return decode ? pair.one.decode / pair.other.decode : pair.one.prefill / pair.other.prefill;
  }
  bool stopped() { return stopped_ = stopped_ || search_.stop(); }

  Status improve(const Tunable &tunable) {
    for (int64_t value : tunable.values) {
      auto known = result_.tuning.find(tunable.name);
      int64_t current = known != result_.tuning.end() ? known->second : start_.*tunable.field;
      if (value == current) continue;
      if (stopped()) return success();
      LLC_TRY(tryValue(tunable, value));
    }
    return success();
  }

  Status tryValue(const Tunable &tunable, int64_t value) {
    Tuning candidate = result_.tuning;
    candidate[std::string(tunable.name)] = value;
    LLC_ASSIGN(TuningRun run, search_.compile(candidate));
    LLC_ASSIGN(Pair pair, compare(best_, run, tunable.decode, !tunable.decode));
    ++result_.tried;
    double found = gain(pair, tunable.decode);
    bool accepted = found > search_.leastGain && !stopped();
    if (accepted) {  // lucky once is not enough, and the other kind of step must not pay for it
      LLC_ASSIGN(Pair again, compare(best_, run, true, true));
      accepted = gain(again, tunable.decode) > search_.leastGain && gain(again, !tunable.decode) > 0.99;
    }
    search_.report(fmt::format("{}={}: {:+.1f} % speed in {}{}", tunable.name, value, (found - 1) * 100,
                               tunable.decode ? "decode" : "prefill", accepted ? ", kept" : ""));
    if (!accepted) return success();
    result_.tuning = std::move(candidate);
    best_ = std::move(run);
    return success();
  }

  // What it all gives in the end. Gains that do not show up together are none. The verdict takes its time: one unlucky
  // run must not throw away what a search has found.
  Status judge() {
    LLC_ASSIGN(Pair pair, compare(table_, best_, true, true, /*toTheEnd=*/true));
    result_.before = pair.one, result_.after = pair.other;
    if (result_.tuning.empty() || std::max(gain(pair, true), gain(pair, false)) > search_.leastGain) return success();
    result_.tuning.clear();
    result_.after = result_.before;
    return success();
  }

  const Target &start_;
  const TuningSearch &search_;
  TuningRun table_, best_;
  TuningResult result_;
  bool stopped_ = false;
};
}  // namespace

Result<TuningResult> searchTuning(const Target &start, const TuningSearch &search) {
  return Search(start, search).run();
}

}  // namespace llc::compiler
