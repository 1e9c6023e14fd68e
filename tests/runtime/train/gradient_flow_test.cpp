#include "runtime/train/gradient_flow.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

namespace llc::train {
namespace {

TEST(GradientFlow, WeightsOfALayerAreOnePlace) {
  EXPECT_EQ(placeOfWeight("model.layers.3.mlp.up_proj.weight"), "model.layers.3");
  EXPECT_EQ(placeOfWeight("base_model.model.model.layers.12.self_attn.q_proj.lora_A.weight"),
            "base_model.model.model.layers.12");
  EXPECT_EQ(placeOfWeight("h.0.ln_1.bias"), "h.0");
  EXPECT_EQ(placeOfWeight("model.embed_tokens.weight"), "model.embed_tokens");
  EXPECT_EQ(placeOfWeight("transformer.ln_f.bias"), "transformer.ln_f.bias");
  EXPECT_EQ(layerOfPlace("model.layers.12"), 12);
  EXPECT_EQ(layerOfPlace("model.layers.12x"), -1);
  EXPECT_EQ(layerOfPlace("lm_head"), -1);
}

TEST(GradientFlow, NormsAreOfAllWeightsOfAPlaceWithoutTheLossScale) {
  const float squares[] = {9 * 4, 16 * 4, 4};
  GradientFlow flow;
  flow.add("h.0.a.weight", &squares[0]);
  flow.add("head.weight", &squares[2]);
  flow.add("h.0.b.weight", &squares[1]);
  Metrics metrics;
  flow.addTo(metrics, 2);
  EXPECT_EQ(metrics, (Metrics{{"grad_norms/h.0", 5}, {"grad_norms/head", 1}}));
}

class NotFinite : public testing::Test {
 protected:
  std::string where(double loss, const Metrics &metrics = {}) {
    std::vector<TensorState> state;
    for (auto &[name, values] : weights)
      state.push_back({name,
                       DType::f32,
                       {int64_t(values.size())},
                       std::as_writable_bytes(std::span(values)),
                       name.find('/') == name.npos});
    return whereNotFinite({.loss = loss, .gradientNorm = NAN, .metrics = metrics}, state);
  }
  std::map<std::string, std::vector<float>> weights = {
      {"a.weight", {1, -2}}, {"b.weight", {3e30f, 1}}, {"exp_avg/a.weight", {INFINITY, 1}}};
};

TEST_F(NotFinite, InTheForwardPassTheWeightIsNamed) {
  EXPECT_NE(where(NAN).find("forward pass, with finite weights (the largest is 3e+30, in b.weight)"),
            std::string::npos);
  weights["a.weight"][1] = NAN;
  EXPECT_NE(where(INFINITY).find("a.weight holds numbers that are not finite"), std::string::npos);
}

TEST_F(NotFinite, InTheBackwardPassThePlaceNearestTheLossIsNamed) {
  Metrics metrics = {{"grad_norms/h.0", NAN}, {"grad_norms/h.10", NAN},  {"grad_norms/h.9", NAN},
                     {"grad_norms/h.11", 1},  {"grad_norms/embed", NAN}, {"other", NAN}};
  EXPECT_EQ(where(1, metrics),
            "it arose in the backward pass, in h.10 (3 more places have gradients that are not finite)");
  metrics["grad_norms/h.11"] = INFINITY;
  EXPECT_NE(where(1, metrics).find("in h.11 or behind it (4 more"), std::string::npos);
  EXPECT_EQ(where(1, {{"grad_norms/head", INFINITY}}), "it arose in the backward pass, in head");
}

}  // namespace
}  // namespace llc::train
