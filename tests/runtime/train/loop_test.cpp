#include "runtime/train/loop.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <random>

#include "runtime/data/dataset_writer.h"
#include "runtime/train/metrics.h"
#include "runtime/train/micro_batches.h"
#include "runtime/train/stop_signal.h"
#include "tests/runtime/temporary_directory.h"
#include "tests/runtime/train/bigram_program.h"

namespace llc::train {
namespace {

constexpr int64_t vocabulary = 12;

class Loops : public testing::Test {
 protected:
  void SetUp() override {
    auto writer = data::DatasetWriter::create(folder_.file("text.bin"), {});
    ASSERT_TRUE(writer.ok());
    std::mt19937 random(1);
    for (int i = 0; i < 300; ++i) {
      std::vector<int32_t> ids = {int32_t(random() % vocabulary)};
      while (ids.size() < 3 + random() % 20)  // the next is usually one more
        ids.push_back(random() % 4 ? (ids.back() + 1) % int32_t(vocabulary) : int32_t(random() % vocabulary));
      ASSERT_TRUE(writer->add(ids).ok());
    }
    ASSERT_TRUE(writer->commit().ok());
  }

  data::Source source(data::Part part) {
    auto dataset = data::Dataset::open(folder_.file("text.bin"));
    EXPECT_TRUE(dataset.ok());
    return {*dataset, 1, part, data::Split(dataset->sequences(), 0.1, 5)};
  }
  Result<data::TokenStream> stream(data::Part part) {
    data::StreamOptions options;
    options.rows = 2;
    options.length = 16;
    options.repeat = part == data::Part::training;
    return data::TokenStream::create({source(part)}, options);
  }
  static LoopOptions options(int64_t steps) {
    LoopOptions o;
    o.schedule = {Schedule::Kind::cosine, 0.5, 0.1, 5, steps};
    o.accumulation = 2;
    o.vocabulary = vocabulary;
    o.logInterval = 3;
    o.saveInterval = 4;
    o.evaluationInterval = 5;
    return o;
  }

  // As the commands do it: resumes what is there in the folder of that name.
  Result<LoopOutcome> run(const std::string &name, const LoopOptions &o, BigramProgram &program,
                          std::function<void(const TrainerState &, const StepResult &)> onStep = nullptr) {
    LLC_ASSIGN(CheckpointStore store, CheckpointStore::open(folder_.file(name), {}, {}));
    LLC_ASSIGN(data::TokenStream tokens, stream(data::Part::training));
    LLC_ASSIGN(auto checkpoint, store.newest([](const std::string &) {}));
    TrainerState state;
    if (checkpoint) {
      LLC_TRY(loadTensors(*checkpoint, program.state()));
      LLC_ASSIGN(data::StreamState position, data::parseStreamState(checkpoint->data, "data_state.json"));
      LLC_TRY(tokens.restore(position));
      state = checkpoint->trainer;
    }
    LLC_ASSIGN(MetricsFile metrics, MetricsFile::open(folder_.file(name) + "/metrics.jsonl", state.step));
    LoopParts parts{.program = program, .stream = tokens, .checkpoints = store};
    parts.validation = [this] { return stream(data::Part::validation); };
    parts.sinks = {&metrics};
    parts.onStep = onStep;
    return train(parts, o, state);
  }

  // What must not depend on interruptions: all but times, paths and the process's memory.
  std::string curve(const std::string &name) {
    auto records = readMetrics(folder_.file(name) + "/metrics.jsonl");
    EXPECT_TRUE(records.ok());
    std::string text;
    for (Record &record : *records) {
      if (record["event"] == "checkpoint") continue;
      for (const char *key : {"train/tokens_per_second", "train/step_seconds", "train/mfu",
                              "memory/peak_resident_bytes", "time/seconds", "eval/seconds"})
        record.erase(key);
      text += record.dump() + "\n";
    }
    return text;
  }
  std::vector<std::string> warnings(const std::string &name) const {
    std::vector<std::string> messages;
    auto records = readMetrics(folder_.file(name + "/metrics.jsonl"));
    EXPECT_TRUE(records.ok());
    if (!records.ok()) return messages;
    for (const Record &record : *records)
      if (record["event"] == "warning") messages.push_back(record["message"].get<std::string>());
    return messages;
  }
  static std::string weights(const BigramProgram &program) {
    auto data = program.state()[0].data;
    return {reinterpret_cast<const char *>(data.data()), data.size()};
  }

