#include "runtime/train/curriculum.h"

#include <gtest/gtest.h>

namespace llc::train {
namespace {

Result<data::Curriculum> made(const OrderedJson &curriculum, const TrainerTraits &trainer = {},
                              data::Packing packing = data::Packing::wrapped) {
  OrderedJson config = {{"training", {{"gradient_accumulation_steps", 2}, {"curriculum", curriculum}}}};
  data::StreamOptions options;
  options.length = 256;
  options.packing = packing;
  return curriculumOf({config, config, "c.json"}, trainer, options, 1000);
}

TEST(CurriculumKeys, HaveDefaults) {
  EXPECT_EQ(made(nullptr)->steps, 0);
  auto all = made(OrderedJson::object());
  ASSERT_TRUE(all) << all.error().text();
  EXPECT_EQ(all->startLength, 64);
  EXPECT_EQ(all->endLength, 256);
  EXPECT_EQ(all->steps, 100);
  EXPECT_EQ(all->multiple, 64);
  EXPECT_EQ(all->batchesPerStep, 2);
  auto some = made({{"start_len", 8}, {"end_len", 128}, {"steps", 7}, {"schedule", "sqrt"}, {"multiple", 4}});
  ASSERT_TRUE(some) << some.error().text();
  EXPECT_EQ(some->schedule, data::Curriculum::Schedule::squareRoot);
  EXPECT_EQ(some->lengthAt(0, 256), 8);
  EXPECT_EQ(some->lengthAt(14, 256), 128);
}

TEST(CurriculumKeys, MistakesSayWhatToDo) {
  TrainerTraits whole;
  whole.examples = Examples::completions;
  for (const auto &[result, says] : std::vector<std::pair<Result<data::Curriculum>, std::string>>{
           {made({{"start_length", 8}}), "start_len"},
           {made({{"start_len", 512}}), "from 512 to 256"},
           {made({{"end_len", 512}}), "data.block_size"},
           {made({{"end_len", 32}}), "from 64 to 32"},
           {made({{"steps", 0}}), "steps"},
           {made({{"schedule", "cosine"}}), "linear, sqrt or steps"},
           {made(OrderedJson::object(), whole), "causal_lm"},
           {made(OrderedJson::object(), {}, data::Packing::none), "data.packing"}}) {
    ASSERT_FALSE(result) << says;
    EXPECT_NE(result.error().text().find(says), std::string::npos) << result.error().text();
  }
}

}  // namespace
}  // namespace llc::train
