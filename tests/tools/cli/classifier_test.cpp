// Scores of classifiers, by compiled code and by the interpreter, against transformers' (make_trainer_goldens.py).
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "runtime/base/output_file.h"
#include "tests/tools/cli/score_heads.h"
#include "tools/cli/open.h"
#include "tools/cli/reference_engine.h"

namespace llc::cli {
namespace {
const std::string folder = LLC_SOURCE_DIR "/tests/golden/architectures/";

const nlohmann::json &goldens() {
  static const nlohmann::json all = [] {
    std::ifstream file(LLC_SOURCE_DIR "/tests/golden/classifiers.json");
    return nlohmann::json::parse(file);
  }();
  return all;
}

// As `batch` of make_training_goldens.py, batch 1.
std::vector<std::vector<int32_t>> rows() {
  std::vector<std::vector<int32_t>> all;
  uint64_t state = 2;
  for (size_t length : {16, 13, 1, 9}) {
    std::vector<int32_t> row;
    for (size_t i = 0; i < 16; ++i) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      row.push_back(int32_t((state >> 33) % 64));
    }
    row.resize(length);
    all.push_back(std::move(row));
  }
  return all;
}

class Classifier : public testing::TestWithParam<std::string> {};

TEST_P(Classifier, ScoresAsTransformers) {
  TemporaryDirectory temporary;
  std::string directory = test::classifierOf(folder + GetParam(), 3, temporary);
  Progress silent(/*quiet=*/true);
  ModelPlace place{ModelKind::directory, directory, GetParam()};
  OpenOptions options;
  // Weights of 16 bits are exact, rounded activations, keys and values would not be.
  options.cacheDtype = options.activations = "f32";
  options.cache = options.weightCache = options.tuningCache = "none";
  auto opened = openModel(place, options, silent);
  ASSERT_TRUE(opened.ok()) << opened.error().text();
  auto reference =
      makeReferenceEngine(place, {.dtype = "", .cacheDtype = "f32", .activations = "f32", .adapters = {}}, silent);
  ASSERT_TRUE(reference.ok()) << reference.error().text();
  const auto ids = rows();
  for (Engine *engine : {static_cast<Engine *>(opened->session.get()), reference->get()})
    for (size_t i = 0; i < ids.size(); ++i) {
      auto scores = engine->classify(ids[i]);
      ASSERT_TRUE(scores.ok()) << scores.error().text();
      ASSERT_EQ(scores->columns, 3);
      for (size_t label = 0; label < 3; ++label)
        EXPECT_NEAR(scores->row(0)[label], double(goldens()[GetParam()][i][label]), 2e-5) << "row " << i;
    }
  // It predicts no tokens.
  auto logits = opened->session->score(ids[0]);
  ASSERT_FALSE(logits.ok());
  EXPECT_NE(logits.error().text().find("llc-model classify"), std::string::npos) << logits.error().text();
  EXPECT_FALSE((*reference)->score(ids[0]).ok());
}

std::vector<std::string> names() {
  std::vector<std::string> all;
  for (const auto &[name, scores] : goldens().items()) all.push_back(name);
  return all;
}
INSTANTIATE_TEST_SUITE_P(All, Classifier, testing::ValuesIn(names()), [](const auto &info) { return info.param; });

TEST(Classifier, LabelsAreCountedAsTheConfigurationSays) {
  TemporaryDirectory temporary;
  auto count = [&](const std::string &keys) {
    std::ifstream file(folder + "llama/config.json");
    nlohmann::json config = nlohmann::json::parse(file);
    config["architectures"] = {"LlamaForSequenceClassification"};
    config.update(nlohmann::json::parse(keys));
    EXPECT_TRUE(writeFile(temporary.file("config.json"), config.dump()).ok());
    auto source = huggingface::openConfig(temporary.path(), models::architectures());
    EXPECT_TRUE(source.ok() && source->warnings.empty());
    return source.ok() ? source->model.labels : -1;
  };
  EXPECT_EQ(count("{}"), 2);
  EXPECT_EQ(count(R"({"num_labels": 1})"), 1);
  EXPECT_EQ(count(R"({"id2label": {"0": "bad", "1": "so so", "2": "good"}})"), 3);
  EXPECT_EQ(count(R"({"architectures": ["LlamaForCausalLM"], "num_labels": 1})"), 0);
}

TEST(Classifier, NewHeadsDependOnTheSeed) {
  auto source = huggingface::openHuggingFace(folder + "llama", models::architectures());
  ASSERT_TRUE(source.ok());
  auto one = newScoreHead(*source, 1), same = newScoreHead(*source, 1), other = newScoreHead(*source, 2);
  ASSERT_TRUE(one.ok() && same.ok() && other.ok());
  EXPECT_EQ(*one, *same);
  EXPECT_NE(*one, *other);
  for (float weight : *one) EXPECT_LT(std::fabs(weight), 0.2f);
}
}  // namespace
}  // namespace llc::cli