  TemporaryDirectory folder_;
};

TEST_F(Loops, LearnsAndReports) {
  BigramProgram program(vocabulary, 2, 16);
  auto outcome = run("run", options(60), program);
  ASSERT_TRUE(outcome.ok()) << outcome.error().text();
  EXPECT_EQ(outcome->reason, StopReason::finished);
  EXPECT_EQ(outcome->state.step, 60);
  EXPECT_EQ(program.calls, 60);
  EXPECT_EQ(program.lastScalars.step, 60);
  EXPECT_EQ(program.lastScalars.learningRate, options(60).schedule.rateAfter(59));
  auto records = readMetrics(folder_.file("run/metrics.jsonl"));
  ASSERT_TRUE(records.ok());
  std::vector<double> training, evaluation;
  for (const Record &record : *records) {
    if (record["event"] == "train") training.push_back(record["train/loss"]);
    if (record["event"] == "evaluation") evaluation.push_back(record["eval/loss"]);
  }
  ASSERT_EQ(training.size(), 20u);
  ASSERT_EQ(evaluation.size(), 12u);
  EXPECT_NEAR(training.front(), std::log(double(vocabulary)), 0.3);
  EXPECT_LT(training.back(), 1.8);
  EXPECT_LT(evaluation.back(), 1.8);
  EXPECT_EQ(outcome->state.bestLoss, *std::min_element(evaluation.begin(), evaluation.end()));
}

TEST_F(Loops, AnInterruptedRunGoesOnAsIfNothingHadHappened) {
  BigramProgram whole(vocabulary, 2, 16);
  ASSERT_TRUE(run("whole", options(30), whole).ok());
  for (int64_t at : {1, 5, 12}) {
    std::string name = "stopped" + std::to_string(at);
    BigramProgram first(vocabulary, 2, 16), second(vocabulary, 2, 16);
    auto stopped = run(name, options(30), first, [&](const TrainerState &state, const StepResult &) {
      if (state.step == at) raise(SIGINT);
    });
    ASSERT_TRUE(stopped.ok()) << stopped.error().text();
    EXPECT_EQ(stopped->reason, StopReason::interrupted);
    EXPECT_EQ(stopped->state.step, at);
    ASSERT_TRUE(run(name, options(30), second).ok());
    EXPECT_EQ(second.calls, 30 - at);
    EXPECT_EQ(curve(name), curve("whole")) << at;
    EXPECT_EQ(weights(second), weights(whole)) << at;
  }
}

// Killed at random moments, again and again, until it is through.
TEST_F(Loops, KilledAnywhereItEndsTheSame) {
  BigramProgram whole(vocabulary, 2, 16);
  ASSERT_TRUE(run("whole", options(40), whole).ok());
  std::mt19937 random(3);
  int kills = 0;
  for (bool done = false; !done;) {
    pid_t child = fork();
    if (child == 0) {
      BigramProgram program(vocabulary, 2, 16);
      program.pauseMilliseconds = 1;
      auto outcome = run("killed", options(40), program);
      _exit(outcome.ok() ? 0 : 1);
    }
    usleep(useconds_t(2000 + random() % 40000) + useconds_t(kills) * 500);
    kill(child, SIGKILL);
    int status = 0;
    waitpid(child, &status, 0);
    ASSERT_FALSE(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    done = WIFEXITED(status);
    kills += !done;
    ASSERT_LT(kills, 1000);
  }
  EXPECT_GE(kills, 1);
  EXPECT_EQ(curve("killed"), curve("whole"));
  BigramProgram again(vocabulary, 2, 16);
  ASSERT_TRUE(run("killed", options(40), again).ok());  // finished: nothing is done, weights are loaded
  EXPECT_EQ(again.calls, 0);
  EXPECT_EQ(weights(again), weights(whole));
}

TEST_F(Loops, BadStepsChangeNothingAndEndIt) {
  BigramProgram program(vocabulary, 2, 16);
  program.brokenFrom = 11;
  LoopOptions o = options(40);
  o.maxBadSteps = 3;
  auto outcome = run("run", o, program);
  ASSERT_FALSE(outcome.ok());
  EXPECT_NE(outcome.error().what.find("3 steps in a row, up to step 13"), std::string::npos) << outcome.error().text();
  EXPECT_NE(outcome.error().what.find("step-12"), std::string::npos) << outcome.error().text();
  EXPECT_EQ(program.lastScalars.step, 11);  // an update that did not happen is not counted
  EXPECT_EQ(warnings("run").size(), 3u);
  for (const std::string &warning : warnings("run")) EXPECT_TRUE(warning.ends_with("left out")) << warning;
}

// Where weights moved before it was known, the warning says so.
TEST_F(Loops, BadStepsSayWhatHadMovedEarly) {
  BigramProgram program(vocabulary, 2, 16);
  program.brokenFrom = 11, program.movedEarly = 5;
  LoopOptions o = options(40);
  o.maxBadSteps = 1;
  ASSERT_FALSE(run("run", o, program).ok());
  ASSERT_EQ(warnings("run").size(), 1u);
  EXPECT_NE(warnings("run")[0].find("left out but for 5 weights, which had moved early"), std::string::npos);
}

TEST_F(Loops, StopsWhenNothingImproves) {
  BigramProgram program(vocabulary, 2, 16);
  LoopOptions o = options(200);
  o.patience = 3;
  o.threshold = 10;  // nothing after the first is enough
  auto outcome = run("run", o, program);
  ASSERT_TRUE(outcome.ok()) << outcome.error().text();
  EXPECT_EQ(outcome->reason, StopReason::noImprovement);
  EXPECT_EQ(outcome->state.step, 20);  // the first evaluation and three more
  EXPECT_NE(outcome->checkpoint.find("step-20"), std::string::npos);
}

TEST_F(Loops, IdsOfAnotherVocabularyAreRefusedBeforeAStep) {
  BigramProgram program(vocabulary, 2, 16);
  LoopOptions o = options(10);
  o.vocabulary = vocabulary - 1;
  auto outcome = run("run", o, program);
  ASSERT_FALSE(outcome.ok());
  EXPECT_NE(outcome.error().what.find("token 11"), std::string::npos) << outcome.error().text();
  EXPECT_EQ(program.calls, 0);
}

TEST_F(Loops, ShortBatchesAreFilledUp) {
  data::StreamOptions options;
  options.rows = 3;
  options.length = 16;
  options.repeat = false;
  auto tokens = data::TokenStream::create({source(data::Part::validation)}, options);
  ASSERT_TRUE(tokens.ok());
  MicroBatches batches(3, 16, vocabulary);
  int64_t total = 0;
  while (true) {
    ASSERT_TRUE(batches.read(*tokens, 2).ok());
    if (batches.batches().empty()) break;
    total += batches.tokens();
    for (const Batch &batch : batches.batches()) {
      EXPECT_EQ(batch.rows, 3);
      EXPECT_EQ(batch.ids.size(), 48u);
      for (size_t i = 0; i < batch.ids.size(); ++i)
        if (batch.segments[i] == 0) EXPECT_EQ(batch.labels[i], -100);
    }
  }
  EXPECT_EQ(total, int64_t(tokens->totalTokens()));
}

TEST(StopSignal, IsSeenAndPutBack) {
  auto before = std::signal(SIGTERM, SIG_IGN);
  {
    StopSignal signals;
    EXPECT_FALSE(StopSignal::asked());
    raise(SIGTERM);
    EXPECT_TRUE(StopSignal::asked());
  }
  EXPECT_EQ(std::signal(SIGTERM, before), SIG_IGN);
}

TEST(Metrics, WhatIsAfterTheStepOrCutShortGoes) {
  TemporaryDirectory folder;
  std::string path = folder.write("m.jsonl",
                                  "{\"event\":\"train\",\"step\":1}\nnonsense\n{\"event\":\"train\",\"step\":3}\n"
                                  "{\"event\":\"train\",\"step\":2}\n{\"event\":\"tr");
  {
    auto file = MetricsFile::open(path, 2);
    ASSERT_TRUE(file.ok());
    ASSERT_TRUE(file->write({{"event", "train"}, {"step", 3}}).ok());
  }
  EXPECT_EQ(folder.read("m.jsonl"),
            "{\"event\":\"train\",\"step\":1}\n{\"event\":\"train\",\"step\":2}\n{\"event\":\"train\",\"step\":3}\n");
}

}  // namespace
}  // namespace llc::train
