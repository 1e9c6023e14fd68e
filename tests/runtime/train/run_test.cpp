// Whole runs with a model that needs no compiler, from text files to the report.
#include "runtime/train/run.h"

#include <gtest/gtest.h>

#include "runtime/base/progress.h"
#include "runtime/corpus/prepared_data.h"
#include "runtime/train/encoding.h"
#include "runtime/train/initial_model.h"
#include "runtime/train/listeners.h"
#include "runtime/train/reference.h"
#include "runtime/train/rotating_file.h"
#include "runtime/train/run_report.h"
#include "runtime/train/run_settings.h"
#include "runtime/train/run_start.h"
#include "runtime/train/training_data.h"
#include "tests/runtime/temporary_directory.h"
#include "tests/runtime/train/bigram_program.h"
#include "tests/runtime/train/word_tokenizer.h"

namespace llc::train {
namespace {

constexpr int64_t vocabulary = 8;

OrderedJson configuration() {
  return OrderedJson::parse(R"({
    "training": {"lr": 0.5, "lr_schedule": "cosine", "lr_power": 1, "decay_share": 0.1, "warmup_steps": 2, "total_steps": 6,
                 "min_lr_ratio": 0.1, "gradient_accumulation_steps": 2, "batch_size": 2, "epochs": 1, "seed": 3,
                 "log_interval": 1, "save_interval": 2, "eval_interval": 3, "early_stopping_patience": 0,
                 "early_stopping_threshold": 0.0001, "validation_split": 0.2, "max_bad_steps": 3, "optimizer": "sgd"},
    "data": {"tokenizer_path": "tok", "block_size": 8, "num_workers": 1, "shuffle": true, "shuffle_seed": 1,
             "packing": true, "on_bad_record": "refuse", "completion_only_loss": true, "assistant_only_loss": false,
             "max_prompt_length": 4},
    "evaluation": {"tasks": ["perplexity"]},
    "logging": {"level": "INFO", "file": "training.log", "json": false, "rotate_bytes": 1000, "rotate_keep": 50, "trackers": ["jsonl"]},
    "checkpoint": {"keep_last": 2, "keep_best": 1, "keep_every": 0, "shard_bytes": 5000000, "save_optimizer": true}})");
}

class BigramHost : public RunHost {
 public:
  Status writeModel(const std::string &directory) override {
    ++models;
    return writeInitialModel(directory,
                             {"{\"vocab_size\": 8}\n", {{"table.weight", {vocabulary, vocabulary}, 0, 0}}, {}}, 1);
  }
  Result<std::string> beginAdapter(const std::string &, const std::string &directory) override { return directory; }
  Result<std::unique_ptr<StepProgram>> makeProgram(const ProgramRequest &request) override {
    auto program = std::make_unique<BigramProgram>(vocabulary, request.rows, request.length);
    LLC_TRY(loadWeights(request.model, program->state()));
    return std::unique_ptr<StepProgram>(std::move(program));
  }
  Status finish(const std::string &, const std::string &checkpoint) override {
    last = checkpoint;
    return success();
  }
  int models = 0;
  std::string last;
};

class Runs : public testing::Test {
 protected:
  void SetUp() override {
    std::string text;
    for (int i = 0; i < 200; ++i) text += i % 3 ? "a b c d e f\n" : "c d e f a\n";
    folder_.write("text.txt", text);
  }
  Status run(OrderedJson given, const std::string &name) {
    OrderedJson effective = configuration();
    effective.merge_patch(given);
    effective["data"]["path"] = given["data"]["path"] = {folder_.file("text.txt")};
    RunStart start;
    start.modelName = "the test";
    start.modelConfig = OrderedJson::parse(R"({"vocab_size": 8})");
    LLC_ASSIGN(start.tokenizer, corpus::makeTokenizer({{"tokenizer.json", wordTokenizer}}));
    Progress progress(/*quiet=*/true);
    RunOptions options{"pretrain", folder_.file("out"), name, "auto", 1, true};
    testing::internal::CaptureStdout();
    Status status = runTraining(host, {given, effective, "test"}, {}, std::move(start), options, progress);
    result = testing::internal::GetCapturedStdout();
    return status;
  }
  std::string metrics(const std::string &name) {
    auto records = readMetrics(folder_.file("out/" + name + "/metrics.jsonl"));
    EXPECT_TRUE(records.ok());
    std::string text;
    for (const Record &record : *records)
      if (record["event"] == "train") text += record["train/loss"].dump() + "\n";
    return text;
  }

