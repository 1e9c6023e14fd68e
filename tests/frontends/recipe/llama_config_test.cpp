#include "frontends/recipe/llama_config.h"

#include <gtest/gtest.h>

#include <cmath>

#include "frontends/recipe/read_config.h"
#include "tests/frontends/recipe/elements.h"
#include "tests/runtime/temporary_directory.h"

namespace llc::recipe {
namespace {

OrderedJson tiny() { return *configOfSize("tiny", false); }

TEST(LlamaConfig, HasTheParametersThatAreCounted) {
  for (const std::string &size : sizeNames()) {
    OrderedJson config = *configOfSize(size, false);
    EXPECT_EQ(elementsOf(llamaTensors(config)), countParameters(config).total()) << size;
  }
}

TEST(LlamaConfig, ShapesAndSpreadsFollowTheKeys) {
  OrderedJson config = tiny();
  config["attention_type"] = "mqa";
  config["tie_word_embeddings"] = true;
  auto llama = llamaConfig(config, "c.json");
  ASSERT_TRUE(llama.ok()) << llama.error().text();
  EXPECT_EQ((*llama)["num_key_value_heads"], 1);
  EXPECT_EQ((*llama)["hidden_act"], "silu");
  std::map<std::string, InitialTensor> tensors;
  for (const InitialTensor &tensor : llamaTensors(config)) tensors[tensor.name] = tensor;
  EXPECT_FALSE(tensors.contains("lm_head.weight"));
  const InitialTensor &key = tensors["model.layers.7.self_attn.k_proj.weight"];
  EXPECT_EQ(key.shape, (std::vector<int64_t>{64, 512}));
  EXPECT_DOUBLE_EQ(key.deviation, 0.02 / 4);
  EXPECT_DOUBLE_EQ(tensors["model.layers.0.self_attn.o_proj.weight"].deviation, 0.02 / std::sqrt(8.0));
  EXPECT_EQ(tensors["model.norm.weight"].deviation, 0);
}

TEST(LlamaConfig, RefusesWhatALlamaCannotBe) {
  for (auto [key, value] : {std::pair("pos_type", OrderedJson("alibi")),
                            {"ffn_type", "relu"},
                            {"attention_type", "sparse"},
                            {"window", 128},
                            {"norm_first", false},
                            {"use_rms_norm", false},
                            {"use_parallel_ffn", true},
                            {"objective", "mlm"}}) {
    OrderedJson config = tiny();
    config[key] = value;
    auto llama = llamaConfig(config, "c.json");
    ASSERT_FALSE(llama.ok()) << key;
    EXPECT_NE(llama.error().what.find(key), std::string::npos) << llama.error().text();
  }
}

TEST(ReadConfig, YamlAndJsonAreTheSame) {
  TemporaryDirectory folder;
  OrderedJson config = *configOfSize("small", true);
  std::vector<std::string> warnings;
  auto json = readConfig(folder.write("c.json", config.dump()), warnings);
  auto yaml = readConfig(folder.write("c.yaml", toYaml(config)), warnings);
  ASSERT_TRUE(json.ok()) << json.error().text();
  ASSERT_TRUE(yaml.ok()) << yaml.error().text();
  EXPECT_EQ(*json, config);
  EXPECT_EQ(*yaml, config);
  EXPECT_TRUE(warnings.empty());
}

TEST(ReadConfig, ReadsWhatPeopleWrite) {
  auto yaml = parseYaml(
      "# a comment\nd_model: 256   # width\nname: 'no: map'\ntraining:\n  lr: 3e-4\n  on: true\n"
      "data:\n  path:\n    - a.txt\n    - \"b.txt:2\"\n  none: ~\nflow: {a: [1, .5, x], b: -7}\n",
      "c.yaml");
  ASSERT_TRUE(yaml.ok()) << yaml.error().text();
  EXPECT_EQ(*yaml, OrderedJson::parse(R"({"d_model": 256, "name": "no: map", "training": {"lr": 3e-4, "on": true},
    "data": {"path": ["a.txt", "b.txt:2"], "none": null}, "flow": {"a": [1, 0.5, "x"], "b": -7}})"));
}

TEST(ReadConfig, SaysWhatIsWrong) {
  TemporaryDirectory folder;
  std::vector<std::string> warnings;
  auto missing = readConfig(folder.file("c.json"), warnings);
  ASSERT_FALSE(missing.ok());
  EXPECT_NE(missing.error().remedy.find("create-config"), std::string::npos);
  EXPECT_FALSE(readConfig(folder.write("a.yaml", "a: [1, 2\nb: 3"), warnings).ok());
  EXPECT_FALSE(readConfig(folder.write("b.yaml", "a: 1\na: 2\n"), warnings).ok());
  EXPECT_FALSE(readConfig(folder.write("c.yaml", "a: &x 1\nb: *x\n"), warnings).ok());
  EXPECT_FALSE(readConfig(folder.write("d.yaml", ""), warnings).ok());
  EXPECT_FALSE(readConfig(folder.write("e.yaml", "a: 1\n---\nb: 2\n"), warnings).ok());
  EXPECT_FALSE(readConfig(folder.write("f.yaml", std::string(5000, '[')), warnings).ok());
  EXPECT_FALSE(readConfig(folder.write("g.json", "{\"d_model\": \"wide\"}"), warnings).ok());
  ASSERT_TRUE(readConfig(folder.write("h.json", "{\"d_modle\": 512, \"n_heads\": 8}"), warnings).ok());
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_NE(warnings[0].find("d_model"), std::string::npos) << warnings[0];
}

}  // namespace
}  // namespace llc::recipe
