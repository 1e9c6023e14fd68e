#include "frontends/recipe/bert_config.h"

#include <gtest/gtest.h>

#include "tests/frontends/recipe/elements.h"

namespace llc::recipe {
namespace {

OrderedJson sized(const std::string &size) {
  OrderedJson config = *configOfSize(size, false);
  config["objective"] = "mlm";
  for (const auto &[key, value] : bertDefaults()) config[key] = value;
  return config;
}

TEST(BertConfig, HasTheParametersThatAreCounted) {
  for (const std::string &size : sizeNames()) {
    OrderedJson config = sized(size);
    EXPECT_EQ(elementsOf(bertTensors(config)), countParameters(config).total()) << size;
  }
}

TEST(BertConfig, FollowsTheKeys) {
  OrderedJson config = sized("tiny");
  config["ffn_type"] = "relu";
  EXPECT_TRUE(fillsIn(config));
  auto bert = bertConfig(config, "c.json");
  ASSERT_TRUE(bert.ok()) << bert.error().text();
  EXPECT_EQ((*bert)["model_type"], "bert");
  EXPECT_EQ((*bert)["hidden_act"], "relu");
  EXPECT_EQ((*bert)["max_position_embeddings"], 512);
  EXPECT_EQ((*bert)["layer_norm_eps"], 1e-12);
  std::map<std::string, InitialTensor> tensors;
  for (const InitialTensor &tensor : bertTensors(config)) tensors[tensor.name] = tensor;
  const InitialTensor &up = tensors["bert.encoder.layer.7.intermediate.dense.weight"];
  EXPECT_EQ(up.shape, (std::vector<int64_t>{1024, 512}));
  EXPECT_EQ(up.deviation, 0.02);
  EXPECT_EQ(tensors["bert.encoder.layer.0.output.LayerNorm.weight"].constant, 1);
  EXPECT_EQ(tensors["bert.encoder.layer.0.output.LayerNorm.bias"].constant, 0);
  EXPECT_EQ(tensors["cls.predictions.bias"].shape, std::vector<int64_t>{32000});
}

TEST(BertConfig, RefusesWhatABertCannotBe) {
  for (auto [key, value] : {std::pair("pos_type", OrderedJson("rope")),
                            {"ffn_type", "swiglu"},
                            {"attention_type", "mqa"},
                            {"n_kv_heads", 1},
                            {"window", 128},
                            {"norm_first", true},
                            {"use_rms_norm", true},
                            {"use_biasless_norm", true},
                            {"tie_word_embeddings", false},
                            {"use_parallel_ffn", true}}) {
    OrderedJson config = sized("tiny");
    config[key] = value;
    auto bert = bertConfig(config, "c.json");
    ASSERT_FALSE(bert.ok()) << key;
    EXPECT_NE(bert.error().what.find(key), std::string::npos) << bert.error().text();
  }
}

}  // namespace
}  // namespace llc::recipe
