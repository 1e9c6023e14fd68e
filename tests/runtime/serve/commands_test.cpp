#include "runtime/serve/commands.h"

#include <gtest/gtest.h>

#include <cmath>

#include "runtime/serve/bench.h"
#include "runtime/serve/options.h"
#include "tests/runtime/serve/fake_program.h"

namespace llc {
namespace {

// One letter a token: a is 0, p is 15. No special tokens.
std::unique_ptr<Tokenizer> letters() {
  nlohmann::json vocabulary;
  for (int i = 0; i < fakeVocabulary; ++i) vocabulary[std::string(1, char('a' + i))] = i;
  nlohmann::json file = {{"version", "1.0"},
                         {"added_tokens", nlohmann::json::array()},
                         {"normalizer", nullptr},
                         {"pre_tokenizer", nullptr},
                         {"post_processor", nullptr},
                         {"decoder", {{"type", "Fuse"}}},
                         {"model", {{"type", "BPE"}, {"vocab", vocabulary}, {"merges", nlohmann::json::array()}}}};
  auto tokenizer = Tokenizer::fromFiles({{"tokenizer.json", file.dump()}});
  EXPECT_TRUE(tokenizer) << tokenizer.error().text();
  return std::move(*tokenizer);
}

class Commands : public testing::Test {
 protected:
  std::string outputOf(const std::function<Status()> &command) {
    testing::internal::CaptureStdout();
    Status status = command();
    std::string output = testing::internal::GetCapturedStdout();
    EXPECT_TRUE(status) << status.error().text();
    return output;
  }
  std::unique_ptr<Tokenizer> tokenizer = letters();
  std::unique_ptr<Session> session = std::move(*Session::create(fakeProgram(), {.threads = 1}));
};

std::string expectedText(std::vector<int32_t> tokens, int count) {
  std::string text;
  for (int i = 0; i < count; ++i) {
    tokens.push_back(fakeNextOf(tokens));
    text += char('a' + tokens.back());
  }
  return text;
}

TEST_F(Commands, RunStreamsTextOrGivesJson) {
  RunOptions options;
  options.prompt.text = "bcd";
  options.generate.maxTokens = 5;
  std::string text = expectedText({1, 2, 3}, 5);
  EXPECT_EQ(outputOf([&] { return runCommand(*session, tokenizer.get(), options); }), text + "\n");
  options.echo = true;
  EXPECT_EQ(outputOf([&] { return runCommand(*session, tokenizer.get(), options); }), "bcd" + text + "\n");
  options.json = true;
  auto json = nlohmann::json::parse(outputOf([&] { return runCommand(*session, tokenizer.get(), options); }));
  EXPECT_EQ(json["text"], text);
  EXPECT_EQ(json["ids"].size(), 5u);
  EXPECT_EQ(json["prompt_tokens"], 3);
  EXPECT_FALSE(json.contains("log_probs"));
  options.generate.logProbs = true;
  json = nlohmann::json::parse(outputOf([&] { return runCommand(*session, tokenizer.get(), options); }));
  EXPECT_EQ(json["log_probs"].size(), 5u);
}

TEST_F(Commands, ScorePrintsATableOrJson) {
  ScoreOptions options;
  options.input.text = "bcd";
  std::string table = outputOf([&] { return scoreCommand(*session, tokenizer.get(), options); });
  EXPECT_NE(table.find("perplexity"), std::string::npos);
  EXPECT_NE(table.find("  \"d\"\n"), std::string::npos) << table;
  EXPECT_EQ(std::count(table.begin(), table.end(), '\n'), 3);
  options.json = true;
  auto json = nlohmann::json::parse(outputOf([&] { return scoreCommand(*session, tokenizer.get(), options); }));
  EXPECT_EQ(json["ids"], nlohmann::json({1, 2, 3}));
  EXPECT_NEAR(json["sum"].get<double>(), json["log_probs"][0].get<double>() + json["log_probs"][1].get<double>(), 1e-9);
}

TEST_F(Commands, IdsAreTakenAsTheyAre) {
  EXPECT_EQ(*idsOf({.text = "", .ids = {7}, .hasIds = true}, nullptr), std::vector<int32_t>{7});
  EXPECT_EQ(*idsOf({.text = "pa", .ids = {}}, tokenizer.get()), (std::vector<int32_t>{15, 0}));
  EXPECT_FALSE(idsOf({.text = "x", .ids = {}}, nullptr));
}

TEST_F(Commands, BenchCountsCacheAndWeights) {
  auto result = bench(*session, {.promptTokens = 30, .genTokens = 4, .repeats = 1});
  ASSERT_TRUE(result) << result.error().text();
  EXPECT_EQ(result->bytesPerToken, 1u + 8 * 32) << "one byte of weights, 8 bytes of cache for each of 32 tokens";
  EXPECT_GT(result->readBandwidth, 1e8);
  EXPECT_GT(result->peakFlops, 1e8);
  EXPECT_NEAR(result->prefillFlopShare, result->prefillTokensPerSecond / 30 * (2 * 2 * 16) / result->peakFlops, 1e-12)
      << "nothing but logits, of the last token alone";
  EXPECT_NEAR(result->decodeBandwidthShare, result->decodeTokensPerSecond * 257 / result->readBandwidth, 1e-12);
  EXPECT_NE(describe(*result).find("tok/s"), std::string::npos);
  EXPECT_FALSE(bench(*session, {.promptTokens = 98, .genTokens = 3}));
  EXPECT_FALSE(bench(*session, {.promptTokens = 0}));
}

TEST(Info, NamesTheModel) {
  testing::internal::CaptureStdout();
  infoCommand(fakeManifest(), false);
  EXPECT_NE(testing::internal::GetCapturedStdout().find("context 100"), std::string::npos);
}

// The flags of a command line as a user types them.
RunOptions parse(std::vector<std::string> arguments, RunOptions options = {}) {
  CLI::App app;
  addRunFlags(app, options);
  std::reverse(arguments.begin(), arguments.end());
  app.parse(arguments);
  return options;
}

TEST(Flags, FillTheOptions) {
  RunOptions options = parse({"-p",      "once upon", "-n",      "7",   "--temp",           "0.5",   "--top-k", "3",
                              "--top-p", "0.9",       "--min-p", "0.1", "--repeat-penalty", "1.2",   "--seed",  "9",
                              "--stop",  "a",         "--stop",  "b c", "--ignore-eos",     "--json"});
  EXPECT_EQ(options.prompt.text, "once upon");
  EXPECT_FALSE(options.prompt.hasIds);
  EXPECT_EQ(options.generate.maxTokens, 7);
  EXPECT_EQ(options.generate.sampling.temperature, 0.5);
  EXPECT_EQ(options.generate.sampling.topK, 3);
  EXPECT_EQ(options.generate.sampling.topP, 0.9);
  EXPECT_EQ(options.generate.sampling.minP, 0.1);
  EXPECT_EQ(options.generate.sampling.repeatPenalty, 1.2);
  EXPECT_EQ(options.generate.sampling.seed, 9u);
  EXPECT_EQ(options.generate.stop, (std::vector<std::string>{"a", "b c"}));
  EXPECT_TRUE(options.generate.ignoreEos);
  EXPECT_TRUE(options.json);
  EXPECT_EQ(parse({"--ids", "1,2,3"}).prompt.ids, (std::vector<int32_t>{1, 2, 3}));
  EXPECT_EQ(parse({"-p", ""}).prompt.text, "");
}

TEST(Flags, RefuseWhatMakesNoSense) {
  EXPECT_FALSE(checkInput(parse({})).ok());
  EXPECT_TRUE(checkInput(parse({"-p", ""})).ok());
  EXPECT_THROW(parse({"-p", "x", "--ids", "1"}), CLI::ParseError);
  EXPECT_THROW(parse({"-p", "x", "-n", "-1"}), CLI::ParseError);
  EXPECT_THROW(parse({"-p", "x", "--temp", "hot"}), CLI::ParseError);
  EXPECT_THROW(parse({"-p", "x", "--json", "--echo"}), CLI::ParseError);
  EXPECT_THROW(parse({"-p", "x", "--tepm", "1"}), CLI::ParseError);
}

TEST(Flags, DefaultsComeFromTheModel) {
  GenerationDefaults defaults;
  defaults.temperature = 0.7, defaults.topK = 40, defaults.eos = {2};
  RunOptions options;
  options.generate = generateOptions(defaults);
  options = parse({"-p", "x", "--top-k", "5"}, options);
  EXPECT_EQ(options.generate.sampling.temperature, 0.7);
  EXPECT_EQ(options.generate.sampling.topK, 5);
  EXPECT_EQ(options.generate.eos, std::vector<int32_t>{2});
}

}  // namespace
}  // namespace llc
