// Tiny tokenizers of every kind against what the reference libraries made of them (tests/golden/make_tokenizer_goldens.py).
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "runtime/text/base64.h"
#include "runtime/text/tokenizer.h"
#include "tests/runtime/text/streamed.h"

namespace llc {
namespace {
using Json = nlohmann::json;
using Ids = std::vector<TokenId>;

class Golden : public testing::TestWithParam<const char *> {};

TEST_P(Golden, EqualsTheReference) {
  std::ifstream stream(std::filesystem::path(LLC_SOURCE_DIR) / "tests/golden/tokenizers" / (std::string(GetParam()) + ".json"));
  Json golden = Json::parse(stream);
  std::map<std::string, std::string> files;
  for (auto &[name, value] : golden["files"].items())
    files[name] = value.is_string() ? value.get<std::string>() : *text::decodeBase64(value["base64"].get<std::string>());
  auto tokenizer = Tokenizer::fromFiles(files);
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.error().text();
  ASSERT_GE(golden["cases"].size(), 30u);
  for (const Json &line : golden["cases"]) {
    if (line.contains("text")) {
      auto text = line["text"].get<std::string>();
      auto ids = (*tokenizer)->encode(text), special = (*tokenizer)->encode(text, {.addSpecial = true});
      ASSERT_TRUE(ids.ok() && special.ok());
      EXPECT_EQ(*ids, line["ids"].get<Ids>()) << text;
      EXPECT_EQ(*special, line["special"].get<Ids>()) << text;
    }
    Ids given = line[line.contains("text") ? "special" : "decode"].get<Ids>();
    EXPECT_EQ((*tokenizer)->decode(given), line["decoded"].get<std::string>());
    EXPECT_EQ((*tokenizer)->decode(given, true), line["skipped"].get<std::string>());
    EXPECT_EQ(streamed(**tokenizer, given, false), line["decoded"].get<std::string>());
    EXPECT_EQ(streamed(**tokenizer, given, true), line["skipped"].get<std::string>());
  }
}

INSTANTIATE_TEST_SUITE_P(Tokenizers, Golden,
                         testing::Values("byte_level_bpe", "byte_fallback_bpe", "word_end_bpe", "word_piece", "unigram",
                                         "word_level", "sentencepiece_bpe", "sentencepiece_bpe_plain", "sentencepiece_unigram",
                                         "sentencepiece_unigram_plain", "sentencepiece_char_plain", "sentencepiece_word_plain"),
                         [](const auto &info) { return std::string(info.param); });

std::string byteLevel() {
  std::ifstream stream(std::filesystem::path(LLC_SOURCE_DIR) / "tests/golden/tokenizers/byte_level_bpe.json");
  return Json::parse(stream)["files"]["tokenizer.json"].get<std::string>();
}

TEST(Tokenizer, InvalidBytesCountAsReplacementCharacters) {
  auto tokenizer = Tokenizer::fromFiles({{"tokenizer.json", byteLevel()}});
  ASSERT_TRUE(tokenizer.ok());
  auto broken = (*tokenizer)->encode("a\xFF\xC3(\xE6\x97"), mended = (*tokenizer)->encode("a\uFFFD\uFFFD(\uFFFD");
  ASSERT_TRUE(broken.ok() && mended.ok());
  EXPECT_EQ(*broken, *mended);
}

TEST(Tokenizer, StreamNeverCutsACharacter) {
  auto tokenizer = Tokenizer::fromFiles({{"tokenizer.json", byteLevel()}});
  ASSERT_TRUE(tokenizer.ok());
  std::string text;
  for (int i = 0; i < 40; ++i) text += "🙂 x日本";
  auto ids = (*tokenizer)->encode(text);
  ASSERT_TRUE(ids.ok());
  StreamDecoder decoder(**tokenizer);
  std::string joined;
  for (TokenId id : *ids) {
    std::string piece = decoder.push(id);
    EXPECT_EQ(piece.find("\uFFFD"), std::string::npos);
    joined += piece;
  }
  EXPECT_EQ(joined + decoder.finish(), text);
}

TEST(Tokenizer, PlainTextMayKeepSpecialTokensApart) {
  auto tokenizer = Tokenizer::fromFiles({{"tokenizer.json", byteLevel()}});
  ASSERT_TRUE(tokenizer.ok());
  auto parsed = (*tokenizer)->encode("<s>"), plain = (*tokenizer)->encode("<s>", {.addSpecial = false, .parseSpecial = false});
  ASSERT_TRUE(parsed.ok() && plain.ok());
  EXPECT_EQ(*parsed, Ids{*(*tokenizer)->idOf("<s>")});
  EXPECT_GT(plain->size(), 1u);
  EXPECT_TRUE((*tokenizer)->isSpecial((*parsed)[0]));
}

TEST(Tokenizer, StopIdsComeFromTheGenerationConfig) {
  auto tokenizer = Tokenizer::fromFiles({{"tokenizer.json", byteLevel()},
                                         {"tokenizer_config.json", R"({"bos_token": "<s>", "eos_token": {"content": "</s>"}})"},
                                         {"generation_config.json", R"({"eos_token_id": [2, 7]})"}});
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.error().text();
  EXPECT_EQ((*tokenizer)->bosId(), 1);
  EXPECT_EQ((*tokenizer)->eosId(), 2);
  EXPECT_EQ((*tokenizer)->stopIds(), (Ids{2, 7}));
}

TEST(Tokenizer, TextsOfBertBeginAndEndWithItsOwnTokens) {
  auto tokenizer = Tokenizer::fromFiles({{"vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n##b\n"}});
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.error().text();
  EXPECT_EQ((*tokenizer)->bosId(), 2);
  EXPECT_EQ((*tokenizer)->eosId(), 3);
  EXPECT_EQ((*tokenizer)->maskId(), 4);
  auto ids = (*tokenizer)->encode("ab [MASK]", {.addSpecial = true});
  ASSERT_TRUE(ids.ok());
  EXPECT_EQ(*ids, (Ids{2, 5, 6, 4, 3}));
  auto named =
      Tokenizer::fromFiles({{"vocab.txt", "<s>\n</s>\n<hidden>\n[UNK]\n"},
                            {"tokenizer_config.json",
                             R"({"cls_token": "<s>", "sep_token": "</s>", "mask_token": {"content": "<hidden>"}})"}});
  ASSERT_TRUE(named.ok()) << named.error().text();
  EXPECT_EQ((*named)->bosId(), 0);
  EXPECT_EQ((*named)->eosId(), 1);
  EXPECT_EQ((*named)->maskId(), 2);
}

struct BadFile {
  const char *name, *bytes, *says;
};
class BadFiles : public testing::TestWithParam<BadFile> {};
TEST_P(BadFiles, GetAMessage) {
  auto tokenizer = Tokenizer::fromFiles({{GetParam().name, GetParam().bytes}});
  ASSERT_FALSE(tokenizer.ok());
  EXPECT_NE(tokenizer.error().text().find(GetParam().says), std::string::npos) << tokenizer.error().text();
  EXPECT_FALSE(tokenizer.error().remedy.empty());
}
INSTANTIATE_TEST_SUITE_P(
    Tokenizers, BadFiles,
    testing::Values(
        BadFile{"tokenizer.json", "{\"model\": ", "not valid JSON"}, BadFile{"tokenizer.json", "[]", "expected an object"},
        BadFile{"tokenizer.json", R"({"model": {"type": "BPEE", "vocab": {"a": 0}, "merges": []}})", "'BPE'"},
        BadFile{"tokenizer.json", R"({"model": {"type": "BPE", "vocab": {"a": 99999999999}, "merges": []}})", "no id"},
        BadFile{"tokenizer.json", R"({"model": {"type": "BPE", "vocab": {"a": 0}, "merges": ["a b"]}})",
                "'b' is not in the vocabulary"},
        BadFile{"tokenizer.json", R"({"model": {"type": "BPE", "dropout": 0.1, "vocab": {"a": 0}, "merges": []}})", "dropout"},
        BadFile{"tokenizer.json",
                R"({"pre_tokenizer": {"type": "Split", "pattern": {"Regex": "(a)\\1"}, "behavior": "Isolated"}, "model": {}})",
                "back-references"},
        BadFile{"tokenizer.model", "\x0a\xff\xff\xff\xff\x0f", "sentencepiece"}, BadFile{"x.tiktoken", "YQ== 0\n", "o200k"},
        BadFile{"gpt2.tiktoken", "YQ== 0\nYg==\n", "gpt2.tiktoken:2"}, BadFile{"rwkv_vocab.txt", "1 'a' 2\n", "rwkv_vocab.txt:1"},
        BadFile{"readme.txt", "", "no tokenizer"}));

}  // namespace
}  // namespace llc
