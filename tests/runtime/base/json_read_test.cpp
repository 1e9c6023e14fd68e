#include "runtime/base/json_read.h"

#include <gtest/gtest.h>

namespace llc {
namespace {

TEST(ParseJson, BuildsTheDocument) {
  auto json = parseJson(R"({"a": [1, -2, 2.5, true, null, "x", {"b": []}], "c": {}})", "f");
  ASSERT_TRUE(json);
  EXPECT_EQ(json->dump(), R"({"a":[1,-2,2.5,true,null,"x",{"b":[]}],"c":{}})");
  EXPECT_EQ(parseJson("3", "f")->get<int>(), 3);
}

TEST(ParseJson, RefusesWhatIsNotJson) {
  for (const char *text : {"", "{", "[1,]", "{\"a\":}", "nul", "{} x", "\"\\ud800\"", "[\"\xff\"]", "{\"a\":1e999}"}) {
    auto json = parseJson(text, "file.json");
    ASSERT_FALSE(json) << text;
    EXPECT_TRUE(json.error().text().starts_with("file.json: ")) << json.error().text();
    EXPECT_EQ(json.error().text().find("json.exception"), std::string::npos);
  }
}

TEST(ParseJson, RefusesDuplicateKeysAndDeepNesting) {
  auto twice = parseJson(R"({"a": {"b": 1, "b": 2}})", "f");
  ASSERT_FALSE(twice);
  EXPECT_NE(twice.error().text().find("\"b\" appears twice"), std::string::npos);
  EXPECT_TRUE(parseJson(R"([{"b": 1}, {"b": 2}])", "f"));
  std::string deep(100000, '[');
  EXPECT_FALSE(parseJson(deep, "f"));
  EXPECT_TRUE(parseJson(std::string(200, '[') + std::string(200, ']'), "f"));
  EXPECT_FALSE(parseJson(std::string(201, '[') + std::string(201, ']'), "f"));
}

class Getters : public testing::Test {
 protected:
  Json json =
      *parseJson(R"({"s": "x", "i": 7, "big": 18446744073709551615, "real": 4096.0, "half": 0.5, "b": true, "n": null,
                            "list": [1, 2], "names": ["a"], "o": {"k": 1}})",
                 "f");
  JsonObject object = *JsonObject::of(json, "f");
};

TEST_F(Getters, GiveTypedValues) {
  EXPECT_EQ(*object.text("s"), "x");
  EXPECT_EQ(*object.integer("i", 0, 7), 7);
  EXPECT_EQ(*object.integer("real", 0, 5000), 4096);
  EXPECT_EQ(*object.number("half"), 0.5);
  EXPECT_EQ(*object.number("i"), 7);
  EXPECT_TRUE(*object.boolean("b"));
  EXPECT_EQ(*object.integers("list", 1, 2), (std::vector<int64_t>{1, 2}));
  EXPECT_EQ(*object.texts("names"), std::vector<std::string>{"a"});
  EXPECT_EQ(*object.object("o")->integer("k", 0, 1), 1);
  EXPECT_EQ(object.object("o")->at("k"), "f#/o/k");
}

TEST_F(Getters, SayWhatIsWrong) {
  EXPECT_FALSE(object.integer("i", 0, 6));
  EXPECT_FALSE(object.integer("i", 8, 9));
  EXPECT_FALSE(object.integer("big", 0, INT64_MAX));
  EXPECT_FALSE(object.integer("half", 0, 6));
  EXPECT_FALSE(object.integer("s", 0, 6));
  EXPECT_FALSE(object.integers("list", 2, 2));
  EXPECT_FALSE(object.texts("list"));
  EXPECT_FALSE(object.object("list"));
  EXPECT_FALSE(object.array("o"));
  EXPECT_FALSE(object.boolean("i"));
  EXPECT_FALSE(object.text("b"));
  auto missing = object.text("lisst");
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().text().find("'list'"), std::string::npos) << missing.error().text();
  EXPECT_FALSE(JsonObject::of(json["list"], "f"));
}

TEST_F(Getters, NullCountsAsAbsent) {
  EXPECT_FALSE(object.has("n"));
  EXPECT_EQ(*object.integer("n", 0, 9, 5), 5);
  EXPECT_EQ(*object.text("none", "default"), "default");
  EXPECT_EQ(*object.number("none", 1.5), 1.5);
  EXPECT_TRUE(*object.boolean("n", true));
  EXPECT_FALSE(object.integer("s", 0, 9, 5)) << "a wrong type is an error even where the key may be absent";
}

}  // namespace
}  // namespace llc
