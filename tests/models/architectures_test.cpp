// Every architecture against the goldens of tests/golden (made by make_architecture_goldens.py), by the interpreter:
// all rows at once, several sequences in one step, prompt and continuation in separate steps.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "tests/models/interpreted_model.h"

namespace llc::test {
namespace fs = std::filesystem;
namespace {
constexpr double tolerance = 1e-5;  // of the largest logit: both sides compute in f32 or better

const fs::path &goldens() {
  static const fs::path folder = fs::path(LLC_SOURCE_DIR) / "tests/golden/architectures";
  return folder;
}

std::vector<std::string> names() {
  std::vector<std::string> list;
  for (auto &entry : fs::directory_iterator(goldens())) list.push_back(entry.path().filename().string());
  std::sort(list.begin(), list.end());
  return list;
}

class Architectures : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    Result<std::unique_ptr<InterpretedModel>> opened = InterpretedModel::open(goldens() / GetParam());
    ASSERT_TRUE(opened.ok()) << opened.error().text();
    model = std::move(*opened);
    Result<SafeTensors> file = SafeTensors::open((goldens() / GetParam() / "expected.safetensors").string());
    ASSERT_TRUE(file.ok()) << file.error().text();
    expected = std::move(*file);
  }
  std::vector<int64_t> ids(int sequence) { return idsOf(expected, "ids." + std::to_string(sequence)); }
  std::vector<double> values(const std::string &what, int sequence) {
    return valuesOf(expected, what + "." + std::to_string(sequence));
  }

  std::unique_ptr<InterpretedModel> model;
  SafeTensors expected;
};

TEST_P(Architectures, LogitsOfARaggedBatch) {
  Result<llm::Tensor> logits = model->run("step", {{ids(0)}, {ids(1)}});
  ASSERT_TRUE(logits.ok()) << logits.error().text();
  std::vector<double> both = values("logits", 0), second = values("logits", 1);
  both.insert(both.end(), second.begin(), second.end());
  EXPECT_LT(difference(*logits, both), tolerance);
}

TEST_P(Architectures, LogitsInTwoSteps) {
  // What depends on the length of the sequence (dynamic rope) is not the same in two steps, in the reference neither.
  if (GetParam() == "llama-dynamic" || GetParam() == "llama-longrope") GTEST_SKIP() << "depends on the step's length";
  std::vector<int64_t> all = ids(0), prompt(all.begin(), all.end() - 3), rest(all.end() - 3, all.end());
  ASSERT_TRUE(model->run("step", {{prompt}}).ok());
  Result<llm::Tensor> logits = model->run("step", {{rest, int64_t(prompt.size())}});
  ASSERT_TRUE(logits.ok()) << logits.error().text();
  std::vector<double> whole = values("logits", 0);
  EXPECT_LT(difference(*logits, {whole.end() - 3 * model->source.model.vocabulary, whole.end()}), tolerance);
}

TEST_P(Architectures, OnlyTheWantedRows) {
  Result<llm::Tensor> logits = model->run("step", {{ids(0)}}, {int64_t(ids(0).size()) - 1});
  ASSERT_TRUE(logits.ok()) << logits.error().text();
  std::vector<double> whole = values("logits", 0);
  EXPECT_LT(difference(*logits, {whole.end() - model->source.model.vocabulary, whole.end()}), tolerance);
}

TEST_P(Architectures, ScoreIsTheLogProbability) {
  std::vector<int64_t> sequence = ids(1), targets(sequence.begin() + 1, sequence.end());
  targets.push_back(3);
  Result<llm::Tensor> scores = model->run("score", {{sequence}}, targets);
  ASSERT_TRUE(scores.ok()) << scores.error().text();
  std::vector<double> logits = values("logits", 1), expectedScores;
  size_t vocabulary = size_t(model->source.model.vocabulary);
  for (size_t row = 0; row < targets.size(); ++row) {
    double sum = 0;
    for (size_t i = 0; i < vocabulary; ++i) sum += std::exp(logits[row * vocabulary + i]);
    expectedScores.push_back(logits[row * vocabulary + size_t(targets[row])] - std::log(sum));
  }
  EXPECT_LT(difference(*scores, expectedScores), 1e-5);
}

TEST_P(Architectures, EmbeddingsAreTheLastHiddenStates) {
  Result<llm::Tensor> states = model->run("embed", {{ids(1)}});
  ASSERT_TRUE(states.ok()) << states.error().text();
  EXPECT_LT(difference(*states, values("hidden", 1)), tolerance);
}

TEST_P(Architectures, EqualLayersAreOneFunction) {
  int blocks = 0, calls = 0;
  model->module->walk([&](mlir::func::FuncOp function) { blocks += function.isPrivate(); });
  model->module->walk([&](mlir::func::CallOp call) { ++calls; });
  EXPECT_EQ(calls, 3 * model->source.model.layers);
  // Layers with and without a window differ.
  bool mixed = GetParam() == "gemma2" || GetParam() == "qwen2";
  EXPECT_EQ(blocks, mixed ? 2 : 1);
}

TEST_P(Architectures, EveryKeyIsUnderstood) {
  EXPECT_TRUE(model->source.warnings.empty()) << model->source.warnings.front();
}

std::string read(const fs::path &path) {
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

TEST(Guide, ShowsAWholeArchitecture) {
  std::string file = read(fs::path(LLC_SOURCE_DIR) / "models/architectures/qwen3.cpp");
  EXPECT_NE(read(fs::path(LLC_SOURCE_DIR) / "docs/guides/add-an-architecture.md").find("```cpp\n" + file + "```"),
            std::string::npos)
      << "to fix: paste models/architectures/qwen3.cpp into docs/guides/add-an-architecture.md";
}

INSTANTIATE_TEST_SUITE_P(Goldens, Architectures, testing::ValuesIn(names()), [](const auto &info) {
  std::string name = info.param;
  for (char &c : name) c = c == '-' ? '_' : c;
  return name;
});
}  // namespace
}  // namespace llc::test
