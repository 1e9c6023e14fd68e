#include "runtime/train/sample.h"

#include <gtest/gtest.h>

#include "tests/runtime/train/word_tokenizer.h"

namespace llc::train {
namespace {

// Each token is followed by the next one.
class Counting final : public StepProgram {
 public:
  int64_t rows() const override { return 1; }
  int64_t length() const override { return 8; }
  std::span<const TensorState> state() const override { return {}; }
  Result<StepResult> step(std::span<const Batch>, const StepScalars &) override { return StepResult(); }
  Result<Evaluation> evaluate(const Batch &) override { return Evaluation(); }
  uint64_t plannedBytes() const override { return 0; }
  double flopsPerStep() const override { return 0; }
  int64_t sampleLength() const override { return room; }
  Result<std::span<const float>> nextLogits(std::span<const int32_t> tokens) override {
    if (!room) return StepProgram::nextLogits(tokens);
    seen.assign(tokens.begin(), tokens.end());
    logits.assign(8, 0);
    logits[size_t(tokens.back() + 1) % 8] = 1000;
    return std::span<const float>(logits);
  }
  int64_t room = 8;
  std::vector<int32_t> seen;
  std::vector<float> logits;
};

class Sample : public testing::Test {
 protected:
  Result<std::string> text(const std::string &prompt, const std::string &model) {
    auto tokenizer = Tokenizer::fromFiles({{"tokenizer.json", wordTokenizer}});
    EXPECT_TRUE(tokenizer.ok());
    return sampleText(program, **tokenizer, OrderedJson::parse(model), prompt);
  }
  Counting program;
};

TEST_F(Sample, GoesOnToAnEnd) {
  auto found = text("a b", R"({"vocab_size": 8, "eos_token_id": 6})");
  ASSERT_TRUE(found.ok()) << found.error().text();
  EXPECT_EQ(*found, "a b c d");
  EXPECT_EQ(program.seen, (std::vector<int32_t>{2, 3, 4, 5}));
  found = text("a", R"({"vocab_size": 8, "eos_token_id": [4, 5]})");
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(*found, "a b");
}

TEST_F(Sample, StaysWithinTheRow) {
  program.room = 4;
  auto found = text("a b", R"({"vocab_size": 8})");
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(program.seen.size(), 4u);
  EXPECT_FALSE(text("a b c d e", R"({"vocab_size": 8})").ok());
}

TEST_F(Sample, NeedsAProgramThatCan) {
  program.room = 0;
  EXPECT_FALSE(text("a", R"({"vocab_size": 8})").ok());
}

}  // namespace
}  // namespace llc::train
