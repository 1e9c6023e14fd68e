#include "runtime/train/trainer_plan.h"

#include <gtest/gtest.h>

#include "runtime/train/trainer_host.h"
#include "tests/runtime/temporary_directory.h"

namespace llc::train {
namespace {

TrainerPlan example() {
  TrainerPlan plan;
  plan.verb = "pretrain";
  plan.config = {{{"training", {{"lr", 0.1}}}}, {{"training", {{"lr", 0.1}, {"seed", 3}}}}, "c.json"};
  plan.trainer = {Examples::preferences, false, true, MaskingShares{0.2, 0.7, 0.3}};
  plan.initial = {{"a.weight", {2, 3}, 0.1, 1}, {"norm.weight", {3}, 0, 1}};
  plan.names = {{"model.a.weight", "a.weight"}};
  plan.keys = {{{"training.lr", KeyType::number, 0.1, 0, 10, {}, "Rate"}, false, "--lr", ""},
               {{"training.optimizer", KeyType::text, "adamw", 0, 0, {"sgd", "adamw"}, "Which"}, true, "", ""}};
  return plan;
}

TEST(TrainerPlan, IsWhatWasWritten) {
  std::string text = toJson(example());
  auto plan = parseTrainerPlan(text, "t");
  ASSERT_TRUE(plan) << plan.error().text();
  EXPECT_EQ(toJson(*plan), text);
  EXPECT_EQ(plan->initial[0].deviation, 0.1);
  EXPECT_EQ(plan->trainer.examples, Examples::preferences);
  EXPECT_EQ(plan->trainer.masking->random, 0.3);
  EXPECT_EQ(plan->config.integer("training.seed"), 3);
  EXPECT_FALSE(plan->config.given("training.seed"));
}

TEST(TrainerPlan, RefusesDamagedOnes) {
  for (const char *key : {"verb", "config", "given", "trainer", "initial", "names", "keys"}) {
    auto json = OrderedJson::parse(toJson(example()));
    json.erase(key);
    EXPECT_FALSE(parseTrainerPlan(json.dump(), "t")) << key << " is missing";
    json[key] = 5;
    EXPECT_FALSE(parseTrainerPlan(json.dump(), "t")) << key << " is a number";
  }
  auto json = OrderedJson::parse(toJson(example()));
  json["trainer"]["masking"]["mask"] = 1.5;
  EXPECT_FALSE(parseTrainerPlan(json.dump(), "t"));
  EXPECT_FALSE(parseTrainerPlan("{", "t"));
}

TEST(TrainerPlan, IsInTrainersOnly) {
  TemporaryDirectory folder;
  Manifest manifest;
  manifest.vocabulary = manifest.hidden = manifest.maxTokens = manifest.maxRows = manifest.maxSequences = 1;
  manifest.maxContext = 1;
  for (bool trainer : {false, true}) {
    auto writer = ArtifactWriter::create(folder.file("a"), ArtifactKind::sharedLibrary, {});
    ASSERT_TRUE(writer.ok());
    if (trainer) ASSERT_TRUE(writer->addFile(planFile, toJson(example())));
    ASSERT_TRUE(writer->finish(manifest));
    auto artifact = openArtifact(folder.file("a"));
    ASSERT_TRUE(artifact) << artifact.error().text();
    EXPECT_EQ(planOf(*artifact).ok(), trainer);
  }
}

}  // namespace
}  // namespace llc::train
