#include "runtime/train/checkpoint_manifest.h"

#include <gtest/gtest.h>

#include "runtime/train/trainer_state.h"

namespace llc::train {
namespace {

CheckpointManifest example() {
  return {12, 0.1 + 0.2, true, {{"seed", 1}}, {{"model.safetensors", {5, std::string(64, 'a')}}}};
}

std::string refusal(const std::string &from, const std::string &to) {
  std::string text = toText(example());
  size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  auto parsed = parseCheckpointManifest(text.replace(at, from.size(), to), "manifest.json");
  return parsed ? "" : parsed.error().text();
}

TEST(CheckpointManifest, SurvivesTheWayThroughText) {
  auto parsed = parseCheckpointManifest(toText(example()), "manifest.json");
  ASSERT_TRUE(parsed.ok()) << parsed.error().text();
  EXPECT_EQ(toText(*parsed), toText(example()));
  EXPECT_EQ(*parsed->evaluationLoss, 0.1 + 0.2);
}

TEST(CheckpointManifest, NamesLeadNowhereElse) {
  for (const char *name : {"../secret", "/etc/passwd", "a/b", ".hidden", "", "manifest.json", "two words"})
    EXPECT_NE(refusal("model.safetensors", name), "") << name;
}

TEST(CheckpointManifest, SaysWhatIsWrong) {
  EXPECT_NE(refusal("\"bytes\": 5", "\"bytes\": -5").find("bytes"), std::string::npos);
  EXPECT_NE(refusal(std::string(64, 'a'), "abc").find("sha256"), std::string::npos);
  EXPECT_NE(refusal("\"version\": 1", "\"version\": 2").find("version 2"), std::string::npos);
  EXPECT_NE(refusal("llc-model checkpoint", "zip").find("no checkpoint"), std::string::npos);
  EXPECT_NE(refusal("\"step\": 12", "\"step\": \"12\"").find("step"), std::string::npos);
}

TEST(TrainerState, KeepsEveryBitAndRefusesNonsense) {
  TrainerState state;
  state.step = 3, state.updates = 2, state.totalSteps = 10, state.badSteps = 1;
  state.seconds = 0.1;
  state.bestLoss = 1e-300, state.reference = 2.0 / 3;
  state.interval = {2, 100, 0.1 + 0.2, 1.0 / 3, 5, 1e-5};
  std::string text = toJson(state).dump();
  auto parsed = parseTrainerState(text, "trainer_state.json");
  ASSERT_TRUE(parsed.ok()) << parsed.error().text();
  EXPECT_EQ(*parsed, state);
  for (auto [key, value] : {std::pair("\"step\":3", "\"step\":11"),
                            {"\"step\":3", "\"step\":1"},
                            {"\"seconds\":0.1", "\"seconds\":\"0.1\""},
                            {"\"version\":1", "\"version\":9"},
                            {"\"interval\"", "\"intervals\""}}) {
    std::string broken = text;
    broken.replace(broken.rfind(key), std::string(key).size(), value);
    EXPECT_FALSE(parseTrainerState(broken, "x").ok()) << value;
  }
}

}  // namespace
}  // namespace llc::train
