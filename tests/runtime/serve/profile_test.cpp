// Profiles of steps whose events are written by hand: sums, work, shares, reports.
#include "runtime/serve/profile.h"

#include <gtest/gtest.h>

#include <set>

using namespace llc;
using nlohmann::json;

namespace {
// Two stages: a fused product with its residual, and attention with a window of 4.
std::vector<StageSpec> stages() {
  StageSpec product;
  product.entry = "step", product.kernel = "matmul_1";
  product.flops = {0, 2 * 8 * 4 + 4, 0}, product.bytes = {8 * 4 * 2, 4 * (8 + 4 + 4), 0};
  product.parts = {{"linear", "model.layers.0.o_proj", {0, 2 * 8 * 4, 0}}, {"add", "model.layers.0", {0, 4, 0}}};
  StageSpec attention;
  attention.entry = "step", attention.kernel = "attention_1", attention.window = 4;
  attention.flops = {0, 0, 100}, attention.bytes = {0, 16, 64};
  attention.parts = {{"paged_attention", "model.layers.0.\"attn\"</script>", attention.flops}};
  return {product, attention};
}

// A step of one sequence that has `cached` tokens and gets `fresh` more.
struct Step {
  std::vector<int32_t> positions, starts, lengths;
  llc_batch batch = {};
  llc_context context = {};
  Step(int32_t cached, int32_t fresh) : starts({0, fresh}), lengths({cached + fresh}) {
    for (int32_t i = 0; i < fresh; ++i) positions.push_back(cached + i);
    batch.tokens = fresh, batch.sequences = 1, batch.rows = 1;
    batch.positions = positions.data(), batch.sequence_starts = starts.data(), batch.context_lengths = lengths.data();
    context.batch = &batch;
  }
};

struct Span {
  int64_t stage;
  uint64_t begin, end;  // ticks after the first
};
// Runs a step in which the threads write these events.
void record(ProfileRecorder &recorder, Step step, const std::vector<std::vector<Span>> &threads) {
  recorder.before(step.context);
  uint64_t now = __builtin_readcyclecounter();
  for (size_t t = 0; t < threads.size(); ++t) {
    llc_profile_log &log = step.context.profile[t];
    ASSERT_GE(log.capacity, int64_t(threads[t].size()));
    for (const Span &span : threads[t]) log.events[log.count++] = {span.stage, 1, now + span.begin, now + span.end};
  }
  while (__builtin_readcyclecounter() < now + 1000) continue;
  recorder.after(step.context);
}

Profile sample() {
  Profile profile;
  profile.model = "m", profile.level = "avx2", profile.threads = 2, profile.repeats = 1;
  profile.stages = stages();
  ProfileRecorder recorder(stages(), 2);
  recorder.keepEvents(true);
  PhaseTotal prefill, decode;
  prefill.name = "prefill", decode.name = "decode";
  record(recorder, Step(0, 6), {{{0, 0, 400}, {~0, 400, 500}, {1, 500, 800}}, {{0, 0, 500}}});
  recorder.finishCall(prefill, 1e-3, 6);
  record(recorder, Step(6, 1), {{{0, 0, 100}, {~0, 100, 100}, {1, 100, 200}}, {}});
  record(recorder, Step(7, 1), {{{0, 0, 100}, {~0, 100, 100}, {1, 100, 200}}, {}});
  recorder.finishCall(decode, 1e-3, 2);
  profile.phases = {prefill, decode};
  profile.events = recorder.takeEvents();
  profile.peakFlops = 1e9, profile.readBandwidth = 1e9;
  applyBounds(profile);
  return profile;
}
}  // namespace

TEST(Profile, countsCallsAndWork) {
  Profile p = sample();
  const PhaseTotal &prefill = p.phases[0], &decode = p.phases[1];
  EXPECT_EQ(prefill.steps, 1);
  EXPECT_EQ(decode.steps, 2);
  EXPECT_EQ(prefill.stages[0].calls, 1);  // by both threads, but one call
  EXPECT_EQ(prefill.stages[0].chunks, 2);
  EXPECT_EQ(decode.stages[0].calls, 2);
  EXPECT_EQ(prefill.stages[0].flops, 6 * (2 * 8 * 4 + 4));
  EXPECT_EQ(prefill.stages[0].bytes, 64 + 6 * 64);
  EXPECT_EQ(prefill.stages[1].flops, 100 * (1 + 2 + 3 + 4 + 4 + 4));  // the window holds 4
  EXPECT_EQ(prefill.stages[1].bytes, 6 * 16 + 64 * 6);                // each cached token once
  EXPECT_EQ(decode.stages[1].flops, 2 * 100 * 4);
  EXPECT_EQ(decode.stages[1].bytes, 2 * (16 + 64 * 4));
}

