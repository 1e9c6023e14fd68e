#include "runtime/serve/classify.h"

#include <gtest/gtest.h>

namespace llc {
namespace {

// Scores a text by its length and its last token.
class Lengths final : public Engine {
 public:
  const EngineLimits &limits() const override { return limits_; }
  Result<int64_t> open() override { return 0; }
  void close(int64_t) override {}
  int64_t length(int64_t) const override { return 0; }
  Result<Rows> step(std::span<const SequenceTokens>) override { return Rows{}; }
  Result<std::vector<float>> score(std::span<const int32_t>) override { return std::vector<float>(); }
  Result<Rows> embed(std::span<const int32_t>, Wanted) override { return Rows{}; }
  Result<Rows> classify(std::span<const int32_t> tokens) override {
    scores_ = {float(tokens.size()), float(tokens.back())};
    return Rows{scores_.data(), 1, 2};
  }
  std::string description() const override { return ""; }

 private:
  EngineLimits limits_;
  std::vector<float> scores_;
};

TEST(Classify, LabelsHaveTheirNames) {
  auto names = labelNames({{"config.json", R"({"id2label": {"1": "bad", "0": "good", "x": "?"}})"}}, "model");
  ASSERT_TRUE(names.ok()) << names.error().text();
  EXPECT_EQ(*names, (std::vector<std::string>{"good", "bad"}));
  EXPECT_TRUE(labelNames({{"config.json", "{}"}}, "model")->empty());
  EXPECT_TRUE(labelNames({}, "model")->empty());
  EXPECT_FALSE(labelNames({{"config.json", R"({"id2label": {"0": 1}})"}}, "model").ok());
}

TEST(Classify, SeveralScoresHaveABestOne) {
  std::vector<float> scores = {-1.5f, 2, 0.25f};
  EXPECT_EQ(scoresLine(3, scores, {"a", "b"}),
            R"({"tokens":3,"label":"b","scores":{"a":-1.5,"b":2.0,"LABEL_2":0.25}})");
  EXPECT_EQ(scoresLine(1, std::span(scores).first(1), {}), R"({"tokens":1,"scores":{"LABEL_0":-1.5}})");
}

TEST(Classify, PrintsTheScoresOfIds) {
  Lengths engine;
  ClassifyOptions options;
  options.input.ids = {5, 6, 7}, options.input.hasIds = true;
  testing::internal::CaptureStdout();
  Status status = classifyCommand(engine, nullptr, options, {});
  EXPECT_EQ(testing::internal::GetCapturedStdout(),
            R"({"tokens":3,"label":"LABEL_1","scores":{"LABEL_0":3.0,"LABEL_1":7.0}})"
            "\n");
  ASSERT_TRUE(status) << status.error().text();
  options.input.ids.clear();
  EXPECT_FALSE(classifyCommand(engine, nullptr, options, {}));
  options.input.hasIds = false, options.input.hasText = true, options.input.text = "some";
  Status text = classifyCommand(engine, nullptr, options, {});
  ASSERT_FALSE(text);
  EXPECT_NE(text.error().text().find("tokenizer"), std::string::npos);
}

}  // namespace
}  // namespace llc
