#include "runtime/serve/profile.h"

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

#include "runtime/base/clock.h"

namespace llc {

namespace {
// The counter that generated code reads (compiler/lowering/profile.h).
uint64_t ticksNow() {
#if defined(__x86_64__)
  return __rdtsc();
#elif defined(__aarch64__)
  uint64_t ticks;
  asm volatile("mrs %0, cntvct_el0" : "=r"(ticks));
  return ticks;
#else
#error "profiling needs a tick counter: add this processor's here and in compiler/lowering/profile.cpp"
#endif
}

// The counters of two processors may differ by some ticks.
double between(uint64_t begin, uint64_t end) { return end > begin ? double(end - begin) : 0; }

constexpr size_t mostKeptEvents = 2'000'000;  // 80 MB; a trace beyond that opens nowhere

// What a step computed, as far as the work of its stages depends on it.
struct StepFacts {
  uint64_t begin = 0, end = 0;  // ticks
  double tokens = 0, rows = 0;
  std::vector<double> pairs, slots;  // by number of the window: StageWork::perContext of FLOPs and of bytes
};

double pairsOf(const llc_batch &batch, int64_t window) {
  double pairs = 0;
  for (int64_t t = 0; t < batch.tokens; ++t) {
    int64_t seen = batch.positions[t] + 1;
    pairs += double(window ? std::min(window, seen) : seen);
  }
  return pairs;
}

double slotsOf(const llc_batch &batch, int64_t window) {
  double slots = 0;
  for (int64_t s = 0; s < batch.sequences; ++s) {
    int64_t rows = batch.sequence_starts[s + 1] - batch.sequence_starts[s], cached = batch.context_lengths[s];
    slots += double(window ? std::min(cached, window + rows - 1) : cached);
  }
  return slots;
}
}  // namespace

struct ProfileRecorder::State {
  std::vector<StageSpec> stages;
  std::vector<int64_t> windows;  // that occur
  std::vector<size_t> windowOf;  // by stage
  std::vector<llc_profile_log> logs;
  std::vector<std::vector<llc_profile_event>> buffers;
  // Recorded since finishCall: steps, and per step and thread the events.
  std::vector<StepFacts> steps;
  std::vector<std::vector<llc_profile_event>> events;
  bool keep = false;
  std::vector<TimedEvent> kept;
  int64_t dropped = 0;
  Clock::time_point startTime = Clock::now();
  uint64_t startTicks = ticksNow();

