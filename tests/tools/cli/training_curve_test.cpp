// Curves of the loss against PyTorch's from the same start (tests/golden/make_training_goldens.py,
// make_autocast_goldens.py, make_average_goldens.py).
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <functional>
#include <numeric>

#include "tools/cli/training_step.h"

namespace llc::cli {
namespace {
constexpr int64_t rows = 4, length = 16, steps = 200;
constexpr double rate = 1e-3;

nlohmann::json goldens(const char *name) {
  std::ifstream file(LLC_SOURCE_DIR "/tests/golden/" + std::string(name));
  return nlohmann::json::parse(file);
}

// As `batch` and `cosine` of the script.
std::vector<int32_t> tokensOf(int64_t step, uint64_t vocabulary) {
  uint64_t state = uint64_t(step % 8 + 1);
  std::vector<int32_t> ids(rows * length);
  for (int32_t &id : ids) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    id = int32_t((state >> 33) % vocabulary);
  }
  return ids;
}
double cosine(int64_t step) {
  constexpr int64_t warmup = 20;
  if (step <= warmup) return rate * double(step) / warmup;
  return 0.5 * rate * (1 + std::cos(M_PI * double(step - warmup) / double(steps - warmup)));
}

struct Case {
  std::string optimizer;
  double rate;  // 0: cosine
  double tolerance;
  std::map<std::string, double> settings = {};
};

// The losses while the model trains; `rateAt`: of a step. `after`: called with the program and the step's batch.
std::vector<double> curve(const std::string &model, const StepOptions &options, size_t steps,
                          const std::function<double(int64_t)> &rateAt,
                          const std::function<void(train::StepProgram &, const train::Batch &)> &after = nullptr) {
  std::string directory = LLC_SOURCE_DIR "/tests/golden/architectures/" + model;
  Progress progress(/*quiet=*/true);
  auto program = makeTrainingStep(directory, options, progress);
  EXPECT_TRUE(program.ok()) << program.error().text();
  if (!program.ok()) return {};
  std::ifstream config(directory + "/config.json");
  uint64_t vocabulary = nlohmann::json::parse(config)["vocab_size"];
  std::vector<double> losses;
  for (int64_t step = 1; step <= int64_t(steps); ++step) {
    std::vector<int32_t> ids = tokensOf(step, vocabulary), segments(ids.size(), 1);
    train::Batch batch{rows, length, ids, segments, ids};
    auto result = (*program)->step({&batch, 1}, {.learningRate = rateAt(step), .step = step});
    EXPECT_TRUE(result.ok()) << result.error().text();
    losses.push_back(result.ok() ? result->loss : NAN);
    if (after) after(**program, batch);
  }
  return losses;
}
// Of each loss from the expected one, relative.
std::vector<double> distances(const std::vector<double> &losses, const std::vector<double> &expected) {
  std::vector<double> list;
  for (size_t i = 0; i < expected.size(); ++i)
    list.push_back(i < losses.size() ? std::fabs(losses[i] / expected[i] - 1) : INFINITY);
  return list;
}
double mean(const std::vector<double> &values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / double(values.size());
}
double largest(const std::vector<double> &values) { return *std::max_element(values.begin(), values.end()); }

class TrainingCurve : public testing::TestWithParam<std::tuple<std::string, Case>> {};

TEST_P(TrainingCurve, IsPyTorchs) {
  auto [model, one] = GetParam();
  bool whole = one.rate == 0;
  StepOptions options{.rows = rows,
                      .length = length,
                      .optimizer = one.optimizer,
                      .optimizerSettings = one.settings,
                      .maxGradNorm = whole ? 1.0 : 0.0,
                      .weightDecay = whole ? 0.1 : 0.0};
  std::vector<double> expected = goldens("training.json")[model][one.optimizer];
  double fixedRate = one.rate;
  auto rateAt = [=](int64_t step) { return whole ? cosine(step) : fixedRate; };
  double worst = largest(distances(curve(model, options, expected.size(), rateAt), expected));
  EXPECT_LT(worst, one.tolerance);
  RecordProperty("worst", std::to_string(worst));
}

// Rounding errors grow from step to step: a rate of 3e-3 lets them reach 3e-4. The sign in Lion turns rounding errors
// of tiny gradients into whole steps.
INSTANTIATE_TEST_SUITE_P(
    All, TrainingCurve,
    testing::Combine(testing::Values("gpt2", "llama"),
                     testing::Values(Case{"adamw", 0, 1e-4}, Case{"sgd", 0.02, 1e-5}, Case{"rmsprop", 0.001, 1e-4},
                                     Case{"lion", 0.001, 1e-3}, Case{"mars", 0.001, 1e-4},
                                     Case{"adafactor", 0.01, 1e-4, {{"min_dim_size_to_factor", 2}}},
                                     Case{"muon", 0.01, 1e-3})),
    [](const auto &info) { return std::get<0>(info.param) + "_" + std::get<1>(info.param).optimizer; });

class AverageCurve : public testing::TestWithParam<std::string> {};
TEST_P(AverageCurve, IsPyTorchs) {
  StepOptions options{.rows = rows, .length = length, .maxGradNorm = 1, .weightDecay = 0.1, .emaDecay = 0.9};
  std::vector<double> expected = goldens("average.json")[GetParam()], losses;
  curve(GetParam(), options, expected.size(), cosine, [&](train::StepProgram &program, const train::Batch &batch) {
    auto evaluation = program.evaluate(batch);
    ASSERT_TRUE(evaluation.ok()) << evaluation.error().text();
    losses.push_back(evaluation->sum / double(evaluation->targets));
  });
  EXPECT_LT(largest(distances(losses, expected)), 1e-5);
}
INSTANTIATE_TEST_SUITE_P(All, AverageCurve, testing::Values("gpt2", "llama"),
                         [](const auto &info) { return info.param; });

// Mixed precision: all the way about as near f32 as PyTorch's autocast, which rounds more often; the order of sums, which
// depends on the instructions, moves the mean by some percent.
class MixedPrecisionCurve : public testing::TestWithParam<std::string> {};
TEST_P(MixedPrecisionCurve, StaysAsCloseToF32AsPyTorchs) {
  StepOptions options{.rows = rows, .length = length, .maxGradNorm = 1, .weightDecay = 0.1, .precision = "bf16"};
  std::vector<double> inF32 = goldens("training.json")[GetParam()]["adamw"],
                      autocast = goldens("autocast.json")[GetParam()]["curve"];
  std::vector<double> ours = distances(curve(GetParam(), options, inF32.size(), cosine), inF32),
                      theirs = distances(autocast, inF32);
  EXPECT_LT(mean(ours), 1.1 * mean(theirs));
  EXPECT_LT(largest(ours), 1.5 * largest(theirs));
  EXPECT_GT(mean(ours), 1e-5);  // it is another precision
  RecordProperty("mean", std::to_string(mean(ours)) + " of " + std::to_string(mean(theirs)));
}
INSTANTIATE_TEST_SUITE_P(All, MixedPrecisionCurve, testing::Values("gpt2", "llama"),
                         [](const auto &info) { return info.param; });
}  // namespace
}  // namespace llc::cli
