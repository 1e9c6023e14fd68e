// Cache append and paged attention together, against attention written out in double.
#include "harness.h"

namespace llc::kernels {
namespace {

// A ragged batch whose sequences own pages in a shuffled order. Sequence s has cached[s] tokens before the step and
// fresh[s] new ones.
struct RaggedBatch {
  RaggedBatch(std::vector<int> cached, std::vector<int> fresh) : cached(cached), fresh(fresh) {
    stride = 0;
    for (size_t s = 0; s < cached.size(); s++) stride = std::max<int64_t>(stride, (cached[s] + fresh[s] + 31) / 32 + 1);
    pages = int64_t(cached.size()) * stride;
    table.resize(size_t(pages));
    for (size_t i = 0; i < table.size(); i++) table[i] = int32_t(i);
    std::shuffle(table.begin(), table.end(), std::mt19937(5));
    useTokens(true);
  }
  // The step that writes the cached tokens, or the one that adds the fresh ones.
  void useTokens(bool first) {
    positions.clear(), sequenceOf.clear(), starts.assign(1, 0), lengths.clear();
    for (size_t s = 0; s < cached.size(); s++) {
      int from = first ? 0 : cached[s], to = first ? cached[s] : cached[s] + fresh[s];
      for (int p = from; p < to; p++) positions.push_back(p), sequenceOf.push_back(int32_t(s));
      starts.push_back(int32_t(positions.size()));
      lengths.push_back(to);
    }
    batch = {};
    batch.tokens = int64_t(positions.size());
    batch.sequences = int64_t(cached.size());
    batch.positions = positions.data(), batch.sequence_of = sequenceOf.data(), batch.sequence_starts = starts.data();
    batch.context_lengths = lengths.data(), batch.page_table = table.data(), batch.page_stride = stride;
  }
  std::vector<int> cached, fresh;
  int64_t stride, pages;
  std::vector<int32_t> table, positions, sequenceOf, starts, lengths;
  llc_batch batch;
};

struct AttentionTest : KernelTest {
  Buffer readRows(const PagedAttentionSpec &spec, Buffer &y, int64_t rows) {
    return Buffer(DType::f32, fromBf16Rows(GetParam(), y.data(), rows, spec.heads * spec.cache.valueDim));
  }

  // The same step cut along the context: every part alone, then merged. No bit may differ from `whole`.
  void checkSplit(const PagedAttentionSpec &spec, RaggedBatch &ragged, std::vector<void *> pointers,
                  std::vector<float> &sinks, const Buffer &whole) {
    AttentionParts parts = attentionParts(spec);
    int64_t rows = ragged.batch.tokens, longest = *std::max_element(ragged.lengths.begin(), ragged.lengths.end());
    ASSERT_LE(longest, spec.contextBound);
    int64_t used = (longest + parts.slots - 1) / parts.slots;
    ASSERT_GT(used, 1) << "nothing to split";
    Buffer y(DType::f32, whole.count), workspace(DType::f32, size_t(rows * parts.rowBytes / 4));
    std::fill_n(workspace.bytes.begin(), rows * parts.rowBytes, uint8_t(0xff));  // NaN
    pointers[pointers.size() - 2] = y.data(), pointers.back() = workspace.data();
    run(pointers, rows, &ragged.batch, used);
    ASSERT_TRUE(y.intact() && workspace.intact());
    compile([&](Emitter &e) { return emitMergeAttention(e, spec); });
    std::vector<void *> operands = {y.data(), workspace.data()};
    if (spec.sinks) operands.insert(operands.begin(), sinks.data());
    run(operands, rows, &ragged.batch);
    ASSERT_TRUE(y.intact());
    if (spec.yInBf16) y = readRows(spec, y, rows);
    for (size_t i = 0; i < y.count; i++) ASSERT_EQ(y[i], whole[i]) << "element " << i << " of " << y.count;
  }

