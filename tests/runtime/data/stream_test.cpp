#include "runtime/data/stream.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "runtime/data/dataset_writer.h"
#include "runtime/data/window_order.h"
#include "tests/runtime/temporary_directory.h"

namespace llc::data {
namespace {

// Sequences whose ids are all different, so that what came from where can be told.
class Streams : public testing::Test {
 protected:
  Source source(const std::string &name, int sequences, int32_t firstId, double weight = 1, int longest = 23) {
    auto writer = DatasetWriter::create(folder_.file(name), {});
    EXPECT_TRUE(writer.ok());
    for (int i = 0; i < sequences; ++i) {
      std::vector<int32_t> ids(size_t(1 + (i * 7) % longest));
      for (int32_t &id : ids) id = firstId++;
      EXPECT_TRUE(writer->add(ids).ok());
    }
    EXPECT_TRUE(writer->commit().ok());
    auto dataset = Dataset::open(folder_.file(name));
    EXPECT_TRUE(dataset.ok());
    return {*dataset, weight};
  }
  TokenStream stream(std::vector<Source> sources, const StreamOptions &options) {
    auto made = TokenStream::create(std::move(sources), options);
    EXPECT_TRUE(made.ok()) << made.error().text();
    return std::move(*made);
  }
  TemporaryDirectory folder_;
};

StreamOptions small(Packing packing) {
  StreamOptions options;
  options.rows = 3;
  options.length = 16;
  options.packing = packing;
  options.packBuffer = 20;
  options.window = 8;
  options.repeat = false;
  return options;
}

void checkRows(const Batch &batch, int32_t pad) {
  int64_t tokens = 0, targets = 0;
  for (size_t i = 0; i < batch.ids.size(); ++i) {
    bool starts = i % size_t(batch.length) == 0 || batch.segments[i] != batch.segments[i - 1];
    if (batch.segments[i] == 0) {
      EXPECT_EQ(batch.ids[i], pad);
      EXPECT_EQ(batch.labels[i], -100);
      continue;
    }
    ++tokens;
    EXPECT_EQ(batch.positions[i], starts ? 0 : batch.positions[i - 1] + 1);
    EXPECT_EQ(batch.labels[i], starts ? -100 : batch.ids[i]);
    if (!starts) EXPECT_EQ(batch.ids[i], batch.ids[i - 1] + 1);  // segments are stretches of sequences
    targets += batch.labels[i] != -100;
  }
  EXPECT_EQ(batch.tokens, tokens);
  EXPECT_EQ(batch.targets, targets);
}

TEST_F(Streams, EveryTokenOnceWithAnyPacking) {
  for (Packing packing : {Packing::none, Packing::wrapped, Packing::bestFit}) {
    Source a = source("a", 57, 100), b = source("b", 31, 10000);
    StreamOptions options = small(packing);
    options.padId = 9;
    TokenStream data = stream({a, b}, options);
    std::multiset<int32_t> seen;
    Batch batch;
    for (;;) {
      auto more = data.next(batch);
      ASSERT_TRUE(more.ok()) << more.error().text();
      if (!*more) break;
      checkRows(batch, 9);
      for (size_t i = 0; i < batch.ids.size(); ++i)
        if (batch.segments[i]) seen.insert(batch.ids[i]);
    }
    EXPECT_EQ(seen.size(), data.totalTokens());
    EXPECT_EQ(std::set<int32_t>(seen.begin(), seen.end()).size(), seen.size());
    EXPECT_EQ(data.tokensGiven(), data.totalTokens());
  }
}

TEST_F(Streams, PackingLeavesLittleOrNoPadding) {
  auto padding = [&](Packing packing) {
    TokenStream data = stream({source("a", 300, 1, 1, 16)}, small(packing));
    Batch batch;
    int64_t all = 0, tokens = 0;
    while (*data.next(batch)) all += batch.rows * batch.length, tokens += batch.tokens;
    return double(all - tokens) / double(all);
  };
  EXPECT_LT(padding(Packing::wrapped), 0.01);
  EXPECT_LT(padding(Packing::bestFit), 0.08);
  EXPECT_GT(padding(Packing::none), 0.3);
}

TEST_F(Streams, BestFitKeepsSequencesWhole) {
  TokenStream data = stream({source("a", 100, 1, 1, 16)}, small(Packing::bestFit));
  Batch batch;
  int64_t segments = 0;
  while (*data.next(batch))
    for (size_t i = 0; i < batch.ids.size(); ++i) segments += batch.segments[i] && batch.positions[i] == 0;
  EXPECT_EQ(segments, 100);
}

// Sequences 2i and 2i + 1 with ids 100i + 1 .. and 100i + 51 .., the first two of each not to be learned; column i +
// 0.5.
Source pairsSource(const TemporaryDirectory &folder, int pairs) {
  DatasetHeader header;
  header.marked = header.paired = true;
  auto writer = DatasetWriter::create(folder.file("pairs"), header);
  std::vector<float> column;
  for (int i = 0; i < 2 * pairs; ++i) {
    std::vector<int32_t> ids(size_t(3 + i * 5 % 11));
    for (size_t k = 0; k < ids.size(); ++k) ids[k] = int32_t(100 * (i / 2) + 50 * (i % 2) + int(k) + 1);
    ids[0] = unlearned(ids[0]), ids[1] = unlearned(ids[1]);
    EXPECT_TRUE(writer->add(ids).ok());
    column.push_back(float(i) + 0.5f);
  }
  EXPECT_TRUE(writer->commit().ok());
  auto dataset = Dataset::open(folder.file("pairs"));
  EXPECT_TRUE(dataset.ok());
  Source source{*dataset};
  source.columns.push_back(std::make_shared<const std::vector<float>>(column));
  return source;
}

TEST_F(Streams, PairsStayTogetherWithTheirColumns) {
  StreamOptions options = small(Packing::none);
  options.rows = 4;
  Source all = pairsSource(folder_, 21);
  all.split = Split(all.groups(), 0.2, 7);
  std::set<int32_t> seen;
  for (Part part : {Part::training, Part::validation}) {
    Source source = all;
    source.part = part;
    TokenStream data = stream({source}, options);
    Batch batch;
    while (*data.next(batch)) {
      ASSERT_EQ(batch.rows % 2, 0);
      for (int64_t row = 0; row < batch.rows; ++row) {
        size_t at = size_t(row * batch.length);
        int32_t id = batch.ids[at] - 1, pair = id / 100;
        EXPECT_EQ(id % 100, row % 2 ? 50 : 0);
        if (row % 2) EXPECT_EQ(pair, (batch.ids[at - size_t(batch.length)] - 1) / 100);
        EXPECT_EQ(batch.columns[0][size_t(row)], float(2 * pair + row % 2) + 0.5f);
        EXPECT_EQ(batch.labels[at + 1], -100);
        EXPECT_EQ(batch.labels[at + 2], batch.ids[at + 2]);
        EXPECT_TRUE(seen.insert(id).second);
      }
    }
    EXPECT_EQ(data.tokensGiven(), data.totalTokens());
  }
  EXPECT_EQ(seen.size(), 42u);
}

TEST_F(Streams, PairsResumeExactly) {
  StreamOptions options = small(Packing::none);
  options.rows = 4, options.repeat = true;
  Source source = pairsSource(folder_, 9);
  TokenStream whole = stream({source}, options);
  for (int i = 0; i < 12; ++i) {
    TokenStream resumed = stream({source}, options);
    ASSERT_TRUE(resumed.restore(whole.state()).ok());
    Batch one, other;
    ASSERT_TRUE(*whole.next(one) && *resumed.next(other));
    EXPECT_EQ(one.ids, other.ids);
    EXPECT_EQ(one.columns, other.columns);
  }
}

TEST_F(Streams, PairsAreNeitherPackedNorCut) {
  Source pairs = pairsSource(folder_, 5);
  auto errorOf = [&](std::vector<Source> sources, StreamOptions options) {
    auto made = TokenStream::create(std::move(sources), options);
    if (!made) return made.error().text();
    Batch batch;
    auto more = made->next(batch);
    return more ? std::string() : more.error().text();
  };
  StreamOptions options = small(Packing::none);
  EXPECT_NE(errorOf({pairs}, options).find("even number of rows"), std::string::npos);  // 3 rows
  options.rows = 4;
  EXPECT_EQ(errorOf({pairs}, options), "");
  Source without = pairs;
  without.columns.clear();
  EXPECT_NE(errorOf({pairs, without}, options).find("columns"), std::string::npos);
  EXPECT_NE(errorOf({without, source("a", 5, 1)}, options).find("only one holds pairs"), std::string::npos);
  options.length = 4;
  EXPECT_NE(errorOf({pairs}, options).find("use longer rows"), std::string::npos);
  options = small(Packing::bestFit);
  options.rows = 4;
  EXPECT_NE(errorOf({pairs}, options).find("no packing"), std::string::npos);
}

// However few sequences there are: the packing buffer holds more of them.
TEST_F(Streams, BestFitGivesEachSequenceOnceAnEpoch) {
  StreamOptions options = small(Packing::bestFit);
  options.rows = 1, options.repeat = true;
  TokenStream data = stream({source("a", 7, 1, 1, 16)}, options);
  Batch batch;
  std::map<int32_t, int> seen;
  for (int epoch = 1; epoch <= 3; ++epoch) {
    uint64_t before = data.tokensGiven();
    while (data.tokensGiven() < before + data.totalTokens()) {
      EXPECT_LT(data.epoch(), epoch);
      ASSERT_TRUE(*data.next(batch));
      for (size_t i = 0; i < batch.ids.size(); ++i)
        if (batch.segments[i]) ++seen[batch.ids[i]];
    }
    EXPECT_EQ(data.epoch(), epoch);
    for (auto [id, times] : seen) EXPECT_EQ(times, epoch) << id;
    EXPECT_EQ(seen.size(), data.totalTokens());
  }
}

TEST_F(Streams, WeightsAreSharesOfTokens) {
  StreamOptions options = small(Packing::wrapped);
  options.repeat = true;
  TokenStream data = stream({source("a", 57, 1, 3), source("b", 200, 10000, 1)}, options);
  Batch batch;
  for (int i = 0; i < 200; ++i) ASSERT_TRUE(*data.next(batch));
  EXPECT_NEAR(double(data.state().cursors[0].tokens) / double(data.tokensGiven()), 0.75, 0.01);
}

TEST_F(Streams, SeedsAndEpochsGiveOtherOrders) {
  Source a = source("a", 100, 1);
  auto firstBatch = [&](uint64_t seed, uint64_t window) {
    StreamOptions options = small(Packing::none);
    options.seed = seed;
    options.window = window;
    TokenStream data = stream({a}, options);
    Batch batch;
    EXPECT_TRUE(*data.next(batch));
    return batch.ids;
  };
  EXPECT_EQ(firstBatch(1, 8), firstBatch(1, 8));
  EXPECT_NE(firstBatch(1, 8), firstBatch(2, 8));
  EXPECT_EQ(firstBatch(1, 0), firstBatch(2, 1));  // not shuffled
  EXPECT_EQ(firstBatch(1, 0)[0], 1);
}

TEST_F(Streams, CurriculumLengthensPiecesOfRowsThatStayAsTheyAre) {
  Source long_ = source("a", 50, 1, 40, 80);
  for (Packing packing : {Packing::wrapped, Packing::bestFit}) {
    StreamOptions options = small(packing);
    options.repeat = true;
    options.packBuffer = 3;
    options.length = 64;
    options.curriculum = {.steps = 10, .startLength = 8, .multiple = 8, .batchesPerStep = 2};
    TokenStream data = stream({long_}, options);
    Batch batch;
    int64_t longest = 0;
    for (int number = 0; number < 24; ++number) {
      ASSERT_TRUE(*data.next(batch));
      ASSERT_EQ(batch.rows, options.rows);
      ASSERT_EQ(batch.length, 64);
      longest = 1 + *std::max_element(batch.positions.begin(), batch.positions.end());
      EXPECT_LE(longest, options.curriculum.lengthAt(number, 64));
      if (number < 8) EXPECT_EQ(longest, options.curriculum.lengthAt(number, 64)) << number;
      if (packing == Packing::wrapped) EXPECT_EQ(batch.tokens, batch.rows * 64);
    }
    EXPECT_GT(longest, 40);
  }
}

TEST(Curricula, RiseFromTheirStartToTheirEnd) {
  for (auto schedule : {Curriculum::Schedule::linear, Curriculum::Schedule::squareRoot, Curriculum::Schedule::doubling})
    for (int64_t end : {0, 32}) {
      Curriculum curriculum{.steps = 10, .startLength = 8, .multiple = 8, .schedule = schedule, .batchesPerStep = 3};
      curriculum.endLength = end;
      EXPECT_EQ(curriculum.lengthAt(0, 64), 8);
      EXPECT_EQ(curriculum.lengthAt(2, 64), 8) << "all batches of a step are alike";
      EXPECT_GT(curriculum.lengthAt(15, 64), 8);
      EXPECT_LT(curriculum.lengthAt(15, 64), end ? end : 64);
      EXPECT_EQ(curriculum.lengthAt(30, 64), end ? end : 64);
      for (int64_t batch = 1; batch < 40; ++batch) {
        EXPECT_GE(curriculum.lengthAt(batch, 64), curriculum.lengthAt(batch - 1, 64));
        EXPECT_EQ(curriculum.lengthAt(batch, 64) % 8, 0);
      }
    }
}

// At every batch: save, restore into a new stream, and both go on alike, over the ends of epochs.
TEST_F(Streams, ResumesExactlyAnywhere) {
  Source a = source("a", 37, 1, 2), b = source("b", 19, 10000, 1, 40);
  for (Packing packing : {Packing::none, Packing::wrapped, Packing::bestFit}) {
    StreamOptions options = small(packing);
    options.repeat = true;
    options.length = 32;
    options.curriculum = {.steps = 9, .startLength = 8, .multiple = 8};
    TokenStream whole = stream({a, b}, options);
    std::vector<Batch> batches(60);
    std::vector<nlohmann::json> states;
    for (Batch &batch : batches) {
      states.push_back(toJson(whole.state()));
      ASSERT_TRUE(*whole.next(batch));
    }
    EXPECT_GT(whole.epoch(), 2);
    for (size_t from = 0; from < batches.size(); ++from) {
      TokenStream resumed = stream({a, b}, options);
      auto state = parseStreamState(states[from], "state");
      ASSERT_TRUE(state.ok()) << state.error().text();
      Status status = resumed.restore(*state);
      ASSERT_TRUE(status.ok()) << status.error().text();
      EXPECT_EQ(toJson(resumed.state()), states[from]);
      for (size_t i = from; i < std::min(from + 9, batches.size()); ++i) {
        Batch batch;
        ASSERT_TRUE(*resumed.next(batch));
        EXPECT_EQ(batch.ids, batches[i].ids) << from << " " << i;
        EXPECT_EQ(batch.segments, batches[i].segments);
        EXPECT_EQ(batch.positions, batches[i].positions);
        EXPECT_EQ(batch.labels, batches[i].labels);
      }
    }
  }
}

TEST_F(Streams, RefusesAStateOfSomethingElse) {
  Source a = source("a", 37, 1), b = source("b", 19, 10000);
  StreamOptions options = small(Packing::wrapped);
  TokenStream first = stream({a}, options), other = stream({b}, options);
  EXPECT_FALSE(other.restore(first.state()).ok());
  options.seed = 7;
  EXPECT_FALSE(stream({a}, options).restore(first.state()).ok());
  StreamState broken = first.state();
  broken.cursors[0].position = 1000;
  EXPECT_FALSE(first.restore(broken).ok());
  EXPECT_FALSE(parseStreamState({{"version", 2}}, "state").ok());
}

TEST_F(Streams, RefusesBadOptions) {
  Source a = source("a", 3, 1);
  EXPECT_FALSE(TokenStream::create({}, {}).ok());
  EXPECT_FALSE(TokenStream::create({{a.dataset, 0}}, {}).ok());
  StreamOptions options;
  options.length = 1;
  EXPECT_FALSE(TokenStream::create({a}, options).ok());
  options = {};
  options.curriculum = {.steps = 5, .startLength = 5000};
  EXPECT_FALSE(TokenStream::create({a}, options).ok());
  options.curriculum = {.steps = 5, .startLength = 2, .endLength = 5000};
  EXPECT_FALSE(TokenStream::create({a}, options).ok());
}

TEST(WindowOrder, IsAPermutationThatStaysNear) {
  for (uint64_t count : {1, 7, 64, 100}) {
    for (uint64_t window : {0, 1, 8, 64, 1000}) {
      WindowOrder order(count, window, 3), again(count, window, 3);
      std::vector<uint64_t> first;
      for (uint64_t i = 0; i < count; ++i) first.push_back(order.at(0, i));
      EXPECT_EQ(std::set<uint64_t>(first.begin(), first.end()).size(), count);
      EXPECT_EQ(*std::max_element(first.begin(), first.end()), count - 1);
      for (uint64_t i = count; i-- > 0;) EXPECT_EQ(again.at(0, i), first[i]);  // also when asked in another order
      if (window == 8 && count == 100) {
        std::set<uint64_t> windows;
        for (uint64_t i = 0; i < 8; ++i) windows.insert(first[i] / 8);
        EXPECT_LE(windows.size(), 2u);
        std::vector<uint64_t> second;
        for (uint64_t i = 0; i < count; ++i) second.push_back(order.at(1, i));
        EXPECT_NE(first, second);
      }
    }
  }
}

// What is held out is never given for training, and the two together are everything.
TEST_F(Streams, PartsOfASourceAreApart) {
  std::multiset<int32_t> seen;
  uint64_t total = 0;
  for (Part part : {Part::training, Part::validation}) {
    Source one = source("a.bin", 40, 1);
    one.part = part;
    one.split = Split(40, 0.25, 9);
    TokenStream tokens = stream({one}, small(Packing::wrapped));
    uint64_t given = 0;
    Batch batch;
    while (*tokens.next(batch))
      for (size_t i = 0; i < batch.ids.size(); ++i)
        if (batch.segments[i]) seen.insert(batch.ids[i]), ++given;
    EXPECT_EQ(given, tokens.totalTokens());
    total += given;
  }
  EXPECT_EQ(total, source("a.bin", 40, 1).dataset.tokens());
  EXPECT_EQ(std::set<int32_t>(seen.begin(), seen.end()).size(), seen.size());
}

}  // namespace
}  // namespace llc::data
