#include "frontends/recipe/model_config.h"

#include <gtest/gtest.h>

namespace llc::recipe {
namespace {

OrderedJson config(const char *size) { return *configOfSize(size, true); }
std::vector<std::string> warningsOf(const OrderedJson &config) {
  std::vector<std::string> warnings;
  Status status = checkConfig(config, "x.json", warnings);
  EXPECT_TRUE(status.ok()) << status.error().text();
  return warnings;
}
std::string errorOf(const OrderedJson &config) {
  std::vector<std::string> warnings;
  Status status = checkConfig(config, "x.json", warnings);
  return status ? "" : status.error().text();
}

TEST(ModelConfig, SizesHaveTheirParameterCounts) {
  const std::pair<const char *, int64_t> sizes[] = {{"tiny", 53'748'224},
                                                    {"small", 191'390'720},
                                                    {"base", 1'345'423'360},
                                                    {"large", 2'701'560'320},
                                                    {"xl", 13'214'683'136}};
  for (auto [name, total] : sizes) {
    EXPECT_EQ(warningsOf(config(name)).size(), 0u);
    EXPECT_EQ(countParameters(config(name)).total(), total) << name;
  }
  EXPECT_EQ(sizeNames().size(), 5u);
  // The defaults of the keys are the shape of Llama 7B.
  EXPECT_EQ(countParameters(OrderedJson::object()).total(), 6'738'415'616);
  EXPECT_FALSE(configOfSize("huge", false).ok());
}

TEST(ModelConfig, CountsFollowTheKeys) {
  OrderedJson tiny = config("tiny");
  tiny["tie_word_embeddings"] = true;
  EXPECT_EQ(countParameters(tiny).head, 0);
  int64_t attention = countParameters(tiny).attention;
  tiny["n_kv_heads"] = 2;
  EXPECT_EQ(countParameters(tiny).attention, attention * 10 / 16);
  tiny["ffn_type"] = "gelu";
  EXPECT_EQ(countParameters(tiny).feedForward, 8 * 2 * 512 * 1024);
  tiny.erase("d_ff");
  EXPECT_EQ(feedForwardWidth(tiny), 1536);
}

TEST(ModelConfig, SetsKeysWithTypesAndRanges) {
  OrderedJson tiny = config("tiny");
  for (const char *good :
       {"d_model=768", "training.lr=3e-4", "pos_type=alibi", "use_gradient_checkpointing=checkpoint_dots",
        "data.packing=false", "training.sample_prompt=12", "lora.target_modules=[\"q_proj\"]"})
    EXPECT_TRUE(setKey(tiny, good).ok()) << good;
  EXPECT_EQ(tiny["d_model"], 768);
  EXPECT_EQ(tiny["training"]["lr"], 3e-4);
  EXPECT_EQ(tiny["training"]["sample_prompt"], "12");
  for (const char *bad : {"d_model=0", "d_model=1.5", "d_model=big", "pos_type=none", "data.packing=1", "d_model", "=1",
                          "lora.target_modules=[1]"})
    EXPECT_FALSE(setKey(tiny, bad).ok()) << bad;
  Status unknown = setKey(tiny, "training.leraning_rate=1");
  ASSERT_FALSE(unknown.ok());
  unknown = setKey(tiny, "d_modle=1");
  EXPECT_NE(unknown.error().remedy.find("'d_model'"), std::string::npos);
}

TEST(ModelConfig, UnknownKeysAreKeptWithTheNearestName) {
  OrderedJson tiny = config("tiny");
  tiny["n_layer"] = 4;
  tiny["training"]["warmup_step"] = 4;
  auto warnings = warningsOf(tiny);
  ASSERT_EQ(warnings.size(), 2u);
  EXPECT_NE(warnings[0].find("'training.warmup_steps'"), std::string::npos);
  EXPECT_NE(warnings[1].find("'n_layers'"), std::string::npos);
}

TEST(ModelConfig, ChecksWhatKeysAreToEachOther) {
  auto with = [](std::initializer_list<std::pair<const char *, OrderedJson>> changes) {
    OrderedJson tiny = config("tiny");
    for (const auto &[name, value] : changes) tiny[name] = value;
    return tiny;
  };
  EXPECT_NE(errorOf(with({{"n_heads", 7}})).find("n_heads 7"), std::string::npos);
  EXPECT_NE(errorOf(with({{"n_kv_heads", 3}})).find("n_kv_heads 3"), std::string::npos);
  EXPECT_NE(errorOf(with({{"head_dim", 33}})).find("rope"), std::string::npos);
  EXPECT_EQ(errorOf(with({{"head_dim", 33}, {"pos_type", "alibi"}, {"use_rope", false}})), "");
  EXPECT_NE(errorOf(with({{"vocab_size", 2}})).find("eos_token_id"), std::string::npos);
  EXPECT_EQ(warningsOf(with({{"use_rope", false}})).size(), 1u);
  EXPECT_NE(errorOf(OrderedJson::array()), "");
}

TEST(ModelConfig, YamlHasItsNumbersAndNames) {
  std::string yaml = toYaml(config("tiny"));
  EXPECT_NE(yaml.find("\nrms_norm_eps: 1.0e-06\n"), std::string::npos);
  EXPECT_NE(yaml.find("\npos_type: \"rope\"\n"), std::string::npos);
  EXPECT_NE(yaml.find("\ntraining:\n  optimizer: \"adamw\"\n"), std::string::npos);
}

TEST(ModelConfig, EveryDefaultIsOneThatItsKeyAllows) {
  for (const KeySpec &key : configKeys()) {
    if (key.initial.is_null()) continue;
    OrderedJson config = OrderedJson::object();
    EXPECT_TRUE(setKey(config, std::string(key.path) + "=" + key.initial.dump()).ok()) << key.path;
    EXPECT_FALSE(key.help.empty()) << key.path;
  }
}

}  // namespace
}  // namespace llc::recipe