  void check(const PagedAttentionSpec &spec, RaggedBatch ragged) {
    const CacheSpec &cs = spec.cache;
    SCOPED_TRACE(testing::Message() << "heads " << spec.heads << "/" << cs.kvHeads << " dim " << cs.keyDim << ","
                                    << cs.valueDim << " " << dtypeName(cs.type) << " window " << spec.window << " cap "
                                    << spec.softCap);
    std::vector<uint8_t> cache(size_t(cachePageBytes(cs) * ragged.pages), 0xff);  // NaN in every type
    // keys[s][p][g][d]: appended in two steps, cached ones first
    std::vector<std::vector<float>> keys(ragged.cached.size()), values(ragged.cached.size());
    for (size_t s = 0; s < keys.size(); s++) {
      size_t tokens = size_t(ragged.cached[s] + ragged.fresh[s]);
      keys[s] = randomFloats(tokens * size_t(cs.kvHeads * cs.keyDim), uint32_t(10 + s));
      values[s] = randomFloats(tokens * size_t(cs.kvHeads * cs.valueDim), uint32_t(20 + s));
    }
    compile([&](Emitter &e) { return emitCacheAppend(e, cs); });
    for (bool first : {true, false}) {
      ragged.useTokens(first);
      std::vector<float> k, v;
      for (size_t t = 0; t < ragged.positions.size(); t++) {
        size_t s = size_t(ragged.sequenceOf[t]), p = size_t(ragged.positions[t]), kw = size_t(cs.kvHeads * cs.keyDim),
               vw = size_t(cs.kvHeads * cs.valueDim);
        k.insert(k.end(), keys[s].begin() + long(p * kw), keys[s].begin() + long((p + 1) * kw));
        v.insert(v.end(), values[s].begin() + long(p * vw), values[s].begin() + long((p + 1) * vw));
      }
      run({k.data(), v.data(), cache.data()}, ragged.batch.tokens, &ragged.batch);
    }
    for (auto *group : {&keys, &values})
      for (auto &sequence : *group)
        for (auto &value : sequence) value = float(rounded(cs.type, value));
    int64_t rows = ragged.batch.tokens;
    auto q = randomFloats(size_t(rows * spec.heads * cs.keyDim), 1);
    auto sinks = randomFloats(size_t(spec.heads), 2), slopes = randomFloats(size_t(spec.heads), 3, 0.1f);
    Buffer y(DType::f32, size_t(rows * spec.heads * cs.valueDim));
    compile([&](Emitter &e) { return emitPagedAttention(e, spec); });
    AttentionParts parts = attentionParts(spec);
    std::vector<void *> pointers = {q.data(), cache.data()};
    if (spec.sinks) pointers.push_back(sinks.data());
    if (spec.alibi) pointers.push_back(slopes.data());
    pointers.push_back(y.data());
    if (parts.number > 1) pointers.push_back(nullptr);
    run(pointers, rows, &ragged.batch);
    ASSERT_TRUE(y.intact());
    if (spec.yInBf16) y = readRows(spec, y, rows);
    if (parts.number > 1) checkSplit(spec, ragged, pointers, sinks, y);
    int64_t group = spec.heads / cs.kvHeads;
    for (int64_t t = 0; t < rows; t++)
      for (int64_t h = 0; h < spec.heads; h++) {
        size_t s = size_t(ragged.sequenceOf[t]);
        int64_t position = ragged.positions[t], g = h / group;
        std::vector<double> scores, out(size_t(cs.valueDim), 0.0);
        int64_t from = spec.window ? std::max<int64_t>(0, position - spec.window + 1) : 0;
        double total = spec.sinks ? std::exp(double(sinks[h])) : 0;
        for (int64_t p = from; p <= position; p++) {
          double score = 0;
          for (int64_t d = 0; d < cs.keyDim; d++)
            score += double(q[(t * spec.heads + h) * cs.keyDim + d]) * keys[s][(p * cs.kvHeads + g) * cs.keyDim + d];
          score *= spec.scale;
          if (spec.alibi) score += slopes[h] * double(p - position);
          if (spec.softCap) score = spec.softCap * std::tanh(score / spec.softCap);
          double weight = std::exp(score);
          total += weight;
          for (int64_t d = 0; d < cs.valueDim; d++)
            out[d] += weight * values[s][(p * cs.kvHeads + g) * cs.valueDim + d];
        }
        for (int64_t d = 0; d < cs.valueDim; d++) {
          double found = y[(t * spec.heads + h) * cs.valueDim + d], half = spec.rounded ? 0x1p-8 : 0;  // of a step
          ASSERT_NEAR(found, out[d] / total, 3e-5 + half * std::abs(out[d] / total))
              << "row " << t << " head " << h << " dim " << d;
          if (spec.rounded) ASSERT_EQ(found, rounded(DType::bf16, found));
        }
      }
  }
};

const RaggedBatch mixed({0, 37, 5, 200, 64}, {45, 1, 3, 1, 70});

TEST_P(AttentionTest, HeadsAndTypes) {
  struct Case {
    int64_t heads, kvHeads, keyDim, valueDim;
  };
  for (DType type : {DType::f32, DType::bf16, DType::f16})
    for (Case c : {Case{4, 4, 16, 16}, Case{8, 2, 64, 64}, Case{6, 1, 20, 12}, Case{3, 3, 80, 48}})
      if (!HasFatalFailure()) check({{c.kvHeads, c.keyDim, c.valueDim, type}, c.heads, 0.25f}, mixed);
}
TEST_P(AttentionTest, WindowCapSinksAlibi) {
  CacheSpec cache{2, 32, 32, DType::f32};
  check({cache, 4, 0.2f, 1}, mixed);
  check({cache, 4, 0.2f, 20}, mixed);
  check({cache, 4, 0.2f, 64, 2.5f}, mixed);
  check({cache, 4, 0.2f, 0, 5.f, true, true}, mixed);
  check({cache, 4, 0.2f, 33, 0, true}, mixed);
  check({cache, 40 * 2, 0.2f, 0, 0, false, true}, mixed);
}
TEST_P(AttentionTest, LongContext) { check({{1, 64, 64, DType::bf16}, 2, 0.3f}, RaggedBatch({0, 1500}, {300, 2})); }

// Contexts that end before, at and behind the borders of blocks and parts; two rows of one sequence on either side.
const RaggedBatch deep({0, 127, 255, 255, 256, 511, 700, 1023, 0}, {1, 1, 1, 3, 1, 2, 1, 4, 40});
PagedAttentionSpec bounded(PagedAttentionSpec spec, int64_t contextBound = 1100) {
  spec.contextBound = contextBound;
  return spec;
}
TEST_P(AttentionTest, PartsAreMergedToTheSameBits) {
  for (DType type : {DType::f32, DType::bf16}) check(bounded({{2, 24, 20, type}, 6, 0.25f}), deep);
  check(bounded({{1, 16, 16, DType::f32}, 1, 0.3f}, 5000), RaggedBatch({4100, 4095}, {1, 1}));
}
TEST_P(AttentionTest, PartsWithWindowCapSinksAlibi) {
  CacheSpec cache{2, 16, 16, DType::f32};
  for (int64_t window : {257, 300, 520}) check(bounded({cache, 4, 0.2f, window}), deep);
  check(bounded({cache, 4, 0.2f, 300, 2.5f, true}), deep);
  check(bounded({cache, 4, 0.2f, 0, 5.f, true, true}), deep);
  check(bounded({cache, 2, 0.2f, 0, 0, false, true}), deep);
}
// By one stage, and where parts are merged.
TEST_P(AttentionTest, RoundsItsResult) {
  PagedAttentionSpec spec{{2, 24, 20, DType::f32}, 6, 0.25f};
  spec.rounded = true;
  check(spec, mixed);
  check(bounded(spec), deep);
}
// What a row gives does not depend on the rows that it shares the step with.
TEST_P(AttentionTest, ResultsDoNotDependOnTheBatch) {
  for (int64_t window : {0, 300}) {
    PagedAttentionSpec spec = bounded({{1, 16, 16, DType::f32}, 2, 0.3f, window});
    compile([&](Emitter &e) { return emitPagedAttention(e, spec); });
    RaggedBatch one({700}, {20});
    std::vector<float> cache(size_t(cachePageBytes(spec.cache) * one.pages / 4));
    cache = randomFloats(cache.size(), 4);
    one.useTokens(false);
    int64_t rows = one.batch.tokens, width = spec.heads * spec.cache.keyDim;
    auto q = randomFloats(size_t(rows * width), 5);
    std::vector<float> together(q.size()), alone(q.size());
    run({q.data(), cache.data(), together.data(), nullptr}, rows, &one.batch);
    for (int64_t row = 0; row < rows; row++) {
      llc_batch batch = one.batch;
      batch.tokens = 1, batch.positions += row, batch.sequence_of += row;
      run({q.data() + row * width, cache.data(), alone.data() + row * width, nullptr}, 1, &batch);
    }
    EXPECT_EQ(together, alone) << "window " << window;
  }
}
TEST(AttentionParts, NeedFewChunksAndBoundedMemory) {
  PagedAttentionSpec spec{{4, 64, 64, DType::f32}, 32};
  EXPECT_EQ(attentionParts(spec).number, 1) << "no bound is known";
  spec.contextBound = 256;
  EXPECT_EQ(attentionParts(spec).number, 1);
  spec.contextBound = 4096;
  EXPECT_EQ(attentionParts(spec).number, 16);
  EXPECT_EQ(attentionParts(spec).rows, 16);
  spec.window = 256;
  EXPECT_EQ(attentionParts(spec).number, 1) << "two parts at most, with one of work";
  spec.window = 0;
  spec.contextBound = 1 << 20;
  AttentionParts parts = attentionParts(spec);
  EXPECT_EQ(parts.number, 64);
  EXPECT_GE(parts.slots * parts.number, spec.contextBound);
  EXPECT_EQ(parts.slots % (4 * LLC_PAGE_TOKENS), 0);
  EXPECT_LE(parts.rows * parts.rowBytes, 16 << 20);
  EXPECT_GE(parts.rows, 1);
}

struct RoundedAttentionTest : AttentionTest {};
TEST_P(RoundedAttentionTest, StoresRowsOfBf16) {
  PagedAttentionSpec spec{{2, 24, 20, DType::f32}, 6, 0.25f};
  spec.rounded = spec.yInBf16 = true;
  check(spec, mixed);
  check(bounded(spec), deep);
  check(bounded(spec), RaggedBatch({300, 5}, {2, 1}));
}
INSTANTIATE_TEST_SUITE_P(Levels, RoundedAttentionTest, testing::ValuesIn(bf16RowTargets()), targetName);

INSTANTIATE_TEST_SUITE_P(Levels, AttentionTest, testing::ValuesIn(testTargets()), targetName);

}  // namespace
}  // namespace llc::kernels
