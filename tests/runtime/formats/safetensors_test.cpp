#include "runtime/formats/safetensors.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "runtime/base/json_read.h"
#include "tests/runtime/temporary_directory.h"

namespace llc {
namespace {

std::string fileOf(std::string_view header, std::string_view data, std::optional<uint64_t> claimedLength = {}) {
  uint64_t length = claimedLength.value_or(header.size());
  std::string file;
  for (int i = 0; i < 8; ++i) file += char(length >> (8 * i) & 255);
  return file.append(header).append(data);
}

Result<std::vector<TensorView>> parse(const std::string &file) {
  return parseSafeTensors(std::as_bytes(std::span(file.data(), file.size())), "w.safetensors");
}

std::string entry(std::string_view name, std::string_view type, std::string_view shape, std::string_view offsets) {
  return fmt::format(R"("{}":{{"dtype":"{}","shape":{},"data_offsets":{}}})", name, type, shape, offsets);
}

TEST(SafeTensors, ReadsTensorsInTheOrderOfTheirData) {
  std::string header = "{" + entry("b", "F32", "[2]", "[0,8]") + "," + entry("a", "BF16", "[1,2]", "[8,12]") + "," +
                       entry("none", "I64", "[0,5]", "[12,12]") + "," + entry("one", "U8", "[]", "[12,13]") +
                       R"(,"__metadata__":{"format":"pt"}})";
  std::string file = fileOf(header, std::string("\0\0\x80\x3f\0\0\0\x40\x80\x3f\0\x40\x07", 13));
  std::map<std::string, std::string> metadata;
  auto tensors = parseSafeTensors(std::as_bytes(std::span(file.data(), file.size())), "f", &metadata);
  ASSERT_TRUE(tensors) << tensors.error().text();
  ASSERT_EQ(tensors->size(), 4u);
  EXPECT_EQ((*tensors)[0].name, "b");
  EXPECT_EQ(loadElement((*tensors)[0].bytes.data(), DType::f32, 1), 2.0);
  EXPECT_EQ((*tensors)[1].describe(), "bf16 [1, 2]");
  EXPECT_EQ(loadElement((*tensors)[1].bytes.data(), DType::bf16, 1), 2.0);
  EXPECT_EQ((*tensors)[1].offset, 8 + header.size() + 8);
  EXPECT_EQ((*tensors)[2].elements(), 0);
  EXPECT_EQ((*tensors)[3].elements(), 1);
  EXPECT_EQ(metadata["format"], "pt");
}

struct Hostile {
  const char *name;
  std::string file;
  const char *says;
};
class HostileFiles : public testing::TestWithParam<Hostile> {};

TEST_P(HostileFiles, AreRefusedWithARemedy) {
  auto tensors = parse(GetParam().file);
  ASSERT_FALSE(tensors);
  EXPECT_NE(tensors.error().text().find(GetParam().says), std::string::npos) << tensors.error().text();
  EXPECT_FALSE(tensors.error().remedy.empty());
  EXPECT_TRUE(tensors.error().where.starts_with("w.safetensors"));
}

std::string one(std::string_view shape, std::string_view offsets, size_t dataBytes, std::string_view type = "F32") {
  return fileOf("{" + entry("t", type, shape, offsets) + "}", std::string(dataBytes, 'x'));
}

INSTANTIATE_TEST_SUITE_P(
    SafeTensors, HostileFiles,
    testing::Values(
        Hostile{"Empty", "", "has 0 bytes"}, Hostile{"SevenBytes", "1234567", "has 7 bytes"},
        Hostile{"HeaderCutShort", fileOf("{}", "", 3), "3 bytes long, but only 2 follow"},
        Hostile{"HeaderLengthWraps", fileOf("{}", "", UINT64_MAX), "but only 2 follow"},
        Hostile{"HeaderNoJson", fileOf("{\"a\"", ""), "is not usable JSON"},
        Hostile{"HeaderNoObject", fileOf("[]", ""), "no JSON object"},
        Hostile{"EntryNoObject", fileOf(R"({"t":3})", ""), "expected an object"},
        Hostile{"DataCutShort", one("[2]", "[0,8]", 7), "ends at byte 8 of the data, but the file holds only 7"},
        Hostile{"OffsetsBackwards", one("[2]", "[8,0]", 8), "begin and an end"},
        Hostile{"OneOffset", one("[2]", "[8]", 8), "begin and an end"},
        Hostile{"NegativeOffset", one("[2]", "[-8,0]", 8), "/data_offsets"},
        Hostile{"HugeOffset", one("[2]", "[0,18446744073709551615]", 8), "/data_offsets"},
        Hostile{"ShapeTooLarge", one("[3]", "[0,8]", 8), "takes 12 bytes, but its offsets span 8"},
        Hostile{"ShapeTooSmall", one("[1]", "[0,8]", 8), "takes 4 bytes"},
        Hostile{"ShapeOverflows", one("[4294967296,4294967296,4]", "[0,8]", 8), "more than 2^63"},
        Hostile{"ShapeOverflowsToZero", one("[9223372036854775807,4]", "[0,0]", 0), "more than 2^63"},
        Hostile{"NegativeSize", one("[-2]", "[0,8]", 8), "/shape"},
        Hostile{"FractionalSize", one("[0.5]", "[0,8]", 8), "/shape"},
        Hostile{"UnknownType", one("[8]", "[0,8]", 8, "F8_E4M3"), "element type F8_E4M3"},
        Hostile{"NoType", fileOf(R"({"t":{"shape":[1],"data_offsets":[0,1]}})", "x"), "is missing"},
        Hostile{"TrailingBytes", one("[2]", "[0,8]", 9), "1 bytes after the last tensor"},
        Hostile{"Hole", one("[1]", "[4,8]", 8), "belong to no tensor"},
        Hostile{"Overlap",
                fileOf("{" + entry("a", "F32", "[2]", "[0,8]") + "," + entry("b", "F32", "[2]", "[4,12]") + "}",
                       std::string(12, 'x')),
                "inside the tensor before it"},
        Hostile{"SameTwice",
                fileOf("{" + entry("a", "U8", "[1]", "[0,1]") + "," + entry("a", "U8", "[1]", "[1,2]") + "}", "xx"),
                "appears twice"},
        Hostile{"MetadataNoStrings", fileOf(R"({"__metadata__":{"a":1}})", ""), "is not a string"}),
    [](auto &info) { return info.param.name; });

TEST(SafeTensors, EveryTruncationOfAGoodFileIsRefused) {
  std::string good = fileOf("{" + entry("a", "F32", "[3]", "[0,12]") + "," + entry("b", "I8", "[4]", "[12,16]") + "}",
                            std::string(16, 'x'));
  ASSERT_TRUE(parse(good));
  for (size_t length = 0; length < good.size(); ++length) EXPECT_FALSE(parse(good.substr(0, length))) << length;
}

void writeOne(const std::string &path, const std::string &name, float value) {
  SafeTensorsWriter writer(path);
  ASSERT_TRUE(writer.declare(name, DType::f32, {1}));
  ASSERT_TRUE(writer.write(&value, sizeof(value)));
  ASSERT_TRUE(writer.finish());
}

TEST(SafeTensors, WriterAndReaderAgree) {
  TemporaryDirectory directory;
  SafeTensorsWriter writer(directory.file("w.safetensors"));
  writer.setMetadata("made", "by \"test\"");
  ASSERT_TRUE(writer.declare("x", DType::i32, {2, 2}));
  ASSERT_TRUE(writer.declare("empty", DType::f16, {0}));
  ASSERT_TRUE(writer.declare("y", DType::u8, {3}));
  EXPECT_FALSE(writer.declare("y", DType::u8, {3}));
  EXPECT_FALSE(writer.declare("z", DType::f32, {int64_t(1) << 62, 8}));
  const int32_t x[] = {1, -2, 3, -4};
  ASSERT_TRUE(writer.write(x, 10));  // pieces need not end where tensors do
  ASSERT_TRUE(writer.write(reinterpret_cast<const char *>(x) + 10, 6));
  ASSERT_FALSE(std::filesystem::exists(directory.file("w.safetensors")));
  ASSERT_TRUE(writer.write("abc", 3));
  ASSERT_TRUE(writer.finish());
  auto file = SafeTensors::open(directory.file("w.safetensors"));
  ASSERT_TRUE(file) << file.error().text();
  EXPECT_EQ(file->metadata().at("made"), "by \"test\"");
  EXPECT_EQ(loadElement((*file->get("x"))->bytes.data(), DType::i32, 3), -4);
  EXPECT_EQ((*file->get("y"))->bytes.size(), 3u);
  EXPECT_EQ(file->totalBytes(), 19u);
  EXPECT_EQ(file->find("x")->offset % 64, 0u);  // a line of the caches
  auto missing = file->get("emtpy");
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().text().find("'empty'"), std::string::npos);
}

TEST(SafeTensors, AnUnfinishedWriterLeavesNothing) {
  TemporaryDirectory directory;
  {
    SafeTensorsWriter writer(directory.file("w.safetensors"));
    ASSERT_TRUE(writer.declare("x", DType::f32, {2}));
    float value = 1;
    ASSERT_TRUE(writer.write(&value, 4));
    EXPECT_FALSE(writer.finish());
  }
  EXPECT_EQ(directory.entries(), 0u);
}

TEST(SafeTensors, OpensShardsByTheirIndex) {
  TemporaryDirectory directory;
  writeOne(directory.file("model-00001-of-00002.safetensors"), "a", 1);
  writeOne(directory.file("model-00002-of-00002.safetensors"), "b", 2);
  auto withoutIndex = SafeTensors::open(directory.path());
  ASSERT_FALSE(withoutIndex);
  EXPECT_NE(withoutIndex.error().text().find("holds 2 .safetensors files"), std::string::npos);
  directory.write(
      "model.safetensors.index.json",
      R"({"metadata":{"total_size":8},"weight_map":{"a":"model-00001-of-00002.safetensors","b":"model-00002-of-00002.safetensors"}})");
  auto model = SafeTensors::open(directory.path());
  ASSERT_TRUE(model) << model.error().text();
  EXPECT_EQ(model->tensors().size(), 2u);
  EXPECT_EQ(loadElement(model->find("b")->bytes.data(), DType::f32, 0), 2);
  model->release(*model->find("b"));
  EXPECT_EQ(loadElement(model->find("b")->bytes.data(), DType::f32, 0), 2);
}

TEST(SafeTensors, RefusesLyingIndexes) {
  TemporaryDirectory directory;
  writeOne(directory.file("one.safetensors"), "a", 1);
  writeOne(directory.file("two.safetensors"), "a", 2);
  auto open = [&](std::string_view map) {
    directory.write("model.safetensors.index.json", fmt::format(R"({{"weight_map":{}}})", map));
    auto model = SafeTensors::open(directory.path());
    return model ? std::string() : model.error().text();
  };
  EXPECT_EQ(open(R"({"a":"one.safetensors"})"), "");
  EXPECT_NE(open(R"({"a":"three.safetensors"})").find("three.safetensors"), std::string::npos);
  EXPECT_NE(open(R"({"b":"one.safetensors"})").find("'b' should be in one.safetensors"), std::string::npos);
  EXPECT_NE(open(R"({"a":"../one.safetensors"})").find("not one of this directory"), std::string::npos);
  EXPECT_NE(open(R"({"a":"/etc/passwd"})").find("not one of this directory"), std::string::npos);
  EXPECT_NE(open(R"({"a":3})").find("is not the name of a file"), std::string::npos);
  directory.write("three.safetensors",
                  fileOf("{" + entry("a", "U8", "[1]", "[0,1]") + "," + entry("c", "U8", "[0]", "[1,1]") + "}", "x"));
  EXPECT_NE(open(R"({"a":"one.safetensors","c":"three.safetensors"})").find("'a' is also in"), std::string::npos);
  EXPECT_NE(open("[]").find("weight_map"), std::string::npos);
}

TEST(SafeTensors, NamesWhatADirectoryLacks) {
  TemporaryDirectory directory;
  auto model = SafeTensors::open(directory.path());
  ASSERT_FALSE(model);
  EXPECT_EQ(model.error().kind, ErrorKind::notFound);
  writeOne(directory.file("other.safetensors"), "a", 1);
  EXPECT_TRUE(SafeTensors::open(directory.path()));
}

}  // namespace
}  // namespace llc
