#include "runtime/base/config_key.h"

#include <gtest/gtest.h>

namespace llc {
namespace {

const KeySpec rate{"training.lr", KeyType::number, 0.1, 0, 10, {}, "Rate"};
const KeySpec kind{"training.kind", KeyType::text, "a", 0, 0, {"a", "b"}, "Kind"};
const KeySpec name{"name", KeyType::text, nullptr, 0, 0, {}, "Name"};
const KeySpec list{"list", KeyType::texts, nullptr, 0, 0, {}, "List"};

TEST(ConfigKey, ReadsAndChecksText) {
  EXPECT_EQ(*parseValue(rate, "3e-4", "--set"), 3e-4);
  EXPECT_EQ(*parseValue(kind, "b", "--set"), "b");
  auto wrong = parseValue(rate, "11", "--set");
  ASSERT_FALSE(wrong.ok());
  EXPECT_NE(wrong.error().text().find("training.lr is 11"), std::string::npos);
  EXPECT_FALSE(parseValue(kind, "c", "--set").ok());
  EXPECT_FALSE(parseValue(rate, "fast", "--set").ok());
}

TEST(ConfigKey, TakesFreeTextsOfFlagsAsTheyAre) {
  EXPECT_EQ(*parseFlag(name, "12", "--name"), "12");
  EXPECT_EQ(parseFlag(list, "a,b", "--list")->dump(), R"(["a","b"])");
  EXPECT_EQ(*parseFlag(list, "re:a,b", "--list"), "re:a,b");
  EXPECT_FALSE(parseFlag(kind, "c", "--kind").ok());
}

TEST(ConfigKey, TravelsAsJson) {
  for (const KeySpec &key : {rate, kind, name, list}) {
    auto read = parseKeySpec(toJson(key), "t");
    ASSERT_TRUE(read.ok()) << read.error().text();
    EXPECT_EQ(toJson(*read), toJson(key));
  }
  auto json = toJson(rate);
  json["type"] = "colour";
  EXPECT_FALSE(parseKeySpec(json, "t").ok());
}

}  // namespace
}  // namespace llc
