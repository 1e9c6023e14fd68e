#include "runtime/data/masking.h"

#include <gtest/gtest.h>

#include "runtime/data/dataset_writer.h"
#include "runtime/data/stream.h"
#include "tests/runtime/temporary_directory.h"

namespace llc::data {
namespace {
constexpr int32_t mask = 4, vocabulary = 1000;

Masking masking(double probability = 0.15) {
  Masking made{.probability = probability, .mask = mask, .vocabulary = vocabulary, .seed = 7};
  made.special.assign(10, true);
  return made;
}

// Rows of tokens 10, 11, ..; each begins with a special one and ends in two of padding.
Batch batchOf(int64_t rows, int64_t length) {
  Batch batch;
  batch.rows = rows, batch.length = length;
  for (int64_t i = 0; i < rows * length; ++i) {
    bool padding = i % length >= length - 2;
    batch.ids.push_back(i % length == 0 ? 2 : padding ? 0 : 10 + int32_t(i % (vocabulary - 10)));
    batch.segments.push_back(padding ? 0 : 1);
  }
  batch.labels = batch.ids;
  return batch;
}

TEST(Masking, HidesTheSharesThatAreAskedFor) {
  Batch before = batchOf(400, 250), after = before;
  masking().hide(3, after);
  double candidates = 0, hidden = 0, masked = 0, kept = 0;
  for (size_t i = 0; i < before.ids.size(); ++i) {
    if (!before.segments[i] || before.ids[i] < 10) {
      EXPECT_EQ(after.labels[i], -100);
      EXPECT_EQ(after.ids[i], before.ids[i]);
      continue;
    }
    ++candidates;
    if (after.labels[i] == -100) {
      EXPECT_EQ(after.ids[i], before.ids[i]);
      continue;
    }
    EXPECT_EQ(after.labels[i], before.ids[i]);
    ++hidden, masked += after.ids[i] == mask, kept += after.ids[i] == before.ids[i];
  }
  EXPECT_EQ(after.targets, int64_t(hidden));
  EXPECT_NEAR(hidden / candidates, 0.15, 0.005);  // four standard deviations
  EXPECT_NEAR(masked / hidden, 0.8, 0.014);
  EXPECT_NEAR(kept / hidden, 0.1, 0.011);
}

TEST(Masking, DependsOnSeedBatchAndPlaceAlone) {
  auto hiddenIn = [](uint64_t number, uint64_t seed) {
    Batch batch = batchOf(8, 64);
    Masking made = masking();
    made.seed = seed;
    made.hide(number, batch);
    return batch.labels;
  };
  EXPECT_EQ(hiddenIn(1, 7), hiddenIn(1, 7));
  EXPECT_NE(hiddenIn(1, 7), hiddenIn(2, 7));
  EXPECT_NE(hiddenIn(1, 7), hiddenIn(1, 8));
}

TEST(Masking, SharesAtTheirEnds) {
  Batch all = batchOf(4, 32);
  Masking made = masking(1);
  made.maskShare = 0, made.randomShare = 0;
  made.hide(1, all);
  EXPECT_EQ(all.ids, batchOf(4, 32).ids);
  EXPECT_EQ(all.targets, 4 * 29);
  made.randomShare = 1;
  made.hide(1, all);
  for (int32_t id : all.ids) EXPECT_LT(uint32_t(id), uint32_t(vocabulary));
}

class MaskedStreams : public testing::Test {
 protected:
  Source source(const DatasetHeader &header) {
    auto writer = DatasetWriter::create(folder_.file("a"), header);
    EXPECT_TRUE(writer.ok());
    for (int i = 0; i < 60; ++i) EXPECT_TRUE(writer->add(std::vector<int32_t>(size_t(5 + i % 7), 20 + i)).ok());
    EXPECT_TRUE(writer->commit().ok());
    auto dataset = Dataset::open(folder_.file("a"));
    EXPECT_TRUE(dataset.ok());
    return {*dataset, 1};
  }
  StreamOptions options() {
    StreamOptions made;
    made.rows = 3, made.length = 16, made.masking = masking();
    return made;
  }
  TemporaryDirectory folder_;
};

TEST_F(MaskedStreams, RestoredOnesHideTheSame) {
  Source from = source({});
  auto one = TokenStream::create({from}, options()), other = TokenStream::create({from}, options());
  ASSERT_TRUE(one.ok() && other.ok());
  Batch batch, again;
  for (int i = 0; i < 7; ++i) ASSERT_TRUE(*one->next(batch));
  ASSERT_TRUE(other->restore(one->state()).ok());
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(*one->next(batch) && *other->next(again));
    EXPECT_EQ(batch.ids, again.ids);
    EXPECT_EQ(batch.labels, again.labels);
  }
  StreamOptions changed = options();
  changed.masking.probability = 0.2;
  auto third = TokenStream::create({from}, changed);
  ASSERT_TRUE(third.ok());
  EXPECT_FALSE(third->restore(one->state()).ok());
}

TEST_F(MaskedStreams, RefuseDataThatSaysWhatIsLearned) {
  DatasetHeader header;
  header.marked = true;
  auto stream = TokenStream::create({source(header)}, options());
  ASSERT_FALSE(stream.ok());
  EXPECT_NE(stream.error().text().find("hidden"), std::string::npos) << stream.error().text();
}

}  // namespace
}  // namespace llc::data