  // The longer the recorder lives, the better it knows how long a tick is.
  double secondsPerTick() const {
    double ticks = double(ticksNow() - startTicks);
    return ticks > 0 ? secondsSince(startTime) / ticks : 0;
  }
  void addStep(PhaseTotal &phase, const StepFacts &step, size_t number, double tick);
  void addEvent(PhaseTotal &phase, ThreadTotal &thread, const llc_profile_event &event, double tick);
  void addWork(PhaseTotal &phase, const StepFacts &step, const std::vector<bool> &ran);
  void keepStep(const StepFacts &step, size_t number, double tick);
  void keepEvent(int64_t thread, const llc_profile_event &event, double tick);
};

ProfileRecorder::ProfileRecorder(std::vector<StageSpec> stages, int64_t threads) : state_(std::make_unique<State>()) {
  State &s = *state_;
  s.stages = std::move(stages);
  for (const StageSpec &stage : s.stages) {
    auto found = std::find(s.windows.begin(), s.windows.end(), stage.window);
    s.windowOf.push_back(size_t(found - s.windows.begin()));
    if (found == s.windows.end()) s.windows.push_back(stage.window);
  }
  // A stage is one event of a thread at most, with one barrier behind it: chunks are claimed in rising order.
  size_t capacity = 2 * s.stages.size() + 1;
  s.logs.assign(size_t(threads), {});
  s.buffers.assign(size_t(threads), std::vector<llc_profile_event>(capacity));
  for (size_t i = 0; i < s.logs.size(); ++i)
    s.logs[i].events = s.buffers[i].data(), s.logs[i].capacity = int64_t(capacity);
}
ProfileRecorder::~ProfileRecorder() = default;

void ProfileRecorder::before(llc_context &context) {
  State &s = *state_;
  for (llc_profile_log &log : s.logs) log.count = 0;
  context.profile = s.logs.data();
  const llc_batch &batch = *context.batch;
  StepFacts step;
  step.tokens = double(batch.tokens), step.rows = double(batch.rows);
  for (int64_t window : s.windows)
    step.pairs.push_back(pairsOf(batch, window)), step.slots.push_back(slotsOf(batch, window));
  step.begin = ticksNow();
  s.steps.push_back(std::move(step));
}

void ProfileRecorder::after(const llc_context &) {
  State &s = *state_;
  s.steps.back().end = ticksNow();
  for (const llc_profile_log &log : s.logs) {
    s.events.emplace_back(log.events, log.events + log.count);
    s.dropped += log.dropped;
  }
}

void ProfileRecorder::State::addEvent(PhaseTotal &phase, ThreadTotal &thread, const llc_profile_event &event,
                                      double tick) {
  double seconds = between(event.begin, event.end) * tick;
  if (event.stage < 0) {
    phase.stages[size_t(~event.stage)].waitSeconds += seconds / double(logs.size());
    thread.barriers += seconds;
    return;
  }
  StageTotal &stage = phase.stages[size_t(event.stage)];
  stage.seconds += seconds / double(logs.size());
  stage.chunks += event.chunks;
  thread.busy += seconds;
}

void ProfileRecorder::State::addWork(PhaseTotal &phase, const StepFacts &step, const std::vector<bool> &ran) {
  for (size_t i = 0; i < stages.size(); ++i) {
    if (!ran[i]) continue;
    const StageSpec &spec = stages[i];
    double rows = spec.dimension == LLC_DIM_ROWS ? step.rows : step.tokens;
    StageTotal &stage = phase.stages[i];
    ++stage.calls;
    stage.flops += spec.flops.of(rows, step.pairs[windowOf[i]]);
    stage.bytes += spec.bytes.of(rows, step.slots[windowOf[i]]);
  }
}

void ProfileRecorder::State::addStep(PhaseTotal &phase, const StepFacts &step, size_t number, double tick) {
  std::vector<bool> ran(stages.size());
  for (size_t t = 0; t < logs.size(); ++t) {
    ThreadTotal &thread = phase.threads[t];
    uint64_t at = step.begin;
    const auto &list = events[number * logs.size() + t];
    for (const llc_profile_event &event : list) {
      (&event == list.data() ? thread.start : thread.between) += between(at, event.begin) * tick;
      addEvent(phase, thread, event, tick);
      if (event.stage >= 0) ran[size_t(event.stage)] = true;
      at = event.end;
    }
    thread.end += between(at, step.end) * tick;
  }
  addWork(phase, step, ran);
  phase.stepSeconds += between(step.begin, step.end) * tick;
}

void ProfileRecorder::State::keepEvent(int64_t thread, const llc_profile_event &event, double tick) {
  if (kept.size() >= mostKeptEvents) {
    ++dropped;
    return;
  }
  kept.push_back({thread, event.stage, event.chunks, double(event.begin - startTicks) * tick,
                  double(event.end - startTicks) * tick});
}

void ProfileRecorder::State::keepStep(const StepFacts &step, size_t number, double tick) {
  keepEvent(int64_t(logs.size()), {stepEvent, int64_t(step.tokens), step.begin, step.end}, tick);
  for (size_t t = 0; t < logs.size(); ++t)
    for (const llc_profile_event &event : events[number * logs.size() + t]) keepEvent(int64_t(t), event, tick);
}

void ProfileRecorder::finishCall(PhaseTotal &phase, double wallSeconds, int64_t tokens) {
  State &s = *state_;
  phase.stages.resize(s.stages.size());
  phase.threads.resize(s.logs.size());
  double tick = s.secondsPerTick();
  for (size_t i = 0; i < s.steps.size(); ++i) {
    s.addStep(phase, s.steps[i], i, tick);
    if (s.keep) s.keepStep(s.steps[i], i, tick);
  }
  ++phase.calls, phase.steps += int64_t(s.steps.size()), phase.tokens += tokens, phase.wallSeconds += wallSeconds;
  s.steps.clear(), s.events.clear();
}

void ProfileRecorder::keepEvents(bool keep) {
  state_->keep = keep;
  state_->kept.clear();
  state_->dropped = 0;
}

std::vector<TimedEvent> ProfileRecorder::takeEvents() {
  std::vector<TimedEvent> events = std::move(state_->kept);
  std::stable_sort(events.begin(), events.end(), [](auto &a, auto &b) { return a.begin < b.begin; });
  double first = events.empty() ? 0 : events.front().begin;
  for (TimedEvent &event : events) event.begin -= first, event.end -= first;
  return events;
}

int64_t ProfileRecorder::droppedEvents() const { return state_->dropped; }

Shares sharesOf(const PhaseTotal &phase) {
  Shares shares;
  double all = phase.wallSeconds * double(phase.threads.size());
  if (all <= 0) return shares;
  for (const ThreadTotal &thread : phase.threads) {
    shares.computing += thread.busy / all;
    shares.waiting += (thread.barriers + thread.start + thread.end) / all;
    shares.between += thread.between / all;
  }
  shares.outside = (phase.wallSeconds - phase.stepSeconds) / phase.wallSeconds;
  return shares;
}

void applyBounds(Profile &p) {
  for (PhaseTotal &phase : p.phases)
    for (StageTotal &stage : phase.stages)
      stage.bound = std::max(stage.flops / p.peakFlops, stage.bytes / p.readBandwidth);
}

namespace {
// One prompt and single tokens behind it, as bench() feeds them.
Status runOnce(Session &session, ProfileRecorder &recorder, std::span<const int32_t> tokens, int64_t promptTokens,
               PhaseTotal &prefill, PhaseTotal &decode) {
  LLC_ASSIGN(int64_t sequence, session.open());
  auto feed = [&](PhaseTotal &phase, std::span<const int32_t> part) -> Status {
    SequenceTokens batch{sequence, part, Wanted::last};
    auto begin = Clock::now();
    auto rows = session.step({&batch, 1});
    double seconds = secondsSince(begin);
    if (!rows) return std::move(rows.error());
    recorder.finishCall(phase, seconds, int64_t(part.size()));
    return success();
  };
  Status status = feed(prefill, tokens.first(size_t(promptTokens)));
  for (size_t i = size_t(promptTokens); status.ok() && i < tokens.size(); ++i)
    status = feed(decode, tokens.subspan(i, 1));
  session.close(sequence);
  return status;
}

Status runAll(Session &session, ProfileRecorder &recorder, const BenchOptions &options, Profile &profile) {
  std::vector<int32_t> tokens = benchTokens(session.program().manifest(), options.promptTokens + options.genTokens);
  PhaseTotal warmUp, prefill, decode;
  prefill.name = "prefill", decode.name = "decode";
  LLC_TRY(runOnce(session, recorder, std::span(tokens).first(std::min<size_t>(tokens.size(), 10)), 1, warmUp, warmUp));
  for (int64_t i = 0; i < options.repeats; ++i) {
    recorder.keepEvents(i + 1 == options.repeats);
    LLC_TRY(runOnce(session, recorder, tokens, options.promptTokens, prefill, decode));
  }
  profile.events = recorder.takeEvents(), profile.droppedEvents = recorder.droppedEvents();
  profile.phases = {std::move(prefill), std::move(decode)};
  return success();
}
}  // namespace

Result<Profile> profile(Session &session, std::vector<StageSpec> stages, const BenchOptions &options) {
  LLC_TRY(checkLengths(session, options));
  Profile profile;
  profile.stages = stages;
  profile.model = session.program().manifest().name, profile.level = session.program().level();
  profile.promptTokens = options.promptTokens, profile.genTokens = options.genTokens, profile.repeats = options.repeats;
  profile.threads = session.threads();
  {
    ProfileRecorder recorder(std::move(stages), session.threads());
    session.observe(&recorder);
    Status status = runAll(session, recorder, options, profile);
    session.observe(nullptr);
    LLC_TRY(std::move(status));
  }
  LLC_ASSIGN(profile.readBandwidth, measureReadBandwidth(session.team()));
  profile.peakFlops = measurePeakFlops(session.team(), profile.level, session.program().manifest());
  applyBounds(profile);
  return profile;
}

}  // namespace llc
