// Losses whose rows are as wide as a large vocabulary work on tiles of rows: a batch of several tiles against the same
// batch in parts of less than a tile, and the memory that is planned.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "models/registry.h"
#include "runtime/base/json_read.h"
#include "tests/runtime/temporary_directory.h"
#include "tools/cli/inspect_training.h"

namespace llc::cli {
namespace {
// Tiles have 512 rows: one half of the batch. Its parts are halves of tiles.
constexpr int64_t vocabulary = 8192, rows = 64, length = 16, parts = 4;

// Equal numbers between -1/4 and 1/4 in each run.
class Numbers {
 public:
  float operator()() {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return float(state_ >> 40) / float(1 << 25) - 0.25f;
  }

 private:
  uint64_t state_ = 7;
};

// A golden model with a larger vocabulary, in f32.
std::string wideModel(const std::string &name, const TemporaryDirectory &folder) {
  std::string from = LLC_SOURCE_DIR "/tests/golden/" + name, to = folder.file(name.substr(name.find('/') + 1));
  std::filesystem::create_directories(to);
  auto config = readJsonFile(from + "/config.json");
  auto golden = SafeTensors::open(from);
  EXPECT_TRUE(config.ok() && golden.ok()) << name;
  int64_t before = (*config)["vocab_size"];
  (*config)["vocab_size"] = vocabulary;
  std::ofstream(to + "/config.json") << *config;
  SafeTensorsWriter writer(to + "/model.safetensors");
  auto shapeOf = [&](const TensorView &tensor) {
    std::vector<int64_t> shape = tensor.shape;
    if (shape[0] == before) shape[0] = vocabulary;
    return shape;
  };
  for (const TensorView &tensor : golden->tensors())
    EXPECT_TRUE(writer.declare(tensor.name, DType::f32, shapeOf(tensor)).ok());
  Numbers next;
  for (const TensorView &tensor : golden->tensors()) {
    int64_t size = 1;
    for (int64_t extent : shapeOf(tensor)) size *= extent;
    std::vector<float> values(static_cast<size_t>(size));
    bool isNorm = tensor.name.find("norm.weight") != std::string::npos || tensor.name.ends_with("LayerNorm.weight");
    for (float &value : values) value = next() + (isNorm ? 1.0f : 0.0f);
    EXPECT_TRUE(writer.write(values.data(), values.size() * sizeof(float)).ok());
  }
  EXPECT_TRUE(writer.finish().ok());
  return to;
}

struct Batch {
  std::vector<int32_t> ids, segments, labels;
  std::vector<float> column;

  // Some rows end early, and some tokens have no label.
  explicit Batch(uint64_t seed) : segments(rows * length, 1), column(rows, -140) {
    for (int64_t i = 0; i < rows * length; ++i) {
      seed = seed * 6364136223846793005u + 1442695040888963407u;
      ids.push_back(int32_t((seed >> 33) % vocabulary));
      labels.push_back((seed >> 20) % 3 ? ids.back() : -100);
      if (i % length >= length - (i / length) % 5) segments.back() = segments[size_t(i)] = 0, labels.back() = -100;
    }
    segments.back() = 1;
  }
  train::Batch part(int64_t first, int64_t count, bool withColumn) const {
    auto cut = [&](const std::vector<int32_t> &x) {
      return std::span(x).subspan(size_t(first * length), size_t(count * length));
    };
    train::Batch batch{count, length, cut(ids), cut(segments), cut(labels)};
    if (withColumn) batch.columns = {std::span<const float>(column).subspan(size_t(first), size_t(count))};
    return batch;
  }
};

struct Wide {
  std::string trainer, model, teacher = "";
  std::map<std::string, double> settings = {};
};

class RowTiles : public testing::TestWithParam<Wide> {
 protected:
  StepOptions optionsOf(int64_t batchRows) {
    StepOptions options{.rows = batchRows, .length = length, .maxGradNorm = 0, .accumulate = batchRows < rows};
    options.trainer = GetParam().trainer, options.trainerSettings.numbers = GetParam().settings;
    if (!GetParam().teacher.empty()) options.teacher = wideModel(GetParam().teacher, folder_);
    return options;
  }
  std::string model() { return wideModel(GetParam().model, folder_); }
  TemporaryDirectory folder_;
  Progress progress_{/*quiet=*/true};
};

TEST_P(RowTiles, GiveWhatPartsOfTheBatchGive) {
  std::string directory = model();
  auto whole = makeTrainingStep(directory, optionsOf(rows), progress_);
  auto cut = makeTrainingStep(directory, optionsOf(rows / parts), progress_);
  ASSERT_TRUE(whole.ok()) << whole.error().text();
  ASSERT_TRUE(cut.ok()) << cut.error().text();
  bool withColumn = !(*whole)->columns().empty();
  for (int64_t step = 1; step <= 2; ++step) {
    Batch data{uint64_t(step)};
    train::Batch all = data.part(0, rows, withColumn);
    std::vector<train::Batch> pieces;
    for (int64_t i = 0; i < parts; ++i) pieces.push_back(data.part(i * rows / parts, rows / parts, withColumn));
    auto one = (*whole)->step({&all, 1}, {.learningRate = 1e-3, .step = step});
    auto other = (*cut)->step(pieces, {.learningRate = 1e-3, .step = step});
    ASSERT_TRUE(one.ok() && other.ok());
    EXPECT_GT(one->gradientNorm, 0.01);
    EXPECT_NEAR(one->loss, other->loss, 2e-5 * std::fabs(one->loss)) << "step " << step;
    EXPECT_NEAR(one->gradientNorm, other->gradientNorm, 5e-5 * one->gradientNorm) << "step " << step;
    for (const auto &[name, value] : one->metrics)
      EXPECT_NEAR(value, other->metrics[name], 2e-5 * (1 + std::fabs(value))) << name << " in step " << step;
    auto evaluation = (*whole)->evaluate(all);
    ASSERT_TRUE(evaluation.ok());
    double sum = 0;
    for (const train::Batch &piece : pieces) {
      auto ofPiece = (*cut)->evaluate(piece);
      ASSERT_TRUE(ofPiece.ok());
      sum += ofPiece->sum;
    }
    EXPECT_NEAR(evaluation->sum, sum, 5e-5 * std::fabs(sum));
  }
}

// Logits of the batch would take 32 MiB, and their gradients as much. Weights of the models are small.
TEST_P(RowTiles, AreWhatMemoryIsPlannedFor) {
  constexpr uint64_t logits = 4 * rows * length * vocabulary;
  auto report = reportTraining(model(), optionsOf(rows), progress_);
  ASSERT_TRUE(report.ok()) << report.error().text();
  EXPECT_GT(report->manifest.arenaBytes, logits / 2);
  uint64_t values = GetParam().teacher.empty() ? 3 : 5;  // of a tile at a time
  EXPECT_LT(report->manifest.arenaBytes, values * logits / 2);
}

INSTANTIATE_TEST_SUITE_P(
    All, RowTiles,
    testing::Values(Wide{"distillation", "architectures/llama", "architectures/qwen2"}, Wide{"mlm", "encoders/bert"},
                    Wide{"mlm", "encoders/roberta"}, Wide{"causal_lm", "architectures/llama"},
                    Wide{"dpo", "architectures/llama"},
                    Wide{"causal_lm", "architectures/gpt2", "", {{"label_smoothing", 0.1}, {"z_loss", 1e-2}}}),
    [](const auto &info) {
      std::string name = info.param.trainer + "_" + info.param.model;
      std::replace(name.begin(), name.end(), '/', '_');
      return name;
    });
}  // namespace
}  // namespace llc::cli
