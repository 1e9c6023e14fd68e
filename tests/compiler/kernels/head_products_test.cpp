// Queries, keys and values as one stage, against the formulas in double.
#include "compiler/kernels/head_products.h"

#include <cmath>

#include "harness.h"

namespace llc::kernels {
namespace {

constexpr int64_t half = 3;  // of what turns

struct Shape {
  const char *name;
  int64_t k, heads, kvHeads, dim, valueDim;
  DType weights = DType::f32, cache = DType::f32;
  bool bias = false, norm = false, rotates = true, interleaved = false;
};

// What a part's heads must be, [t][h][d].
struct Part {
  int64_t heads, dim;
  std::vector<float> w, bias, norm;
  Part(const Shape &s, int64_t heads, int64_t dim, uint32_t seed) : heads(heads), dim(dim) {
    w = randomFloats(size_t(s.k * heads * dim), seed, 0.3f);
    if (s.bias) bias = randomFloats(size_t(heads * dim), seed + 1);
    if (s.norm) norm = randomFloats(size_t(dim), seed + 2);
  }
  std::vector<double> reference(const Shape &s, const std::vector<float> &x, int64_t rows, const std::vector<float> &c,
                                const std::vector<float> &sn, bool plain) const {
    int64_t n = heads * dim;
    std::vector<double> y(size_t(rows * n), 0);
    for (int64_t t = 0; t < rows; t++)
      for (int64_t j = 0; j < n; j++) {
        double sum = bias.empty() ? 0 : bias[size_t(j)];
        for (int64_t i = 0; i < s.k; i++)
          sum += double(x[size_t(t * s.k + i)]) * rounded(s.weights, w[size_t(i * n + j)]);
        y[size_t(t * n + j)] = sum;
      }
    for (int64_t t = 0; !plain && t < rows; t++)
      for (int64_t h = 0; h < heads; h++) {
        double *head = y.data() + t * n + h * dim, squares = 0;
        for (int64_t d = 0; d < dim; d++) squares += head[d] * head[d] / double(dim);
        for (int64_t d = 0; s.norm && d < dim; d++) head[d] *= norm[size_t(d)] / std::sqrt(squares + 1e-5);
        for (int64_t i = 0; s.rotates && i < half; i++) {
          double &a = head[s.interleaved ? 2 * i : i], &b = head[s.interleaved ? 2 * i + 1 : i + half];
          double cosine = c[size_t(t * half + i)], sine = sn[size_t(t * half + i)], first = a * cosine - b * sine;
          b = b * cosine + a * sine, a = first;
        }
      }
    return y;
  }
};

HeadProductsSpec::Part specOf(const Shape &s, const Part &part, bool plain) {
  HeadProductsSpec::Part spec;
  spec.heads = part.heads, spec.dim = part.dim, spec.rotates = s.rotates && !plain;
  if (s.bias) spec.epilogue = "a+b", spec.vectors = 1;
  if (s.norm && !plain)
    spec.program = RowProgramSpec{
        {{"x", {-1, part.dim}}, {"w", {part.dim}}},
        {{"y", {-1, part.dim}}},
        {},
        index::parse("q[t] = sum[i] x[ti]*x[ti]/#i; r[t] = rsqrt(q[t]+0.00001); y[ti] = x[ti]*r[t]*w[i]")->statements};
  return spec;
}

struct HeadProductsTest : KernelTest {
  void check(const Shape &s, int64_t rows) {
    SCOPED_TRACE(testing::Message() << s.name << ", " << rows << " rows");
    Part query(s, s.heads, s.dim, 10), key(s, s.kvHeads, s.dim, 20), value(s, s.kvHeads, s.valueDim, 30);
    HeadProductsSpec spec;
    spec.k = s.k, spec.weights = s.weights, spec.xInBf16 = givesBf16Rows(GetParam(), s.weights, s.k);
    spec.query = specOf(s, query, false), spec.key = specOf(s, key, false), spec.value = specOf(s, value, true);
    spec.rotated = s.rotates ? 2 * half : 0, spec.interleaved = s.interleaved;
    spec.cache = {s.kvHeads, s.dim, s.valueDim, s.cache};
    compile([&](Emitter &e) { return emitHeadProducts(e, spec); });
    // One sequence; its tokens begin in the middle of its first page, and pages lie in reverse order.
    constexpr int first = 20;
    int64_t pages = (first + rows) / LLC_PAGE_TOKENS + 1;
    std::vector<int32_t> positions, sequenceOf(size_t(rows), 0), table;
    for (int64_t t = 0; t < rows; t++) positions.push_back(int32_t(first + t));
    for (int64_t p = 0; p < pages; p++) table.push_back(int32_t(pages - 1 - p));
    llc_batch batch{};
    batch.tokens = rows, batch.sequences = 1, batch.positions = positions.data(), batch.sequence_of = sequenceOf.data();
    batch.page_table = table.data(), batch.page_stride = pages;

    auto x = randomActivations(size_t(rows * s.k), 1, GetParam()), c = randomFloats(size_t(rows * half), 2),
         sn = randomFloats(size_t(rows * half), 3);
    std::vector<Buffer> packed;
    for (const Part *part : {&query, &key, &value})
      packed.push_back(packReference(s.weights, part->w, s.k, part->heads * part->dim));
    Buffer cache(s.cache, size_t(cachePageBytes(spec.cache) * pages) / byteSize(s.cache)),
        y(DType::f32, size_t(rows * s.heads * s.dim));
    std::vector<float> stored = spec.xInBf16 ? toBf16Rows(GetParam(), x, s.k) : x;
    std::vector<void *> pointers = {stored.data()};
    size_t number = 0;
    for (Part *part : {&query, &key, &value}) {
      pointers.push_back(packed[number++].data());
      if (s.bias) pointers.push_back(part->bias.data());
      if (s.norm && part != &value) pointers.push_back(part->norm.data());
    }
    if (s.rotates) pointers.insert(pointers.end(), {c.data(), sn.data()});
    pointers.insert(pointers.end(), {cache.data(), y.data()});
    run(pointers, rows, &batch);
    ASSERT_TRUE(y.intact());
    ASSERT_TRUE(cache.intact());
    double tolerance = s.cache == DType::f32 ? 2e-4 : 0.05;
    auto queries = query.reference(s, x, rows, c, sn, false);
    for (size_t i = 0; i < queries.size(); i++) ASSERT_NEAR(y[i], queries[i], 2e-4) << i;
    auto keys = key.reference(s, x, rows, c, sn, false), values = value.reference(s, x, rows, c, sn, true);
    int64_t headElements = (s.dim + s.valueDim) * LLC_PAGE_TOKENS;
    for (int64_t t = 0; t < rows; t++)
      for (int64_t h = 0; h < s.kvHeads; h++) {
        int64_t page = table[size_t((first + t) / LLC_PAGE_TOKENS)], slot = (first + t) % LLC_PAGE_TOKENS;
        size_t head = size_t((page * s.kvHeads + h) * headElements);
        for (int64_t d = 0; d < s.dim; d++)
          ASSERT_NEAR(cache[head + size_t(d * LLC_PAGE_TOKENS + slot)], keys[size_t((t * s.kvHeads + h) * s.dim + d)],
                      tolerance)
              << "key " << t << " " << h << " " << d;
        for (int64_t d = 0; d < s.valueDim; d++)
          ASSERT_NEAR(cache[head + size_t(s.dim * LLC_PAGE_TOKENS + slot * s.valueDim + d)],
                      values[size_t((t * s.kvHeads + h) * s.valueDim + d)], tolerance)
              << "value " << t << " " << h << " " << d;
      }
  }
};

TEST_P(HeadProductsTest, QueriesKeysAndValues) {
  for (const Shape &s :
       {Shape{"small heads", 24, 8, 4, 8, 8}, Shape{"a head in several panels", 33, 3, 1, 64, 64},
        Shape{"heads across panels", 16, 5, 2, 24, 24}, Shape{"values of another size", 16, 4, 2, 16, 32},
        Shape{.name = "bias", .k = 20, .heads = 6, .kvHeads = 2, .dim = 16, .valueDim = 16, .bias = true},
        Shape{.name = "norm and bias",
              .k = 20,
              .heads = 6,
              .kvHeads = 3,
              .dim = 32,
              .valueDim = 32,
              .bias = true,
              .norm = true},
        Shape{.name = "interleaved", .k = 20, .heads = 2, .kvHeads = 2, .dim = 16, .valueDim = 16, .interleaved = true},
        Shape{.name = "no rotation", .k = 20, .heads = 2, .kvHeads = 2, .dim = 16, .valueDim = 16, .rotates = false},
        Shape{.name = "halves",
              .k = 30,
              .heads = 4,
              .kvHeads = 2,
              .dim = 32,
              .valueDim = 32,
              .weights = DType::bf16,
              .cache = DType::bf16,
              .norm = true}})
    for (int64_t rows : {1, 7, 150}) {
      check(s, rows);
      if (HasFatalFailure()) return;
    }
}

TEST(HeadColumns, AreWholePanelsAndHeads) {
  EXPECT_EQ(headColumns({64, 64, 64}), 64);
  EXPECT_EQ(headColumns({8, 8, 8}), 16);
  EXPECT_EQ(headColumns({80, 80, 80}), 80);
  EXPECT_EQ(headColumns({24, 24, 16}), 48);
  EXPECT_EQ(headColumns({25, 25, 25}), 0);     // 400 columns
  EXPECT_EQ(headColumns({192, 192, 128}), 0);  // 384 columns
}

INSTANTIATE_TEST_SUITE_P(Levels, HeadProductsTest, testing::ValuesIn(productTargets()), targetName);

}  // namespace
}  // namespace llc::kernels