  TemporaryDirectory folder_;
  BigramHost host;
  std::string result;
};

TEST_F(Runs, GoOnWhereTheyWereAndEndTheSame) {
  OrderedJson six = {{"training", {{"total_steps", 6}}}};
  Status whole = run(six, "whole");
  ASSERT_TRUE(whole) << whole.error().text();
  EXPECT_EQ(OrderedJson::parse(result)["steps"], 6);
  EXPECT_EQ(OrderedJson::parse(result)["checkpoint"], host.last);
  EXPECT_EQ(host.models, 1);
  for (const char *file : {"report.html", "training.log", "initial/model.safetensors"})
    EXPECT_TRUE(std::filesystem::exists(folder_.file("out/whole/" + std::string(file)))) << file;
  // The newest checkpoint is lost: the run goes on from the one before.
  std::string before = metrics("whole");
  std::filesystem::remove_all(host.last);
  ASSERT_TRUE(run(six, "whole"));
  EXPECT_EQ(metrics("whole"), before);
  EXPECT_EQ(host.models, 1) << "first weights are made once";
}

TEST_F(Runs, WithACurriculumGoOnWhereTheyWere) {
  OrderedJson six = {
      {"training", {{"total_steps", 6}, {"curriculum", {{"start_len", 2}, {"steps", 5}, {"multiple", 2}}}}}};
  ASSERT_TRUE(run(six, "whole"));
  std::string before = metrics("whole");
  for (int lost = 0; lost < 2; ++lost) {  // the last checkpoint, then the last two
    for (int i = 0; i <= lost; ++i) {
      std::string newest;
      for (const auto &entry : std::filesystem::directory_iterator(folder_.file("out/whole")))
        if (std::string path = entry.path().string(); path.find("-step-") != path.npos) newest = std::max(newest, path);
      ASSERT_FALSE(newest.empty());
      std::filesystem::remove_all(newest);
    }
    Status again = run(six, "whole");
    ASSERT_TRUE(again) << again.error().text();
    EXPECT_EQ(metrics("whole"), before) << lost;
  }
  ASSERT_TRUE(run({{"training", {{"total_steps", 6}}}}, "plain"));
  EXPECT_NE(metrics("plain"), before);
  EXPECT_GT(partsOf(folder_.file("out/whole/metrics.jsonl")).size(), 2u);
  std::string page = folder_.read("out/whole/report.html");
  EXPECT_NE(page.find("training"), std::string::npos);
}

TEST_F(Runs, RefuseACheckpointOfAnotherModel) {
  ASSERT_TRUE(run(OrderedJson::object(), "one"));
  Status other = compareModels({{"vocab_size", 9}}, {{"vocab_size", 8}}, "checkpoint", "config.json");
  ASSERT_FALSE(other);
  EXPECT_NE(other.error().text().find("vocab_size is 8, config.json asks for 9"), std::string::npos);
}

TEST(RunDirectories, AreNewForAFreshStart) {
  TemporaryDirectory folder;
  RunOptions options{.verb = "pretrain", .outputDirectory = folder.path(), .runName = ""};
  EXPECT_EQ(runDirectory(options), folder.file("pretrain"));
  std::filesystem::create_directories(folder.file("pretrain/20260101-000000-v001-step-1"));
  EXPECT_EQ(runDirectory(options), folder.file("pretrain")) << "it goes on";
  options.resume = "none";
  EXPECT_EQ(runDirectory(options), folder.file("pretrain-2"));
  options.runName = "mine";
  EXPECT_EQ(runDirectory(options), folder.file("mine"));
}

TEST(RunSettings, StepsComeFromEpochsUnlessTheyWereGiven) {
  TrainingData data;
  data.options.rows = 2;
  data.rowsPerEpoch = 40;
  OrderedJson all = configuration();
  auto byEpochs = loopOptionsOf({OrderedJson::object(), all, "test"}, {}, data);
  ASSERT_TRUE(byEpochs) << byEpochs.error().text();
  EXPECT_EQ(byEpochs->schedule.totalSteps, 40 / (2 * 2));
  auto bySteps = loopOptionsOf({{{"training", {{"total_steps", 6}}}}, all, "test"}, {}, data);
  ASSERT_TRUE(bySteps);
  EXPECT_EQ(bySteps->schedule.totalSteps, 6);
  EXPECT_EQ(bySteps->schedule.warmupSteps, 0) << "at most a tenth unless it was given";
  all["logging"]["trackers"] = {"wandb", "mlflow", "tensorboard"};
  EXPECT_TRUE(refuseUnavailable({OrderedJson::object(), all, "test"}).ok());
  all["logging"]["trackers"] = {"comet"};
  EXPECT_NE(refuseUnavailable({OrderedJson::object(), all, "test"}).error().text().find("mlflow"), std::string::npos);
}

TEST(RunReports, SayHowItEnded) {
  LoopOutcome outcome;
  outcome.state.step = 3, outcome.state.totalSteps = 9, outcome.reason = StopReason::interrupted;
  EXPECT_EQ(describeOutcome(outcome), "interrupted at step 3 of 9");
  outcome.state.bestLoss = 1.5, outcome.state.bestStep = 2;
  EXPECT_EQ(describeOutcome(outcome), "interrupted at step 3 of 9, lowest loss 1.5000 at step 2");
}

TEST(Listeners, SayWhatHappenedInALine) {
  EXPECT_EQ(lineOf({{"event", "checkpoint"}, {"step", 4}, {"path", "run/a"}}, 9), "step 4  checkpoint run/a");
  EXPECT_EQ(lineOf({{"event", "sample"}, {"step", 4}, {"text", "a b"}}, 9), "step 4  text: a b");
}

}  // namespace
}  // namespace llc::train
