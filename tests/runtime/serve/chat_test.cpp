#include "runtime/serve/chat.h"

#include <gtest/gtest.h>

#include <iostream>
#include <sstream>

namespace llc {
namespace {

// Words are tokens; "</s>" ends a text.
const char *const chatTokenizer = R"({"version": "1.0", "truncation": null, "padding": null,
  "added_tokens": [{"id": 1, "content": "</s>", "single_word": false, "lstrip": false, "rstrip": false,
                    "normalized": false, "special": true}],
  "normalizer": null, "pre_tokenizer": {"type": "Whitespace"}, "post_processor": null, "decoder": null,
  "model": {"type": "WordLevel", "unk_token": "<unk>",
            "vocab": {"<unk>": 0, "</s>": 1, "user": 2, "assistant": 3, "a": 4, "b": 5, "c": 6, "d": 7, "system": 8}}})";
const char *const plainTemplate = "{% for m in messages %}{{ m.role }} {{ m.content }} {% endfor %}assistant";

// Answers "a b" to everything, and remembers what it was fed.
class Answering final : public Engine {
 public:
  const EngineLimits &limits() const override { return limits_; }
  Result<int64_t> open() override { return fed.emplace_back(), 0; }
  void close(int64_t) override {}
  int64_t length(int64_t) const override { return int64_t(fed.back().size()); }
  Result<Rows> step(std::span<const SequenceTokens> batch) override {
    auto tokens = batch[0].tokens;
    fed.back().insert(fed.back().end(), tokens.begin(), tokens.end());
    logits_.assign(9, 0);
    logits_[tokens.back() == 3 ? 4 : tokens.back() == 4 ? 5 : 1] = 10;
    return Rows{logits_.data(), 1, 9};
  }
  Result<std::vector<float>> score(std::span<const int32_t>) override { return std::vector<float>(); }
  Result<Rows> embed(std::span<const int32_t>, Wanted) override { return Rows{}; }
  Result<Rows> classify(std::span<const int32_t>) override { return Rows{}; }
  std::string description() const override { return "answers"; }

  EngineLimits limits_{9, 1, 100, 1};
  std::vector<std::vector<int32_t>> fed;  // by sequence

 private:
  std::vector<float> logits_;
};

class Chat : public testing::Test {
 protected:
  // Answers to the lines of `input`.
  Result<std::vector<GenerateResult>> run(const std::string &input, const std::string &first = "") {
    auto tokenizer = Tokenizer::fromFiles({{"tokenizer.json", chatTokenizer}});
    EXPECT_TRUE(tokenizer.ok());
    std::istringstream in(input);
    auto *before = std::cin.rdbuf(in.rdbuf());
    std::cin.clear();
    std::vector<GenerateResult> answers;
    ChatOutput output;
    output.onAnswer = [&](const GenerateResult &result) { answers.push_back(result); };
    GenerateOptions generation;
    generation.sampling.temperature = 0;
    generation.eos = {1};
    Status status = converse(engine, **tokenizer, files, options, first, generation, output);
    std::cin.rdbuf(before);
    if (!status) return std::move(status.error());
    return answers;
  }
  Answering engine;
  ChatOptions options;
  std::map<std::string, std::string> files = {{"chat_template.jinja", plainTemplate}};
};

TEST_F(Chat, GoesOnInOneSequence) {
  auto answers = run("c\nd\n");
  ASSERT_TRUE(answers.ok()) << answers.error().text();
  ASSERT_EQ(answers->size(), 2u);
  EXPECT_EQ((*answers)[1].keptTokens, 5);
  ASSERT_EQ(engine.fed.size(), 1u);
  EXPECT_EQ(engine.fed[0], (std::vector<int32_t>{2, 6, 3, 4, 5, 2, 7, 3, 4, 5}));
}

TEST_F(Chat, CommandsAndLines) {
  options.system = "d";
  auto answers = run("c\n/clear\n\nc \\\nd\n/exit\nd\n", "a");
  ASSERT_TRUE(answers.ok());
  EXPECT_EQ(answers->size(), 3u);
  ASSERT_EQ(engine.fed.size(), 2u);
  EXPECT_EQ(engine.fed[0], (std::vector<int32_t>{8, 7, 2, 4, 3, 4, 5, 2, 6, 3, 4, 5}));
  EXPECT_EQ(engine.fed[1], (std::vector<int32_t>{8, 7, 2, 6, 7, 3, 4, 5}));
  options.once = true;
  answers = run("c\nd\n");
  ASSERT_TRUE(answers.ok());
  EXPECT_EQ(answers->size(), 1u);
}

TEST_F(Chat, ForgetsWhenTheContextIsFull) {
  engine.limits_.maxContext = 12;
  auto answers = run("c\nd\na\nb\n");
  ASSERT_TRUE(answers.ok());
  ASSERT_EQ(answers->size(), 4u);
  for (const GenerateResult &answer : *answers) EXPECT_LT(answer.promptTokens, 12);
  EXPECT_FALSE(run("c c c c c c c c c c c c c\n").ok());
}

TEST_F(Chat, Templates) {
  files.clear();
  auto none = run("c\n");
  ASSERT_FALSE(none.ok());
  EXPECT_NE(none.error().text().find("--chat-template chatml"), std::string::npos);
  options.chatTemplate = "chatml";
  EXPECT_TRUE(run("c\n").ok());
  files = {{"chat_template.jinja", "{{ raise_exception('not now') }}"}};
  options.chatTemplate = "";
  auto refused = run("c\n");
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().text().find("not now"), std::string::npos);
}

}  // namespace
}  // namespace llc
