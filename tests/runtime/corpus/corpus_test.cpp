#include "runtime/corpus/corpus.h"

#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include "runtime/corpus/byte_stream.h"
#include "runtime/corpus/csv.h"
#include "runtime/corpus/inputs.h"
#include "runtime/corpus/lines.h"
#include "runtime/corpus/records.h"
#include "tests/runtime/temporary_directory.h"

namespace llc::corpus {
namespace {
using Texts = std::vector<std::string>;

std::string gzip(const std::string &text) {
  std::string out(compressBound(text.size()) + 64, '\0');
  z_stream state = {};
  deflateInit2(&state, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  state.next_in = reinterpret_cast<Bytef *>(const_cast<char *>(text.data()));
  state.avail_in = uInt(text.size());
  state.next_out = reinterpret_cast<Bytef *>(out.data());
  state.avail_out = uInt(out.size());
  deflate(&state, Z_FINISH);
  out.resize(state.total_out);
  deflateEnd(&state);
  return out;
}

std::string zstd(const std::string &text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
  return out;
}

class CorpusTest : public testing::Test {
 protected:
  struct Outcome {
    Texts texts, skipped;
    std::string error;
    CorpusCounts counts;
  };
  Outcome readAll(const std::string &input, CorpusOptions options = {}, std::optional<Format> format = std::nullopt) {
    Outcome outcome;
    options.onBroken = [&](const std::string &text) { outcome.skipped.push_back(text); };
    auto inputs = findInputs({input}, format);
    if (!inputs) return outcome.error = inputs.error().text(), outcome;
    Corpus corpus(filesOf(*inputs), options);
    std::string_view text;
    for (;;) {
      auto more = corpus.next(text);
      if (!more) outcome.error = more.error().text();
      if (!more || !*more) break;
      outcome.texts.emplace_back(text);
    }
    if (outcome.error.empty()) EXPECT_EQ(corpus.bytesRead(), corpus.totalBytes());
    outcome.counts = corpus.counts();
    return outcome;
  }
  // The texts of a file of this name and content, broken records skipped.
  Outcome readFile(const std::string &name, const std::string &content, CorpusOptions options = {}) {
    options.skipBroken = true;
    return readAll(folder_.write(name, content), options);
  }
  TemporaryDirectory folder_;
};

TEST_F(CorpusTest, TextHasADocumentALine) {
  EXPECT_EQ(readFile("a.txt", "\xEF\xBB\xBFone\r\n\n  \ntwo\nthree").texts, (Texts{"one", "two", "three"}));
  CorpusOptions options;
  options.records.separator = "blank";
  EXPECT_EQ(readFile("a.txt", "one\ntwo\n\n\nthree\n \nfour\n", options).texts, (Texts{"one\ntwo", "three", "four"}));
  options.records.separator = "<end>";
  EXPECT_EQ(readFile("a.txt", "one\n\ntwo\n<end>\nthree\n", options).texts, (Texts{"one\n\ntwo", "three"}));
  options.records.separator = "file";
  EXPECT_EQ(readFile("a.txt", "one\n\ntwo\n", options).texts, (Texts{"one\n\ntwo"}));
}

TEST_F(CorpusTest, CompressionIsSeenByContent) {
  std::string text;
  for (int i = 0; i < 30000; ++i) text += "line " + std::to_string(i * 7919 % 10007) + "\n";
  Texts plain = readFile("a.txt", text).texts;
  EXPECT_EQ(plain.size(), 30000u);
  EXPECT_EQ(readFile("b.txt.gz", gzip(text)).texts, plain);
  EXPECT_EQ(readFile("c.txt.zst", zstd(text)).texts, plain);
  EXPECT_EQ(readFile("d.txt", zstd(text)).texts, plain);
  std::string half = text.substr(0, 5000 * 7), rest = text.substr(5000 * 7);
  EXPECT_EQ(readFile("e.txt.gz", gzip(half) + gzip(rest)).texts, plain);
  EXPECT_EQ(readFile("f.txt.zst", zstd(half) + zstd(rest)).texts, plain);
  for (const std::string &packed : {gzip(text), zstd(text)}) {
    EXPECT_NE(readFile("cut.txt", packed.substr(0, packed.size() / 2)).error.find("ends in the middle"),
              std::string::npos);
    std::string wrong = packed;
    wrong[wrong.size() / 2] ^= 1;
    EXPECT_NE(readFile("wrong.txt", wrong).error.find("is broken"), std::string::npos);
  }
}

TEST_F(CorpusTest, JsonLinesAndTheirFields) {
  std::string lines = R"({"text": "t", "title": "x"})"
                      "\n"
                      R"({"content": "c", "text": "t"})"
                      "\n"
                      R"({"conversations": [{"from": "a", "value": "hi"}, {"value": "ho"}], "text": "t"})"
                      "\n"
                      R"({"messages": [{"role": "user", "content": [{"type": "text", "text": "q"}]}]})"
                      "\n"
                      R"({"prompt": "p", "response": "r"})"
                      "\n"
                      R"({"title": "x", "tags": ["a", ["b"]], "n": 3})"
                      "\n\n"
                      R"("only text")"
                      "\n";
  EXPECT_EQ(readFile("a.jsonl", lines).texts,
            (Texts{"t", "c", "hi\nho", "q", "Prompt: p\nResponse: r\n", "a\nb\nx", "only text"}));
  CorpusOptions options;
  options.records.fields = {"title", "text"};
  auto outcome = readFile("a.jsonl", lines, options);
  EXPECT_EQ(outcome.texts, (Texts{"x\nt", "only text"}));
  EXPECT_EQ(outcome.counts.broken, 5);
  EXPECT_NE(outcome.skipped[0].find("a.jsonl:2: has no field 'title'"), std::string::npos) << outcome.skipped[0];
}

TEST_F(CorpusTest, BrokenRecordsAreSkippedOrRefused) {
  std::string lines = "{\"text\": \"a\"}\n{\"text\": \n{\"text\": \"b\"}\n[1]\n{\"text\": \"\xff\"}\n";
  auto outcome = readFile("a.jsonl", lines);
  EXPECT_EQ(outcome.texts, (Texts{"a", "b"}));
  EXPECT_EQ(outcome.counts.broken, 3);
  ASSERT_EQ(outcome.skipped.size(), 3u);
  EXPECT_NE(outcome.skipped[1].find("a.jsonl:4: expected a JSON object"), std::string::npos);
  EXPECT_NE(readAll(folder_.file("a.jsonl")).error.find("a.jsonl:2"), std::string::npos);
  CorpusOptions options;
  options.skipBroken = true;
  options.maxBroken = 2;
  EXPECT_NE(readAll(folder_.file("a.jsonl"), options).error.find("a.jsonl:5"), std::string::npos);
  options = {};
  options.records.maxRecordBytes = 20;
  outcome = readFile("b.txt", "short\n" + std::string(1000000, 'x') + "\nlast\n", options);
  EXPECT_EQ(outcome.texts, (Texts{"short", "last"}));
  EXPECT_NE(outcome.skipped.at(0).find("b.txt:2: is longer than"), std::string::npos);
  outcome = readFile("c.txt", "ok\n\xc3(\n");
  EXPECT_NE(outcome.skipped.at(0).find("UTF-8"), std::string::npos);
}

TEST_F(CorpusTest, CsvHasQuotesAndLineBreaks) {
  auto outcome = readFile("a.csv", "id,text\n1,plain\n2,\"a, \"\"b\"\"\nc\"\n\n3,\"\"\n4\n5,\"x\"y\n6,last");
  EXPECT_EQ(outcome.texts, (Texts{"plain", "a, \"b\"\nc", "3", "last"}));
  ASSERT_EQ(outcome.skipped.size(), 2u);
  EXPECT_NE(outcome.skipped[0].find("a.csv:7: has 1 fields"), std::string::npos) << outcome.skipped[0];
  EXPECT_NE(outcome.skipped[1].find("a.csv:8: has text behind the closing quote"), std::string::npos)
      << outcome.skipped[1];
  CorpusOptions options;
  options.records.fields = {"b"};
  EXPECT_EQ(readFile("a.tsv", "a\tb\n1\t\"x\ty\"\n2\tz, w\n", options).texts, (Texts{"x\ty", "z, w"}));
  EXPECT_NE(readFile("b.csv", "text\n\"never closes\n").skipped.at(0).find("b.csv:2: has a quote that never closes"),
            std::string::npos);
  EXPECT_EQ(readFile("c.csv", "text,text\na,b\n").counts.broken, 1);
}

TEST_F(CorpusTest, DirectoriesPatternsAndWeights) {
  folder_.write("d/b.txt", "b");
  folder_.write("d/a.jsonl", "\"a\"");
  folder_.write("d/deep/c.csv", "text\nc");
  folder_.write("d/.hidden/x.txt", "x");
  folder_.write("d/config.json", "{}");
  folder_.write("d/code.py", "print()");
  EXPECT_EQ(readAll(folder_.file("d")).texts, (Texts{"a", "b", "c"}));
  EXPECT_EQ(readAll(folder_.file("d/*.txt")).texts, (Texts{"b"}));
  EXPECT_EQ(readAll(folder_.file("d/code.py")).texts, (Texts{"print()"}));
  EXPECT_EQ(readAll(folder_.file("d/*.py"), {}, Format::text).texts, (Texts{"print()"}));
  auto weighted = findInputs({folder_.file("d") + ":0.25"});
  ASSERT_TRUE(weighted.ok());
  EXPECT_EQ((*weighted)[0].weight, 0.25);
  EXPECT_EQ((*weighted)[0].name, folder_.file("d"));
  for (const char *bad : {"none.txt", "d/*.xml", "d:x", "d:-1"})
    EXPECT_FALSE(findInputs({folder_.file(bad)}).ok()) << bad;
}

TEST_F(CorpusTest, ParquetIsReadAsJsonLinesAre) {
  std::string goldens = std::string(LLC_SOURCE_DIR) + "/tests/golden/parquet/";
  CorpusOptions options;
  options.skipBroken = true;
  options.records.fields = {"text"};
  for (std::string name : {"plain", "plain_pages"}) {
    auto rows = readAll(goldens + name + ".parquet", options), lines = readAll(goldens + "plain.jsonl", options);
    EXPECT_EQ(rows.error, "");
    EXPECT_GT(rows.texts.size(), 40u);
    EXPECT_EQ(rows.texts, lines.texts);
    ASSERT_EQ(rows.skipped.size(), lines.skipped.size());
    EXPECT_EQ(rows.skipped[0], goldens + name + ".parquet:1: has no field 'text'");
  }
  options.records.fields = {};
  options.records.accepts = [](const nlohmann::json &) { return success(); };
  EXPECT_EQ(readAll(goldens + "nested.parquet", options).texts, readAll(goldens + "nested.jsonl", options).texts);
  std::filesystem::create_directory(folder_.file("d"));
  std::filesystem::copy_file(goldens + "plain.parquet", folder_.file("d/a.parquet"));
  EXPECT_EQ(readAll(folder_.file("d"), options).texts.size(), 60u);
  EXPECT_EQ(readAll(folder_.file("d/*.parquet"), options).texts.size(), 60u);
}

TEST_F(CorpusTest, ColumnarFilesSayWhatToDo) {
  folder_.write("x.txt", "PAR1....");
  folder_.write("x.parquet", "PAR1....");
  folder_.write("x.arrow", "ARROW1");
  folder_.write("y.txt", "ARROW1");
  EXPECT_NE(readAll(folder_.file("x.txt")).error.find("give it the ending .parquet"), std::string::npos);
  EXPECT_NE(readAll(folder_.file("x.parquet")).error.find("copy it again"), std::string::npos);
  for (const char *name : {"x.arrow", "y.txt"})
    EXPECT_NE(readAll(folder_.file(name)).error.find("convert it to Parquet"), std::string::npos);
}

}  // namespace
}  // namespace llc::corpus
