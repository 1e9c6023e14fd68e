// Curves of the loss against PyTorch's from the same start (tests/golden/make_training_goldens.py).
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "tools/cli/training_step.h"

namespace llc::cli {
namespace {
constexpr int64_t rows = 4, length = 16, steps = 200;
constexpr double rate = 1e-3;

nlohmann::json goldens() {
  std::ifstream file(LLC_SOURCE_DIR "/tests/golden/training.json");
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

class TrainingCurve : public testing::TestWithParam<std::tuple<std::string, Case>> {};

TEST_P(TrainingCurve, IsPyTorchs) {
  auto [model, one] = GetParam();
  std::string directory = LLC_SOURCE_DIR "/tests/golden/architectures/" + model;
  bool whole = one.rate == 0;
  StepOptions options{.rows = rows,
                      .length = length,
                      .optimizer = one.optimizer,
                      .optimizerSettings = one.settings,
                      .maxGradNorm = whole ? 1.0 : 0.0,
                      .weightDecay = whole ? 0.1 : 0.0};
  Progress progress(/*quiet=*/true);
  auto program = makeTrainingStep(directory, options, progress);
  ASSERT_TRUE(program.ok()) << program.error().text();
  std::ifstream config(directory + "/config.json");
  uint64_t vocabulary = nlohmann::json::parse(config)["vocab_size"];
  std::vector<double> expected = goldens()[model][one.optimizer];
  double worst = 0;
  for (int64_t step = 1; step <= int64_t(expected.size()); ++step) {
    std::vector<int32_t> ids = tokensOf(step, vocabulary), segments(ids.size(), 1);
    train::Batch batch{rows, length, ids, segments, ids};
    auto result = (*program)->step({&batch, 1}, {.learningRate = whole ? cosine(step) : one.rate, .step = step});
    ASSERT_TRUE(result.ok()) << result.error().text();
    worst = std::max(worst, std::fabs(result->loss / expected[size_t(step - 1)] - 1));
  }
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
}  // namespace
}  // namespace llc::cli
