#include "runtime/train/run_config.h"

#include <gtest/gtest.h>

namespace llc::train {
namespace {

TEST(RunConfig, KnowsWhatWasGiven) {
  RunConfig config({{"training", {{"lr", 0.5}, {"epochs", nullptr}}}},
                   {{"d_model", 8}, {"training", {{"lr", 0.5}, {"epochs", 2}, {"freeze", "a"}}}}, "c.yaml");
  EXPECT_TRUE(config.given("training.lr"));
  EXPECT_FALSE(config.given("training.epochs"));
  EXPECT_FALSE(config.given("d_model"));
  EXPECT_EQ(config.integer("training.epochs"), 2);
  EXPECT_EQ(config.integer("d_model"), 8);
  EXPECT_EQ(config.texts("training.freeze"), std::vector<std::string>{"a"});
  EXPECT_EQ(config.find("data.path"), nullptr);
  EXPECT_FALSE(config.flag("data.packing"));
  config.set("data.packing", true);
  EXPECT_TRUE(config.flag("data.packing"));
  EXPECT_NE(config.unavailable("d_model", "leave it").text().find("c.yaml: d_model 8"), std::string::npos);
}

}  // namespace
}  // namespace llc::train
