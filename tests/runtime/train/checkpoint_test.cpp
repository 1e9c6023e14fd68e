#include "runtime/train/checkpoint.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "runtime/formats/safetensors.h"
#include "runtime/train/checkpoint_store.h"
#include "tests/runtime/temporary_directory.h"
#include "tests/runtime/train/bigram_program.h"

namespace llc::train {
namespace {

class Checkpoints : public testing::Test {
 protected:
  CheckpointContent content(int64_t step, std::optional<double> loss = {}) {
    CheckpointContent content;
    content.trainer.step = content.trainer.updates = step;
    content.trainer.totalSteps = 1000;
    content.trainer.seed = 7;
    content.data = {{"position", step}};
    content.tensors = program_.state();
    content.files = {{"config.json", "{}\n"}, {"tokenizer.model", std::string("\0\1\2", 3)}};
    content.evaluationLoss = loss;
    content.origin = {{"command_line", {"llc-model", "pretrain"}}};
    return content;
  }
  CheckpointStore store(KeepRules keep = {}, CheckpointLayout layout = {}) {
    auto made = CheckpointStore::open(folder_.path(), keep, layout);
    EXPECT_TRUE(made.ok()) << made.error().text();
    return std::move(*made);
  }
  std::string save(CheckpointStore &store, int64_t step, std::optional<double> loss = {}, bool best = false) {
    auto path = store.save(content(step, loss), best);
    EXPECT_TRUE(path.ok()) << path.error().text();
    return path.ok() ? *path : "";
  }
  std::vector<int64_t> steps(const CheckpointStore &store) {
    std::vector<int64_t> steps;
    for (const CheckpointEntry &entry : store.list()) steps.push_back(entry.step);
    return steps;
  }
  void fill(float first) {
    for (const TensorState &tensor : program_.state()) {
      auto *values = reinterpret_cast<float *>(tensor.data.data());
      for (size_t i = 0; i < tensor.data.size() / 4; ++i) values[i] = first + float(i);
      first *= -3;
    }
  }
  static std::string bytesOf(const StepProgram &program) {
    std::string all;
    for (const TensorState &tensor : program.state())
      all.append(reinterpret_cast<const char *>(tensor.data.data()), tensor.data.size());
    return all;
  }

