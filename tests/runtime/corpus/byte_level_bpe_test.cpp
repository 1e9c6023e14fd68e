// Against Hugging Face tokenizers' BpeTrainer (tests/golden/make_bpe_training_goldens.py).
#include "runtime/corpus/byte_level_bpe.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "runtime/text/tokenizer.h"

namespace llc::corpus {
namespace {
using Json = nlohmann::json;

Json golden() {
  std::ifstream stream(std::filesystem::path(LLC_SOURCE_DIR) / "tests/golden/bpe_training.json");
  return Json::parse(stream);
}

ByteLevelOptions optionsOf(const Json &json) {
  ByteLevelOptions options;
  options.vocabularySize = json["vocabulary"];
  options.minFrequency = json["min_frequency"];
  options.maxTokenLength = json["max_token_length"];
  options.pattern = json["pattern"];
  options.splitDigits = json["digits"];
  options.normalization = json["normalization"];
  return options;
}

Result<BpeVocabulary> train(const std::vector<std::string> &texts, const ByteLevelOptions &options, int threads) {
  LLC_ASSIGN(WordCounts counts, WordCounts::create(options, threads));
  LLC_TRY(counts.add(texts));
  return trainBpe(counts.take(), options);
}

TEST(ByteLevelBpe, FindsTheMergesOfTheReference) {
  Json file = golden();
  auto texts = file["documents"].get<std::vector<std::string>>();
  ASSERT_GE(file["cases"].size(), 6u);
  for (const Json &wanted : file["cases"]) {
    ByteLevelOptions options = optionsOf(wanted["options"]);
    auto vocabulary = train(texts, options, 2);
    ASSERT_TRUE(vocabulary.ok()) << vocabulary.error().text();
    std::string written = tokenizerJson(*vocabulary, options);
    Json made = Json::parse(written);
    std::vector<std::string> tokens(made["model"]["vocab"].size());
    for (auto &[token, id] : made["model"]["vocab"].items()) tokens[id.get<size_t>()] = token;
    EXPECT_EQ(Json(tokens), wanted["tokens"]) << wanted["options"];
    EXPECT_EQ(made["model"]["merges"], wanted["merges"]) << wanted["options"];
    // What is written is read again, and encodes as the reference does.
    auto tokenizer = Tokenizer::fromFiles(
        {{"tokenizer.json", written}, {"tokenizer_config.json", tokenizerConfigJson(options.special)}});
    ASSERT_TRUE(tokenizer.ok()) << tokenizer.error().text();
    for (const Json &line : wanted["texts"]) {
      auto ids = (*tokenizer)->encode(line["text"].get<std::string>(), {.addSpecial = true});
      ASSERT_TRUE(ids.ok());
      EXPECT_EQ(Json(*ids), line["ids"]) << line["text"];
    }
    EXPECT_EQ((*tokenizer)->padId(), 0);
    EXPECT_EQ((*tokenizer)->bosId(), 1);
    EXPECT_EQ((*tokenizer)->eosId(), 2);
    EXPECT_EQ((*tokenizer)->idOf("<unk>"), 3);
    EXPECT_EQ((*tokenizer)->idOf("<mask>"), 4);
  }
}

TEST(ByteLevelBpe, RoundTripsAnyText) {
  ByteLevelOptions options;
  options.vocabularySize = 300;
  auto vocabulary = train({"some text and some more text"}, options, 1);
  ASSERT_TRUE(vocabulary.ok());
  auto tokenizer = Tokenizer::fromFiles({{"tokenizer.json", tokenizerJson(*vocabulary, options)}});
  ASSERT_TRUE(tokenizer.ok());
  for (std::string text : {"", " x  y\n\t", "日本語 🙂 \x01\x7f", "123 4567"})
    EXPECT_EQ((*tokenizer)->decode(*(*tokenizer)->encode(text)), text);
}

TEST(ByteLevelBpe, ResultDoesNotDependOnThreads) {
  auto texts = golden()["documents"].get<std::vector<std::string>>();
  ByteLevelOptions options;
  options.vocabularySize = 600;
  EXPECT_EQ(tokenizerJson(*train(texts, options, 1), options), tokenizerJson(*train(texts, options, 3), options));
}

TEST(ByteLevelBpe, TextNeverBecomesASpecialToken) {
  ByteLevelOptions options;
  options.vocabularySize = 300;
  options.special = {"pad", "s", "ab", "unk", "mask"};
  options.pattern = R"(\S+)";
  auto vocabulary = train({"ab ab ab ab abc abc abc"}, options, 1);
  ASSERT_TRUE(vocabulary.ok());
  for (auto [a, b] : vocabulary->merges) EXPECT_NE(vocabulary->tokens[a] + vocabulary->tokens[b], "ab");
}

TEST(ByteLevelBpe, RefusesWhatCanNotBe) {
  ByteLevelOptions options;
  options.vocabularySize = 260;
  EXPECT_FALSE(trainBpe({}, options).ok());
  options.pattern = "(";
  EXPECT_FALSE(WordCounts::create(options, 1).ok());
  options.pattern = "gpt2";
  options.normalization = "nfx";
  EXPECT_FALSE(WordCounts::create(options, 1).ok());
}

}  // namespace
}  // namespace llc::corpus
