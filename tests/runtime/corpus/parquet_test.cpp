// Against the rows that pyarrow wrote (tests/golden/make_parquet_goldens.py).
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <random>

#include "runtime/base/json_read.h"
#include "runtime/corpus/parquet/codec.h"
#include "runtime/corpus/parquet/rows.h"
#include "runtime/corpus/parquet/schema.h"

namespace llc::corpus::parquet {
namespace {
namespace fs = std::filesystem;

const fs::path folder = fs::path(LLC_SOURCE_DIR) / "tests/golden/parquet";

std::string contentOf(const fs::path &path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

struct Outcome {
  std::vector<Json> rows;           // null where one is broken
  std::vector<std::string> broken;  // why
  std::string error, remedy;
  bool operator==(const Outcome &other) const { return rows == other.rows && error == other.error; }
};

Outcome readRows(const std::string &path, const std::vector<std::string> &names = {}, uint64_t limit = 1 << 20) {
  Outcome outcome;
  auto rows = Rows::open(path, names, limit);
  Error error;
  if (!rows) return outcome.error = rows.error().what, outcome.remedy = rows.error().remedy, outcome;
  for (;;) {
    Json row;
    std::string why;
    uint64_t before = (*rows)->consumed();
    auto more = (*rows)->next(row, why);
    if (!more) outcome.error = more.error().what, outcome.remedy = more.error().remedy;
    if (!more || !*more) break;
    EXPECT_GE((*rows)->consumed(), before);
    outcome.rows.push_back(why.empty() ? row : Json());
    if (!why.empty()) outcome.broken.push_back(why);
    EXPECT_EQ((*rows)->number(), int64_t(outcome.rows.size()));
  }
  if (outcome.error.empty()) EXPECT_EQ((*rows)->consumed(), fs::file_size(path));
  return outcome;
}

std::vector<Json> expected(const std::string &name) {
  std::vector<Json> rows;
  std::ifstream stream(folder / (name.substr(0, name.find('_')) + ".jsonl"));
  for (std::string line; std::getline(stream, line);) rows.push_back(*parseJson(line, name));
  return rows;
}

class ParquetGoldens : public testing::TestWithParam<const char *> {};

TEST_P(ParquetGoldens, HasTheRowsThatWereWritten) {
  Outcome outcome = readRows(folder / (std::string(GetParam()) + ".parquet"));
  EXPECT_EQ(outcome.error, "");
  EXPECT_EQ(outcome.broken.size(), 0u);
  auto wanted = expected(GetParam());
  ASSERT_EQ(outcome.rows.size(), wanted.size());
  for (size_t i = 0; i < wanted.size(); ++i) EXPECT_EQ(outcome.rows[i].dump(), wanted[i].dump()) << i;
}

INSTANTIATE_TEST_SUITE_P(All, ParquetGoldens,
                         testing::Values("plain", "plain_dictionary", "plain_pages", "plain_pages_v2", "plain_deltas",
                                         "nested", "nested_pages", "nested_item", "types", "empty"));

class ParquetTest : public testing::Test {
 protected:
  // Errors say what to do, whatever the bytes; reading ends.
  Outcome readBytes(const std::string &bytes) {
    int file = memfd_create("parquet", 0);
    EXPECT_EQ(write(file, bytes.data(), bytes.size()), ssize_t(bytes.size()));
    Outcome outcome = readRows("/proc/self/fd/" + std::to_string(file), {}, 1 << 16);
    close(file);
    EXPECT_EQ(outcome.error.empty(), outcome.remedy.empty());
    return outcome;
  }
};

TEST_F(ParquetTest, OnlyTheColumnsThatAreNamedAreRead) {
  std::string path = folder / "binary.parquet";
  Outcome all = readRows(path);
  EXPECT_NE(all.error.find("'key' is of type FIXED_LEN_BYTE_ARRAY"), std::string::npos) << all.error;
  EXPECT_EQ(readRows(path, {"text"}).rows, (std::vector<Json>{{{"text", "one"}}, {{"text", "two"}}}));
  Outcome raw = readRows(path, {"raw"});
  EXPECT_EQ(raw.broken, (std::vector<std::string>{"column 'raw' is no valid UTF-8"}));
  EXPECT_EQ(raw.rows, (std::vector<Json>{nullptr, {{"raw", "ok"}}}));
  EXPECT_EQ(readRows(folder / "plain.parquet", {"none"}).rows.size(), 60u);
}

TEST_F(ParquetTest, RefusesByName) {
  Outcome brotli = readRows(folder / "brotli.parquet"), split = readRows(folder / "split.parquet");
  EXPECT_EQ(brotli.error, "column 'text', row group 1: the compression BROTLI is not read");
  EXPECT_NE(split.error.find("column 'count', row group 1, page 1: has the encoding BYTE_STREAM_SPLIT"),
            std::string::npos);
  for (const Outcome &outcome : {brotli, split}) EXPECT_NE(outcome.remedy.find("write_table"), std::string::npos);
  EXPECT_NE(readBytes("PAR1 is how this text begins").error.find("does not end with PAR1"), std::string::npos);
  EXPECT_NE(readBytes("").error.find("too short"), std::string::npos);
  std::string encrypted = contentOf(folder / "plain.parquet");
  encrypted.back() = 'E';
  EXPECT_EQ(readBytes(encrypted).error, "is encrypted");
}

TEST_F(ParquetTest, RowsThatAreTooLongAreBroken) {
  Outcome outcome = readRows(folder / "nested.parquet", {}, 100), whole = readRows(folder / "nested.parquet");
  ASSERT_EQ(outcome.rows.size(), whole.rows.size());
  EXPECT_GT(outcome.broken.size(), 5u);
  EXPECT_LT(outcome.broken.size(), 35u);
  EXPECT_EQ(outcome.broken[0], "is longer than 100 B");
  for (size_t i = 0; i < whole.rows.size(); ++i)
    if (!outcome.rows[i].is_null()) EXPECT_EQ(outcome.rows[i], whole.rows[i]);
}

TEST_F(ParquetTest, EveryTruncationIsAnError) {
  for (const char *name : {"plain_dictionary", "nested_pages", "plain_deltas"}) {
    std::string bytes = contentOf(folder / (std::string(name) + ".parquet"));
    for (size_t length = 0; length < bytes.size(); ++length)
      EXPECT_NE(readBytes(bytes.substr(0, length)).error, "") << name << " " << length;
  }
}

// Pages have checksums here: what is read is what was written, unless names or headers changed.
TEST_F(ParquetTest, EveryBrokenByteIsAnErrorOrDoesNoHarm) {
  for (const char *name : {"nested_pages", "plain_deltas", "types"}) {
    std::string bytes = contentOf(folder / (std::string(name) + ".parquet"));
    std::vector<Json> wanted = expected(name);
    size_t errors = 0;
    for (size_t at = 0; at < bytes.size(); ++at)
      for (int flip : {1, 255}) {
        std::string broken = bytes;
        broken[at] = char(broken[at] ^ flip);
        Outcome outcome = readBytes(broken);
        errors += !outcome.error.empty() || !outcome.broken.empty();
        EXPECT_LE(outcome.rows.size(), wanted.size()) << name << " " << at;
      }
    EXPECT_GT(2 * errors, bytes.size()) << name;
  }
}

TEST_F(ParquetTest, ManyBrokenBytesAreSafe) {
  std::mt19937 random(3);
  size_t errors = 0;
  for (const char *name : {"plain", "plain_pages", "nested", "nested_item", "plain_dictionary"}) {
    std::string bytes = contentOf(folder / (std::string(name) + ".parquet"));
    for (int i = 0; i < 400; ++i) {
      std::string broken = bytes;
      for (int j = 0; j < 4; ++j) broken[random() % broken.size()] = char(random());
      errors += !readBytes(broken).error.empty();
    }
  }
  EXPECT_GT(errors, 500u);
}

// What a page claims is checked before memory is taken for it.
TEST_F(ParquetTest, PagesThatAreTooLargeAreRefused) {
  Leaf leaf{"a", Type::int32};
  auto open = [&](std::vector<uint8_t> rawBytes) {
    std::vector<uint8_t> bytes = {0x15, 0};
    bytes.insert(bytes.end(), rawBytes.begin(), rawBytes.end());
    // 6 bytes of one value in PLAIN, then these.
    for (uint8_t byte : {0x15, 12, 0x2C, 0x15, 2, 0x15, 0, 0x15, 6, 0x15, 6, 0, 0, 4, 12, 7, 0, 0, 0})
      bytes.push_back(byte);
    PageMemory memory;
    Column column(bytes, "x", leaf, memory);
    Status status = column.open({.codec = int64_t(Codec::snappy), .values = 1, .bytes = bytes.size()}, 1);
    return status ? std::string("read") : status.error().what;
  };
  EXPECT_NE(open({0x15, 0x80, 0x80, 0x80, 0x80, 8}).find("larger than 512"), std::string::npos);
  EXPECT_EQ(open({0x15, 8}), "read");
  EXPECT_NE(open({0x15, 10}).find("does not hold 5 bytes compressed by SNAPPY"), std::string::npos);
  EXPECT_NE(open({0x15, 1}).find("size makes no sense"), std::string::npos);
}

TEST_F(ParquetTest, SnappyCopiesOverlap) {
  auto unpacked = [](std::vector<uint8_t> in, size_t length) {
    std::string out(length, '?');
    bool good = decompressSnappy(in, {reinterpret_cast<uint8_t *>(out.data()), out.size()});
    return good ? out : "broken";
  };
  EXPECT_EQ(unpacked({10, 4, 'a', 'b', 4 << 2 | 1, 2}, 10), "ababababab");
  EXPECT_EQ(unpacked({7, 8, 'a', 'b', 'c', 3 << 2 | 2, 3, 0}, 7), "abcabca");
  EXPECT_EQ(unpacked({7, 8, 'a', 'b', 'c', 3 << 2 | 3, 3, 0, 0, 0}, 7), "abcabca");
  EXPECT_EQ(unpacked({2, 60 << 2, 1, 'a', 'b'}, 2), "ab");
  EXPECT_EQ(unpacked({0}, 0), "");
  EXPECT_EQ(unpacked({7, 8, 'a', 'b', 'c', 3 << 2 | 2, 4, 0}, 7), "broken");  // begins before the text
  EXPECT_EQ(unpacked({7, 8, 'a', 'b', 'c', 3 << 2 | 2, 0, 0}, 7), "broken");
  EXPECT_EQ(unpacked({6, 8, 'a', 'b', 'c', 3 << 2 | 2, 3, 0}, 6), "broken");  // longer than it says
  EXPECT_EQ(unpacked({8, 8, 'a', 'b', 'c', 3 << 2 | 2, 3, 0}, 8), "broken");  // shorter
  EXPECT_EQ(unpacked({3, 12, 'a', 'b'}, 3), "broken");
  EXPECT_EQ(unpacked({}, 0), "broken");
}

TEST_F(ParquetTest, DeltasHaveTheNumbersOfTheSpecification) {
  auto numbers = [](std::vector<uint8_t> bytes) {
    std::vector<int64_t> found;
    Deltas deltas(bytes);
    for (int64_t value; found.size() < 1000 && deltas.next(value);) found.push_back(value);
    return found;
  };
  // Encodings.md: 1 to 5 needs a header and a block of width 0.
  EXPECT_EQ(numbers({128, 1, 4, 5, 2, 2, 0, 0, 0, 0}), (std::vector<int64_t>{1, 2, 3, 4, 5}));
  EXPECT_EQ(numbers({128, 1, 4, 5, 2}), (std::vector<int64_t>{1}));
  EXPECT_EQ(numbers({128, 1, 0, 5, 2}), (std::vector<int64_t>{}));
  EXPECT_EQ(numbers({128, 1, 128, 128, 128, 128, 128, 128, 128, 128, 32, 5, 2, 2}), (std::vector<int64_t>{}));
}

SchemaElement element(const char *name, int64_t repetition, int64_t children, int64_t type = -1,
                      int64_t converted = -1) {
  SchemaElement made;
  made.name = name;
  made.repetition = repetition;
  made.children = children;
  made.type = type;
  made.converted = converted;
  return made;
}

// Older files have lists whose items are what is repeated (LogicalTypes.md, backward compatibility).
TEST_F(ParquetTest, OldListsAreUnderstood) {
  constexpr int required = 0, optional = 1, repeated = 2, list = 3;
  Metadata metadata;
  Status status =
      readSchema({element("root", required, 3), element("old", optional, 1, -1, list), element("array", repeated, 0, 1),
                  element("pairs", required, 1, -1, list), element("pairs_tuple", repeated, 1),
                  element("text", optional, 0, 6), element("bare", repeated, 0, 6)},
                 "x", metadata);
  ASSERT_TRUE(status.ok());
  const auto &columns = metadata.root.children;
  ASSERT_EQ(columns.size(), 3u);
  for (const Node &column : columns) EXPECT_EQ(column.kind, Node::Kind::list);
  EXPECT_EQ(columns[0].children[0].kind, Node::Kind::value);
  EXPECT_EQ(columns[1].children[0].kind, Node::Kind::object);
  EXPECT_EQ(columns[2].children[0].kind, Node::Kind::value);
  auto levels = [&](size_t i) { return std::pair(metadata.leaves[i].definition, metadata.leaves[i].repetition); };
  EXPECT_EQ(levels(0), std::pair(2u, 1u));
  EXPECT_EQ(levels(1), std::pair(2u, 1u));
  EXPECT_EQ(levels(2), std::pair(1u, 1u));
  EXPECT_FALSE(readSchema({element("root", required, 2), element("a", required, 0, 1)}, "x", metadata).ok());
}

TEST_F(ParquetTest, NamesThatAppearTwiceAreRefused) {
  Metadata metadata;
  Status status = readSchema({element("root", 0, 2), element("a", 0, 0, 1), element("a", 0, 0, 6)}, "x", metadata);
  ASSERT_FALSE(status.ok());
  EXPECT_NE(status.error().what.find("two columns 'a'"), std::string::npos);
}

}  // namespace
}  // namespace llc::corpus::parquet