  TemporaryDirectory folder_;
  BigramProgram program_{6, 2, 8};
  std::vector<std::string> skipped_;
  std::function<void(const std::string &)> note_ = [this](const std::string &text) { skipped_.push_back(text); };
};

TEST_F(Checkpoints, GivesBackWhatWasWritten) {
  fill(0.5f);
  CheckpointStore runs = store();
  CheckpointContent written = content(12, 3.25);
  written.trainer.interval = {3, 77, 1.0 / 3, 0.1, 0.2, 1e-9};
  written.trainer.bestLoss = 0.1 + 0.2;
  auto path = runs.save(written, true);
  ASSERT_TRUE(path.ok()) << path.error().text();
  auto read = runs.newest(note_);
  ASSERT_TRUE(read.ok()) << read.error().text();
  ASSERT_TRUE(read->has_value());
  EXPECT_EQ((*read)->directory, *path);
  EXPECT_EQ((*read)->trainer, written.trainer);  // bit for bit, the seed too
  EXPECT_EQ((*read)->data, written.data);
  EXPECT_EQ((*read)->manifest.evaluationLoss, 3.25);
  BigramProgram other(6, 2, 8);
  ASSERT_TRUE(loadTensors(**read, other.state()).ok());
  EXPECT_EQ(bytesOf(other), bytesOf(program_));
  for (const char *pointer : {"latest", "best"})
    EXPECT_EQ(folder_.path() + "/" + folder_.read(pointer), *path + "\n") << pointer;
}

// A checkpoint is also a model's directory.
TEST_F(Checkpoints, HoldsAModel) {
  fill(1);
  CheckpointStore runs = store();
  std::string path = save(runs, 1);
  auto weights = SafeTensors::open(path);
  ASSERT_TRUE(weights.ok());
  ASSERT_EQ(weights->tensors().size(), 1u);
  EXPECT_EQ(weights->tensors()[0].name, "table.weight");
  std::string name = path.substr(folder_.path().size() + 1);
  EXPECT_EQ(folder_.read(name + "/config.json"), "{}\n");
  EXPECT_EQ(folder_.read(name + "/tokenizer.model"), std::string("\0\1\2", 3));
}

TEST_F(Checkpoints, ShardsAboveASizeAndHoldsFrozenWeights) {
  std::vector<float> numbers(30, 1.5f);
  std::vector<TensorState> frozen;
  for (const char *name : {"a", "b", "c"})
    frozen.push_back({name, DType::f32, {10}, std::as_writable_bytes(std::span(numbers).first(10)), true});
  CheckpointStore runs = store({}, {.shardBytes = 100, .saveOptimizer = true});
  CheckpointContent written = content(3);
  written.frozen = frozen;
  auto path = runs.save(written, false);
  ASSERT_TRUE(path.ok()) << path.error().text();
  auto weights = SafeTensors::open(*path);
  ASSERT_TRUE(weights.ok()) << weights.error().text();
  EXPECT_EQ(weights->tensors().size(), 4u);
  auto read = readCheckpoint(*path);
  ASSERT_TRUE(read.ok());
  EXPECT_TRUE(read->manifest.files.contains("model.safetensors.index.json"));
  EXPECT_TRUE(read->manifest.files.contains("model-00003-of-00003.safetensors"));
  BigramProgram other(6, 2, 8);
  EXPECT_TRUE(loadTensors(*read, other.state()).ok());
}

TEST_F(Checkpoints, KeepsTheNewestTheBestAndEvery) {
  CheckpointStore runs = store({.last = 2, .best = 1, .every = 40});
  for (int64_t step = 10; step <= 100; step += 10) save(runs, step, step == 30 ? 1.0 : 2.0 + double(step));
  EXPECT_EQ(steps(runs), (std::vector<int64_t>{30, 40, 80, 90, 100}));
  // What was resumed from stays, whatever the rules say.
  auto resumed = runs.named("90");
  ASSERT_TRUE(resumed.ok()) << resumed.error().text();
  for (int64_t step = 110; step <= 150; step += 10) save(runs, step);
  EXPECT_EQ(steps(runs), (std::vector<int64_t>{30, 40, 80, 90, 120, 140, 150}));
}

TEST_F(Checkpoints, TheNewestGoodOneIsTaken) {
  CheckpointStore runs = store();
  fill(1);
  std::string good = save(runs, 1), second = save(runs, 2), third = save(runs, 3);
  auto nameOf = [&](const std::string &path) { return path.substr(folder_.path().size() + 1); };
  std::string weights = folder_.read(nameOf(third) + "/model.safetensors");
  weights[weights.size() - 1] ^= 1;
  folder_.write(nameOf(third) + "/model.safetensors", weights);
  std::filesystem::remove(second + "/optimizer-00001-of-00001.safetensors");
  auto read = runs.newest(note_);
  ASSERT_TRUE(read.ok()) << read.error().text();
  EXPECT_EQ((*read)->directory, good);
  ASSERT_EQ(skipped_.size(), 2u);
  EXPECT_NE(skipped_[0].find("SHA-256"), std::string::npos) << skipped_[0];
  EXPECT_NE(skipped_[1].find("optimizer-00001-of-00001.safetensors: is missing"), std::string::npos) << skipped_[1];
  std::filesystem::resize_file(good + "/trainer_state.json", 10);
  EXPECT_FALSE(runs.newest(note_).ok());
}

TEST_F(Checkpoints, NothingOrUnfinishedIsNoCheckpoint) {
  std::string left = folder_.write(".tmp-20261126-064031-v001-step-5/model.safetensors", "half");
  folder_.write("notes/manifest.json", "{}");
  CheckpointStore runs = store();
  EXPECT_FALSE(std::filesystem::exists(left));
  auto read = runs.newest(note_);
  ASSERT_TRUE(read.ok());
  EXPECT_FALSE(read->has_value());
  auto missing = runs.named("12");
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().kind, ErrorKind::notFound);
}

TEST_F(Checkpoints, AnotherModelIsOneClearMessage) {
  CheckpointStore runs = store();
  save(runs, 1);
  auto read = runs.newest(note_);
  ASSERT_TRUE(read.ok() && read->has_value());
  BigramProgram wider(7, 2, 8);
  Status loaded = loadTensors(**read, wider.state());
  ASSERT_FALSE(loaded.ok());
  EXPECT_NE(loaded.error().what.find("f32 [6, 6], this training has f32 [7, 7]"), std::string::npos)
      << loaded.error().text();
  std::vector<float> numbers(2);
  std::vector<TensorState> other = {{"head", DType::f32, {2}, std::as_writable_bytes(std::span(numbers)), true}};
  loaded = loadTensors(**read, other);
  ASSERT_FALSE(loaded.ok());
  EXPECT_NE(loaded.error().what.find("'head'"), std::string::npos);
  std::vector<TensorState> weightsOnly(program_.state().begin(), program_.state().begin() + 1);
  EXPECT_FALSE(loadTensors(**read, weightsOnly).ok());  // another optimizer
}

TEST_F(Checkpoints, WithoutOptimizerNothingGoesOn) {
  CheckpointStore runs = store({}, {.saveOptimizer = false});
  save(runs, 1);
  auto read = runs.newest(note_);
  ASSERT_TRUE(read.ok() && read->has_value());
  Status loaded = loadTensors(**read, program_.state());
  ASSERT_FALSE(loaded.ok());
  EXPECT_NE(loaded.error().what.find("without the optimizer"), std::string::npos);
}

TEST_F(Checkpoints, OneProcessAtATime) {
  CheckpointStore first = store();
  auto second = CheckpointStore::open(folder_.path(), {}, {});
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().kind, ErrorKind::resource);
}

// No file above some kilobytes can be written, as on a disk that is full.
TEST_F(Checkpoints, AFullDiskLeavesTheOnesBefore) {
  BigramProgram large(64, 2, 8);
  CheckpointStore runs = store();
  CheckpointContent written = content(1);
  written.tensors = large.state();
  ASSERT_TRUE(runs.save(written, false).ok());
  pid_t child = fork();
  if (child == 0) {
    std::signal(SIGXFSZ, SIG_IGN);
    rlimit limit = {8192, 8192};
    setrlimit(RLIMIT_FSIZE, &limit);
    written.trainer.step = 2;
    auto saved = runs.save(written, false);
    _exit(!saved.ok() && saved.error().kind == ErrorKind::resource ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(steps(runs), std::vector<int64_t>{1});
  EXPECT_TRUE(runs.newest(note_).ok());
  for (const auto &entry : std::filesystem::directory_iterator(folder_.path()))
    EXPECT_FALSE(entry.path().filename().string().starts_with(".tmp-"));
}

}  // namespace
}  // namespace llc::train
