#include "runtime/corpus/prepare.h"

#include <gtest/gtest.h>

#include "runtime/corpus/byte_level_bpe.h"
#include "runtime/corpus/sentencepiece_train.h"
#include "runtime/text/tokenizer_files.h"
#include "tests/runtime/temporary_directory.h"

namespace llc::corpus {
namespace {

std::string words(int from, int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += "word" + std::to_string((from + i * i) % 23) + (i % 9 == 8 ? "\n" : " ");
  return text;
}

class PrepareTest : public testing::Test {
 protected:
  void SetUp() override {
    ByteLevelOptions options;
    options.vocabularySize = 300;
    auto counts = WordCounts::create(options, 1);
    ASSERT_TRUE(counts->add({words(0, 500)}).ok());
    auto tokenizer =
        Tokenizer::fromFiles({{"tokenizer.json", tokenizerJson(*trainBpe(counts->take(), options), options)},
                              {"tokenizer_config.json", tokenizerConfigJson(options.special)}});
    ASSERT_TRUE(tokenizer.ok());
    tokenizer_ = std::move(*tokenizer);
  }
  std::vector<SourceReport> make(const std::vector<std::string> &inputs, const PrepareOptions &options) {
    data::DatasetHeader header;
    header.vocabulary = uint32_t(tokenizer_->vocabularySize());
    auto writer = data::DatasetWriter::create(folder_.file("d"), header);
    auto found = findInputs(inputs);
    EXPECT_TRUE(writer.ok() && found.ok());
    auto reports = prepare(*found, *tokenizer_, options, *writer);
    EXPECT_TRUE(reports.ok()) << reports.error().text();
    EXPECT_TRUE(writer->commit().ok());
    return *reports;
  }
  std::vector<std::vector<int32_t>> sequences() {
    auto dataset = data::Dataset::open(folder_.file("d"));
    EXPECT_TRUE(dataset.ok());
    std::vector<std::vector<int32_t>> all(dataset->sequences());
    for (size_t i = 0; i < all.size(); ++i) {
      all[i].resize(*dataset->length(i));
      EXPECT_TRUE(dataset->read(i, 0, all[i]).ok());
    }
    return all;
  }
  TemporaryDirectory folder_;
  std::unique_ptr<Tokenizer> tokenizer_;
};

TEST_F(PrepareTest, DocumentsGetEndsAndAreCut) {
  std::string text = "word1 word2 </s> word3";
  auto ids = *tokenizer_->encode(text, {.addSpecial = false, .parseSpecial = false});
  ids.insert(ids.begin(), 1);
  ids.push_back(2);
  PrepareOptions options;
  options.threads = 2;
  make({folder_.write("a.txt", text + "\n" + text)}, options);
  EXPECT_EQ(sequences(), (std::vector<std::vector<int32_t>>{ids, ids}));
  options.maxLength = 7;
  options.limit = 1;
  make({folder_.file("a.txt")}, options);
  std::vector<int32_t> joined;
  for (const auto &part : sequences()) {
    EXPECT_LE(part.size(), 7u);
    joined.insert(joined.end(), part.begin(), part.end());
  }
  EXPECT_EQ(joined, ids);
}

TEST_F(PrepareTest, ThreadsDoNotChangeTheResult) {
  folder_.write("a.txt", words(1, 5000));
  PrepareOptions options;
  make({folder_.file("a.txt")}, options);
  std::string one = folder_.read("d.bin");
  options.threads = 4;
  make({folder_.file("a.txt")}, options);
  EXPECT_EQ(folder_.read("d.bin"), one);
}

TEST_F(PrepareTest, WeightsAreSharesOfTokensUntilOneInputEnds) {
  std::string a = folder_.write("a.txt", words(1, 3000)), b = folder_.write("b.txt", words(5, 9000));
  auto reports = make({a + ":3", b + ":1"}, {});
  EXPECT_TRUE(reports[0].finished);
  EXPECT_FALSE(reports[1].finished);
  EXPECT_NEAR(double(reports[0].tokens) / double(reports[0].tokens + reports[1].tokens), 0.75, 0.01);
  reports = make({a, b}, {});
  EXPECT_TRUE(reports[0].finished && reports[1].finished);
}

TEST(TokenizerFiles, HashIsThatOfTheVocabulary) {
  TemporaryDirectory folder;
  folder.write("tokenizer.json", "{}");
  folder.write("other.txt", "x");
  auto before = readTokenizerFiles(folder.path()), file = readTokenizerFiles(folder.file("tokenizer.json"));
  folder.write("tokenizer_config.json", "{\"eos_token\": \"x\"}");
  auto after = readTokenizerFiles(folder.file("tokenizer.json"));
  ASSERT_TRUE(before.ok() && file.ok() && after.ok());
  EXPECT_EQ(after->size(), 2u);
  EXPECT_EQ(tokenizerHash(*before), tokenizerHash(*after));
  EXPECT_EQ(tokenizerHash(*file), "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a");  // of "{}"
  EXPECT_FALSE(readTokenizerFiles(folder.file("other.txt")).ok());
}

class SentencePieceTraining : public testing::TestWithParam<const char *> {};

TEST_P(SentencePieceTraining, GivesAModelWithTheIdsOfTheSpecification) {
  TemporaryDirectory folder;
  std::string path =
      folder.write("a.txt", words(1, 4000) + "naïve café 日本語 " + words(2, 3000) + std::string(9000, 'y') + "\n");
  Corpus corpus({{path, Format::text, 0}}, {});
  SentencePieceOptions options;
  options.type = GetParam();
  options.vocabularySize = 300;
  auto model = trainSentencePiece(corpus, options);
  ASSERT_TRUE(model.ok()) << model.error().text();
  auto tokenizer = Tokenizer::fromFiles({{"tokenizer.model", *model}});
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.error().text();
  int32_t id = 0;
  for (const char *piece : {"<pad>", "<s>", "</s>", "<unk>", "<mask>"}) EXPECT_EQ((*tokenizer)->idOf(piece), id++);
  EXPECT_EQ((*tokenizer)->bosId(), 1);
  EXPECT_EQ((*tokenizer)->eosId(), 2);
  EXPECT_EQ((*tokenizer)->vocabularySize(), 300u);
  for (std::string text : {"word1 word22", "日本語 🙂 ж", "x=1234"})
    EXPECT_EQ((*tokenizer)->decode(*(*tokenizer)->encode(text)), text);
  auto vocabulary = vocabularyText(*model);
  ASSERT_TRUE(vocabulary.ok());
  EXPECT_TRUE(vocabulary->starts_with("<pad>\t0\n<s>\t0\n</s>\t0\n<unk>\t0\n<mask>\t0\n<0x00>\t"));
}
INSTANTIATE_TEST_SUITE_P(Types, SentencePieceTraining, testing::Values("bpe", "unigram"));

TEST(SentencePieceErrors, NameTheFlag) {
  TemporaryDirectory folder;
  std::string path = folder.write("a.jsonl", "{\"text\": \"some words\"}\n{\"text\": 3}\n");
  auto errorOf = [&](SentencePieceOptions options, bool skip) {
    CorpusOptions reading;
    reading.skipBroken = skip;
    Corpus corpus({{path, Format::jsonl, 0}}, reading);
    auto model = trainSentencePiece(corpus, options);
    return model ? "" : model.error().text();
  };
  EXPECT_NE(errorOf({.vocabularySize = 100}, true).find("--no-byte-fallback"), std::string::npos);
  EXPECT_NE(errorOf({.vocabularySize = 5000}, true).find("--vocab-size"), std::string::npos);
  EXPECT_NE(errorOf({.vocabularySize = 300}, false).find("a.jsonl:2"), std::string::npos);
}

TEST(SentencePieceForCode, KeepsBlanksExactly) {
  TemporaryDirectory folder;
  std::string code;
  for (int i = 0; i < 300; ++i) code += "        if x" + std::to_string(i % 7) + ":  return  y\n";
  Corpus corpus({{folder.write("a.txt", code), Format::text, 0}}, {});
  SentencePieceOptions options;
  options.vocabularySize = 300;
  options.normalization = "identity";
  options.removeExtraWhitespace = false;
  options.whitespacePieces = true;
  auto model = trainSentencePiece(corpus, options);
  ASSERT_TRUE(model.ok()) << model.error().text();
  auto tokenizer = Tokenizer::fromFiles({{"tokenizer.model", *model}});
  ASSERT_TRUE(tokenizer.ok());
  for (std::string text : {"    a  b\n\n\tc  ", "ﬁ Ａ ½"})
    EXPECT_EQ((*tokenizer)->decode(*(*tokenizer)->encode(text)), text);
  EXPECT_LE((*tokenizer)->encode("        ")->size(), 2u);
}

}  // namespace
}  // namespace llc::corpus
