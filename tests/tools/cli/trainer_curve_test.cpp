// Losses, norms of gradients and metrics of the trainers against PyTorch's (tests/golden/make_trainer_goldens.py),
// while both train; and what must not make a difference.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "models/trainer_registry.h"
#include "runtime/train/gradient_flow.h"
#include "tests/runtime/temporary_directory.h"
#include "tests/tools/cli/score_heads.h"
#include "tools/cli/training_step.h"

namespace llc::cli {
namespace {
constexpr int64_t rows = 4, length = 16;
constexpr double rate = 1e-3;
const std::string folder = LLC_SOURCE_DIR "/tests/golden/architectures/",
                  encoders = LLC_SOURCE_DIR "/tests/golden/encoders/";

struct Data {
  std::vector<int32_t> ids = std::vector<int32_t>(rows * length), segments = std::vector<int32_t>(rows * length, 1),
                       labels;
  std::vector<float> column;  // [rows]: of the reference, or margins
  train::Batch batch() const { return {rows, length, ids, segments, labels}; }
};

// As `batch` of make_training_goldens.py.
Data dataOf(int64_t step) {
  Data data;
  uint64_t state = uint64_t(step % 8 + 1);
  for (int32_t &id : data.ids) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    id = int32_t((state >> 33) % 64);
  }
  data.labels = data.ids;
  return data;
}

// As `pairs` and `packed` of make_trainer_goldens.py.
Data pairs(int64_t step) {
  Data data = dataOf(step);
  for (int64_t i = 0; i < rows / 2; ++i) {
    int32_t *chosen = data.ids.data() + 2 * i * length, *rejected = chosen + length;
    std::copy_n(chosen, 5 + i, rejected);
    std::fill_n(data.segments.begin() + (2 * i + 2) * length - 3, 3, 0);
  }
  data.labels = data.ids;
  for (int64_t row = 0; row < rows; ++row) std::fill_n(data.labels.begin() + row * length, 5 + row / 2, -100);
  for (size_t i = 0; i < data.labels.size(); ++i)
    if (!data.segments[i]) data.labels[i] = -100;
  return data;
}
Data packed(int64_t step) {
  Data data = dataOf(step);
  for (int64_t row = 0; row < rows; ++row) {
    auto at = row * length;
    std::fill_n(data.segments.begin() + at + 6 + row, length - 6 - row, 2);
    std::fill_n(data.labels.begin() + at, 2 + row, -100);
    std::fill_n(data.labels.begin() + at + 6 + row, 2 + row, -100);
  }
  return data;
}

// As `hidden_tokens` of make_trainer_goldens.py.
Data hidden(int64_t step) {
  Data data = dataOf(step);
  data.labels.assign(data.ids.size(), -100);
  for (int64_t row = 0; row < rows; ++row) {
    auto at = size_t(row * length);
    std::fill_n(data.segments.begin() + int64_t(at) + 6 + row, length - 6 - row, 2);
    for (size_t i = size_t(row); i < length; i += 5) data.labels[at + i] = std::exchange(data.ids[at + i], 4);
  }
  return data;
}

const nlohmann::json &goldens() {
  static const nlohmann::json all = [] {
    std::ifstream file(LLC_SOURCE_DIR "/tests/golden/trainers.json");
    return nlohmann::json::parse(file);
  }();
  return all;
}

StepOptions optionsOf(const std::string &name) {
  StepOptions options{.rows = rows, .length = length, .maxGradNorm = 0};
  if (name.starts_with("dpo ")) {
    std::string type = name.substr(4);
    options.trainer = "dpo";
    options.trainerSettings.numbers["beta"] = 0.5;
    options.trainerSettings.texts["loss_type"] = type;
    if (type == "sigmoid" || type == "robust" || type == "exo_pair")
      options.trainerSettings.numbers["label_smoothing"] = 0.1;
  } else if (name.starts_with("reward")) {
    options.trainer = "reward";
    if (name.ends_with("centered")) options.trainerSettings.numbers["center_rewards_coefficient"] = 0.05;
  } else if (name.starts_with("distillation")) {
    options.trainer = "distillation";
    options.trainerSettings.numbers = {{"temperature", 3}, {"alpha", 0.7}};
    if (name.ends_with("hidden")) options.trainerSettings.numbers["hidden_weight"] = 0.5;
    options.teacher = folder + "qwen2";
  } else if (name == "sft additions") {
    options.trainer = "sft";
    options.trainerSettings.numbers = {{"label_smoothing", 0.2}, {"z_loss", 0.01}};
  } else {
    options.trainer = name;
  }
  return options;
}

// Batches 1, 2 .., with their references by the weights as they are.
std::vector<Data> dataFor(const StepOptions &options, size_t steps, train::StepProgram &program) {
  std::vector<Data> all;
  for (size_t step = 1; step <= steps; ++step) {
    bool paired = options.trainer == "dpo" || options.trainer == "reward";
    all.push_back(paired                     ? pairs(int64_t(step))
                  : options.trainer == "mlm" ? hidden(int64_t(step))
                                             : packed(int64_t(step)));
    if (program.columns().empty()) continue;
    Data &data = all.back();
    data.column.resize(rows);
    if (options.trainer == "dpo")
      EXPECT_TRUE(program.reference(data.batch(), data.column).ok());
    else
      for (size_t row = 0; row < rows; ++row) data.column[row] = 0.1f + 0.25f * float(row / 2);
  }
  return all;
}
train::Batch batchOf(const Data &data) {
  train::Batch batch = data.batch();
  if (!data.column.empty()) batch.columns = {data.column};
  return batch;
}

class TrainerCurve : public testing::TestWithParam<std::string> {};

TEST_P(TrainerCurve, IsPyTorchs) {
  const nlohmann::json &expected = goldens().at(GetParam());
  size_t blank = GetParam().find(' ');
  StepOptions options = optionsOf(GetParam().substr(blank + 1));
  Progress progress(/*quiet=*/true);
  std::string model = (options.trainer == "mlm" ? encoders : folder) + GetParam().substr(0, blank);
  TemporaryDirectory temporary;
  if (options.trainer == "reward") model = test::classifierOf(model, 1, temporary);
  auto program = makeTrainingStep(model, options, progress);
  ASSERT_TRUE(program.ok()) << program.error().text();
  std::vector<Data> data = dataFor(options, expected.size(), **program);
  double worst = 0;
  for (size_t i = 0; i < data.size(); ++i) {
    train::Batch batch = batchOf(data[i]);
    auto result = (*program)->step({&batch, 1}, {.learningRate = rate, .step = int64_t(i + 1)});
    ASSERT_TRUE(result.ok()) << result.error().text();
    auto compare = [&](const std::string &name, double value) {
      double want = expected[i].at(name);
      double error = std::fabs(value - want) / std::max(std::fabs(want), 0.1);
      worst = std::max(worst, error);
      EXPECT_LT(error, 2e-4) << name << " in step " << i + 1 << " is " << value << ", not " << want;
    };
    compare("loss", result->loss);
    compare("norm", result->gradientNorm);
    double squares = 0;  // of the norms by place
    std::erase_if(result->metrics, [&](const auto &metric) {
      bool isNorm = metric.first.starts_with(train::gradientNorms);
      if (isNorm) squares += metric.second * metric.second;
      return isNorm;
    });
    EXPECT_NEAR(std::sqrt(squares), result->gradientNorm, 1e-5 * result->gradientNorm);
    EXPECT_EQ(result->metrics.size() + 2, expected[i].size());
    // Before the first step model and reference are the same, and which ratio is larger is a matter of rounding.
    for (const auto &[name, value] : result->metrics)
      if (i > 0 || name != "rewards/accuracies") compare(name, value);
  }
  RecordProperty("worst", std::to_string(worst));
}

// The kinds of pair losses differ in a line or two: one model is enough for them.
std::vector<std::string> cases() {
  std::vector<std::string> names;
  for (const auto &[name, curve] : goldens().items())
    if (!name.starts_with("gpt2 dpo ") || name == "gpt2 dpo sigmoid") names.push_back(name);
  return names;
}
INSTANTIATE_TEST_SUITE_P(All, TrainerCurve, testing::ValuesIn(cases()), [](const auto &info) {
  std::string name = info.param;
  std::replace(name.begin(), name.end(), ' ', '_');
  return name;
});

TEST(Trainers, EachHasACurve) {
  for (const models::Trainer &trainer : models::trainers()) {
    if (trainer.name == "causal_lm") continue;  // training_curve_test.cpp
    bool found = false;
    for (const auto &[name, curve] : goldens().items()) found = found || name.find(" " + trainer.name) != name.npos;
    EXPECT_TRUE(found) << trainer.name << " is not in trainers.json; add it to make_trainer_goldens.py";
  }
}

TEST(Trainers, NextTokensAndHiddenOnesNeedTheirModels) {
  Progress progress(/*quiet=*/true);
  for (auto [model, trainer, says] : {std::tuple(encoders + "bert", "causal_lm", "--trainer mlm"),
                                      {encoders + "bert", "dpo", "--trainer mlm"},
                                      {folder + "llama", "mlm", "bidirectional"}}) {
    auto program = makeTrainingStep(model, {.rows = 2, .length = 8, .trainer = trainer}, progress);
    ASSERT_FALSE(program.ok()) << model << " " << trainer;
    EXPECT_NE(program.error().text().find(says), std::string::npos) << program.error().text();
  }
}

class Preferences : public testing::Test {
 protected:
  std::unique_ptr<train::StepProgram> make(int64_t batchRows, bool accumulate) {
    StepOptions options = optionsOf("dpo sigmoid");
    options.rows = batchRows, options.accumulate = accumulate;
    auto program = makeTrainingStep(folder + "llama", options, progress);
    EXPECT_TRUE(program.ok()) << program.error().text();
    return program.ok() ? std::move(*program) : nullptr;
  }
  Progress progress{/*quiet=*/true};
};

// Two micro-batches of a pair each are one of two pairs; a row of padding is no pair.
TEST_F(Preferences, PartsOfABatchMakeTheSameStep) {
  auto whole = make(rows, false), parts = make(rows, true);
  ASSERT_TRUE(whole && parts);
  for (int64_t step = 1; step <= 3; ++step) {
    Data data = pairs(step);
    data.column = {-30, -28, -33, -21};
    train::Batch all = batchOf(data);
    auto part = [&](int64_t pair) {
      auto cut = [&](const std::vector<int32_t> &x) {
        return std::span(x).subspan(size_t(2 * pair * length), 2 * length);
      };
      return train::Batch{2,
                          length,
                          cut(data.ids),
                          cut(data.segments),
                          cut(data.labels),
                          {std::span<const float>(data.column).subspan(size_t(2 * pair), 2)}};
    };
    train::Batch cut[] = {part(0), part(1)};
    auto one = whole->step({&all, 1}, {.learningRate = rate, .step = step});
    auto other = parts->step(cut, {.learningRate = rate, .step = step});
    ASSERT_TRUE(one.ok() && other.ok());
    EXPECT_NEAR(one->loss, other->loss, 1e-5);
    EXPECT_NEAR(one->gradientNorm, other->gradientNorm, 1e-5 * one->gradientNorm);
    for (const auto &[name, value] : one->metrics)
      EXPECT_NEAR(value, other->metrics[name], 1e-5 * (1 + std::fabs(value))) << name;
    auto evaluation = parts->evaluate(cut[0]);
    ASSERT_TRUE(evaluation.ok());
    EXPECT_EQ(evaluation->targets, 1);
  }
}

TEST_F(Preferences, MistakesAreNamed) {
  auto text = [&](const std::function<void(StepOptions &)> &change) {
    StepOptions options = optionsOf("dpo sigmoid");
    change(options);
    auto program = makeTrainingStep(folder + "llama", options, progress);
    return program.ok() ? std::string() : program.error().text();
  };
  auto says = [](const std::string &error, const std::string &part) {
    EXPECT_NE(error.find(part), std::string::npos) << error;
  };
  says(text([](auto &o) { o.trainer = "dpq"; }), "dpo");
  says(text([](auto &o) { o.trainerSettings.numbers = {{"betta", 1}}; }), "beta");
  says(text([](auto &o) { o.trainerSettings.numbers = {{"beta", -1}}; }), "use a number from");
  says(text([](auto &o) { o.trainerSettings.texts["loss_type"] = "sigmoidal"; }), "sppo_hard");
  says(text([](auto &o) { o.trainerSettings.texts["beta"] = "a"; }), "use a number");
  says(text([](auto &o) { o.trainerSettings = {}, o.trainer = "distillation"; }), "--teacher");
  says(text([](auto &o) { o.trainerSettings = {}, o.trainer = "reward"; }), "no head for scores");
}
}  // namespace
}  // namespace llc::cli
