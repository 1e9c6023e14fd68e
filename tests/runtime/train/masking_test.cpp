#include "runtime/train/masking.h"

#include <gtest/gtest.h>

namespace llc::train {
namespace {

std::unique_ptr<Tokenizer> tokenizerOf(const std::string &vocabulary) {
  auto made = Tokenizer::fromFiles({{"vocab.txt", vocabulary}});
  EXPECT_TRUE(made.ok());
  return std::move(*made);
}

TEST(MaskingFor, TakesTheTokenizersIds) {
  auto tokenizer = tokenizerOf("[PAD]\n[UNK]\n[CLS]\n[SEP]\nriver\n[MASK]\n##s\n");
  auto masking = maskingFor({0.2, 0.6, 0.4}, *tokenizer, 9);
  ASSERT_TRUE(masking.ok()) << masking.error().text();
  EXPECT_EQ(masking->probability, 0.2);
  EXPECT_EQ(masking->randomShare, 0.4);
  EXPECT_EQ(masking->mask, 5);
  EXPECT_EQ(masking->vocabulary, 7);
  EXPECT_EQ(masking->seed, 9u);
  EXPECT_EQ(masking->special, (std::vector<bool>{true, true, true, true, false, true, false}));
}

TEST(MaskingFor, NamesWhatIsWrong) {
  auto none = maskingFor({}, *tokenizerOf("[UNK]\nriver\n"), 9);
  ASSERT_FALSE(none.ok());
  EXPECT_NE(none.error().text().find("mask_token"), std::string::npos) << none.error().text();
  auto more = maskingFor({0.15, 0.8, 0.3}, *tokenizerOf("[MASK]\nriver\n"), 9);
  ASSERT_FALSE(more.ok());
  EXPECT_NE(more.error().text().find("at most 1"), std::string::npos) << more.error().text();
}

}  // namespace
}  // namespace llc::train