TEST(Profile, timeIsThatOfAllThreads) {
  Profile p = sample();
  const PhaseTotal &prefill = p.phases[0];
  EXPECT_NEAR(prefill.stages[0].seconds / prefill.stages[1].seconds, 900.0 / 300.0, 1e-6);
  EXPECT_NEAR(prefill.stages[0].waitSeconds / prefill.stages[1].seconds, 100.0 / 300.0, 1e-6);
  EXPECT_NEAR(prefill.threads[0].busy / prefill.threads[1].busy, 700.0 / 500.0, 1e-6);
  EXPECT_EQ(prefill.threads[1].barriers, 0);
}

TEST(Profile, sharesAddUp) {
  Profile p = sample();
  for (const PhaseTotal &phase : p.phases) {
    Shares s = sharesOf(phase);
    EXPECT_NEAR(s.computing + s.waiting + s.between + s.outside, 1, 0.01) << phase.name;
    EXPECT_GT(s.computing, 0);
  }
  EXPECT_EQ(sharesOf({}).computing, 0);
}

TEST(Profile, rowsDivideAndSumTheTime) {
  Profile p = sample();
  const PhaseTotal &prefill = p.phases[0];
  double all = prefill.stages[0].seconds + prefill.stages[1].seconds;
  auto sum = [](const std::vector<ProfileRow> &rows) {
    double seconds = 0;
    for (const ProfileRow &row : rows) seconds += row.total.seconds;
    return seconds;
  };
  EXPECT_NEAR(sum(rowsByKernel(p, prefill)), all, 1e-12);
  EXPECT_NEAR(sum(rowsByOp(p, prefill)), all, 1e-12);
  std::map<std::string, double> places, ops;
  for (const ProfileRow &row : rowsByPlace(p, prefill)) places[row.place] = row.total.seconds;
  for (const ProfileRow &row : rowsByOp(p, prefill)) ops[row.place + " " + row.op] = row.total.seconds;
  EXPECT_NEAR(places["model"], all, 1e-12);
  EXPECT_NEAR(places["model.layers.0"], all, 1e-12);
  EXPECT_NEAR(ops["model.layers.0 add"] / ops["model.layers.0.o_proj linear"], 4.0 / 64, 1e-9);
}

TEST(Profile, boundIsTheSlowerLimit) {
  Profile p = sample();
  const StageTotal &stage = p.phases[1].stages[0];
  EXPECT_DOUBLE_EQ(stage.bound, std::max(stage.flops, stage.bytes) / 1e9);
}

TEST(Profile, jsonHasTheNamedKeys) {
  json out = json::parse(toJson(sample()).dump());
  for (const char *key : {"model", "level", "threads", "peak_gflop_s", "read_bandwidth_gb_s"})
    EXPECT_TRUE(out.contains(key)) << key;
  ASSERT_EQ(out["phases"].size(), 2u);
  for (const json &phase : out["phases"]) {
    EXPECT_EQ(phase["kernels"].size(), 2u);
    EXPECT_EQ(phase["threads"].size(), 2u);
    for (const char *table : {"kernels", "ops", "places", "stages"})
      for (const json &row : phase[table])
        for (const char *key :
             {"calls", "time_s", "share", "flops", "bytes", "gflop_s", "gb_s", "roofline_share", "wait_s"})
          EXPECT_TRUE(row.contains(key)) << table << " " << key;
  }
}

TEST(Profile, textNamesKernelsAndWhatIsMissing) {
  Profile p = sample();
  std::string text = describe(p, true);
  for (const char *name :
       {"matmul_1", "attention_1", "model.layers.0.o_proj  linear", "prefill", "decode", "thread   1"})
    EXPECT_NE(text.find(name), std::string::npos) << name << " in\n" << text;
  EXPECT_NE(text.find("is neither computing nor waiting"),
            std::string::npos);  // the calls took longer than their steps
}

TEST(Profile, traceIsJsonWithATrackPerThread) {
  json trace = json::parse(chromeTrace(sample()));
  std::set<std::string> tracks;
  double last = 0;
  int stagesSeen = 0, waits = 0, steps = 0;
  for (const json &event : trace["traceEvents"]) {
    if (event["ph"] == "M") {
      if (event["name"] == "thread_name") tracks.insert(event["args"]["name"]);
      continue;
    }
    ASSERT_EQ(event["ph"], "X");
    EXPECT_GE(event["dur"].get<double>(), 0);
    EXPECT_GE(event["ts"].get<double>(), last);
    last = event["ts"];
    std::string kind = event["cat"];
    stagesSeen += kind == "stage", waits += kind == "wait", steps += kind == "step";
  }
  EXPECT_EQ(tracks, (std::set<std::string>{"thread 0", "thread 1", "steps"}));
  EXPECT_EQ(stagesSeen, 3 + 2 + 2);
  EXPECT_EQ(waits, 3);
  EXPECT_EQ(steps, 3);
}
