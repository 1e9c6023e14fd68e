// Where the time of a program goes that was compiled for profiling: per stage, kernel, place of the model and thread,
// apart for prefill and decode, beside what the machine could do (bench.h).
//
// How time is counted. Threads write down events (llc_abi.h). A stage's seconds are those of all threads together,
// divided by their number: the part of the wall time that the team spent on it. What is left of the wall time is
// waiting (at barriers, for the first work of a step, for the last thread), time between events (claiming chunks), and
// time outside steps; the five parts add up to the wall time.
#pragma once
#include <memory>
#include <nlohmann/json.hpp>

#include "runtime/abi/stage_table.h"
#include "runtime/serve/bench.h"

namespace llc {

// One stage in one phase, all measured calls together.
struct StageTotal {
  int64_t calls = 0, chunks = 0;
  double seconds = 0;      // of the wall time
  double waitSeconds = 0;  // at the barrier behind it
  double flops = 0, bytes = 0;
  double bound = 0;  // least seconds on this machine: the slower of arithmetic and memory
};

struct ThreadTotal {
  double busy = 0, barriers = 0;  // seconds
  double start = 0, end = 0;      // from the step's begin to the first event, from the last one to the step's end
  double between = 0;             // between events
};

struct PhaseTotal {
  std::string name;                          // "prefill": whole prompts; "decode": single tokens
  int64_t calls = 0, steps = 0, tokens = 0;  // a long prompt takes several steps of the program
  double wallSeconds = 0, stepSeconds = 0;   // of calls of the session, and of the program's steps in them
  std::vector<StageTotal> stages;            // by stage number
  std::vector<ThreadTotal> threads;
};

// Parts of a phase's wall time; they add up to 1.
struct Shares {
  double computing = 0, waiting = 0, between = 0, outside = 0;
  double explained() const { return computing + waiting; }
};
Shares sharesOf(const PhaseTotal &phase);

struct TimedEvent {
  int64_t thread, stage, chunks;  // stage: as in llc_profile_event; stepEvent: a whole step
  double begin, end;              // seconds since the first
};
inline constexpr int64_t stepEvent = INT64_MIN;

struct Profile {
  std::string model, level;
  int64_t promptTokens = 0, genTokens = 0, repeats = 0, threads = 0;
  double peakFlops = 0, readBandwidth = 0;
  std::vector<StageSpec> stages;
  std::vector<PhaseTotal> phases;
  std::vector<TimedEvent> events;  // of the last repeat, by begin
  int64_t droppedEvents = 0;       // of the last repeat, beyond what is kept
};

// Collects the events of steps. Used by profile(); apart for tests.
class ProfileRecorder final : public StepObserver {
 public:
  ProfileRecorder(std::vector<StageSpec> stages, int64_t threads);
  ~ProfileRecorder() override;
  void before(llc_context &context) override;
  void after(const llc_context &context) override;

  // Adds what was recorded since the last call to `phase`; `wallSeconds`: of the call of the session that these steps
  // were.
  void finishCall(PhaseTotal &phase, double wallSeconds, int64_t tokens);
  void keepEvents(bool keep);            // for a trace; forgets those kept before
  std::vector<TimedEvent> takeEvents();  // by begin
  int64_t droppedEvents() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Fills in StageTotal::bound.
void applyBounds(Profile &profile);

// Runs a prompt and single tokens behind it, `repeats` times after a warm-up, then measures the machine. The session's
// program must be compiled for profiling; `stages` is its table. Errors: see checkLengths; resource: no memory for
// measuring.
Result<Profile> profile(Session &session, std::vector<StageSpec> stages, const BenchOptions &options);

// ---- reports (profile_report.cpp)
// Sums over stages: of one kernel, of one op at one place, or of everything below a place ("model.layers.3").
struct ProfileRow {
  std::string place, op, kernel;
  StageTotal total;
};
std::vector<ProfileRow> rowsByKernel(const Profile &profile, const PhaseTotal &phase);  // each by time, longest first
std::vector<ProfileRow> rowsByOp(const Profile &profile, const PhaseTotal &phase);
std::vector<ProfileRow> rowsByPlace(const Profile &profile, const PhaseTotal &phase);

nlohmann::json toJson(const Profile &profile);
// Tables for people; `all`: rows below half a percent too.
std::string describe(const Profile &profile, bool all);
// Trace events for Perfetto and chrome://tracing: one track per thread, one for steps.
std::string chromeTrace(const Profile &profile);

}  // namespace llc
