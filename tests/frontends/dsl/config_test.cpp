// Configurations: what was read is ticked off, mistakes are kept with their place, hostile text is refused.
#include "frontends/dsl/config.h"

#include <gtest/gtest.h>

#include <cmath>

namespace llc::dsl {
namespace {
Config parsed(std::string_view text) {
  Result<Config> config = Config::parse(text, "config.json");
  EXPECT_TRUE(config.ok()) << config.error().text();
  return std::move(*config);
}
std::string refusal(std::string_view text) {
  Result<Config> config = Config::parse(text, "config.json");
  return config.ok() ? "accepted" : config.error().text();
}

TEST(Config, ReadsValuesAndDefaults) {
  Config config =
      parsed(R"({"hidden_size": 4096.0, "eps": 1e-5, "tied": true, "name": "x", "eos": [1, 2], "kv": null})");
  EXPECT_EQ(config.requiredSize("hidden_size"), 4096);
  EXPECT_EQ(config.number("eps", 1), 1e-5);
  EXPECT_TRUE(config.boolean("tied", false));
  EXPECT_EQ(config.text("name", ""), "x");
  EXPECT_EQ(config.integers("eos"), (std::vector<int64_t>{1, 2}));
  EXPECT_EQ(config.size("kv", 7), 7);
  EXPECT_TRUE(config.isWritten("kv"));
  EXPECT_FALSE(config.has("kv"));
  EXPECT_EQ(config.size("absent", 3), 3);
  EXPECT_TRUE(config.status().ok());
  EXPECT_TRUE(config.unreadKeys().empty());
}

TEST(Config, SpecialNumbersInBothSpellings) {
  Config config = parsed(R"({"limits": {"__float__": "Infinity"}, "low": -Infinity, "text": "Infinity \" NaN"})");
  EXPECT_EQ(config.optionalNumber("limits"), INFINITY);
  EXPECT_EQ(config.optionalNumber("low"), -INFINITY);
  EXPECT_EQ(config.text("text", ""), "Infinity \" NaN");
  EXPECT_TRUE(config.status().ok());
  EXPECT_EQ(config.number("low", 2), 2);
  EXPECT_NE(config.status().error().text().find("config.json: low: must be finite"), std::string::npos);
}

TEST(Config, UnreadKeysAreReportedWithTheirPath) {
  Config config = parsed(R"({"a": 1, "b": 2, "rope": {"theta": 1, "odd": 2}, "x_dropout": 0.1})");
  config.integer("a", 0);
  config.object("rope").number("theta", 0);
  config.irrelevant({"*_dropout"});
  EXPECT_EQ(config.unreadKeys(), (std::vector<std::string>{"b", "rope.odd"}));
}

TEST(Config, EachStarOfAPatternStandsForAnything) {
  const char *name = "model.layers.10.mlp.up_proj.weight";
  for (const char *fits : {name, "*", "**", "model.*", "*.weight", "*mlp*", "*layers.*.mlp.*", "model.*10*weight*"})
    EXPECT_TRUE(matchesPattern(fits, name)) << fits;
  for (const char *differs : {"", "mlp", "*mlp", "mlp*", "*attn*", "*mlp*layers*", "model.*.weights", "*weight*weight"})
    EXPECT_FALSE(matchesPattern(differs, name)) << differs;
}

TEST(Config, TheFirstMistakeIsKeptAndReadingGoesOn) {
  Config config = parsed(R"({"heads": "four", "layers": -1, "rope": {"factor": []}})");
  EXPECT_EQ(config.size("heads", 2), 1);  // a size that is safe to compute with
  EXPECT_EQ(config.size("layers", 2), 1);
  Status status = config.status();
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().where, "config.json: heads");
  EXPECT_NE(status.error().text().find("\"four\""), std::string::npos);
  Config inner = parsed(R"({"rope": {"factor": []}})");
  inner.object("rope").number("factor", 1);
  EXPECT_EQ(inner.status().error().where, "config.json: rope.factor");
}

TEST(Config, SizesAreLimited) {
  for (const char *text :
       {R"({"n": 0})", R"({"n": 4000000000})", R"({"n": 1e300})", R"({"n": 1.5})", R"({"n": 18446744073709551615})"}) {
    Config config = parsed(text);
    config.requiredSize("n");
    EXPECT_FALSE(config.status().ok()) << text;
  }
}

TEST(Config, SaysWhereASizeComesFrom) {
  Config config = parsed(R"({"hidden_size": 48, "num_attention_heads": 6, "head_dim": 16})");
  for (const char *key : {"hidden_size", "num_attention_heads", "head_dim"}) config.size(key, 1);
  EXPECT_EQ(config.originOf(48), "hidden_size");
  EXPECT_EQ(config.originOf(96), "num_attention_heads x head_dim");
  EXPECT_EQ(config.originOf(144), "3 x hidden_size");
  EXPECT_EQ(config.originOf(7), "");
}

TEST(Config, RefusesWhatIsNoConfiguration) {
  EXPECT_NE(refusal("").find("is not usable JSON"), std::string::npos);
  EXPECT_NE(refusal(R"({"a": 1)").find("fetch it again"), std::string::npos);
  EXPECT_NE(refusal("[1]").find("expected a JSON object"), std::string::npos);
  EXPECT_NE(refusal(std::string(100000, '[')).find("nested more than"), std::string::npos);
  EXPECT_NE(refusal("{\"a\": \"\xff\"}").find("is not usable JSON"), std::string::npos);
}
}  // namespace
}  // namespace llc::dsl
