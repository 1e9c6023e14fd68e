// Products of matrices as they lie in memory, against sums in double.
#include "compiler/kernels/dense_product.h"

#include <bit>

#include "harness.h"

namespace llc::kernels {
namespace {

struct DenseProductTest : KernelTest {
  static int64_t reach(std::vector<std::pair<int64_t, int64_t>> dimensions) {  // extents and strides
    int64_t last = 0;
    for (auto [extent, stride] : dimensions) last += (extent - 1) * stride;
    return last + 1;
  }

  template <class Epilogue>
  void check(DenseProductSpec spec, Epilogue epilogue) {
    SCOPED_TRACE(testing::Message() << spec.m << "x" << spec.n << "x" << spec.k << " a " << spec.aRow << ","
                                    << spec.aStep << " b " << spec.bStep << "," << spec.bColumn);
    using Extents = std::vector<std::pair<int64_t, int64_t>>;
    Extents ofA = {{spec.m, spec.aRow}, {spec.k, spec.aStep}}, ofB = {{spec.k, spec.bStep}, {spec.n, spec.bColumn}};
    Extents ofY = {{spec.m, spec.yRow}, {spec.n, 1}};
    for (auto *list : {&spec.batches, &spec.outerSteps})
      for (auto &d : *list)
        ofA.push_back({d.extent, d.a}), ofB.push_back({d.extent, d.b}), ofY.push_back({d.extent, d.y});
    Buffer a(spec.aType, randomFloats(size_t(reach(ofA)), 1)), b(spec.bType, randomFloats(size_t(reach(ofB)), 2));
    Buffer y(DType::f32, size_t(reach(ofY)));
    std::vector<Buffer> extras;
    for (auto &indices : spec.extras)
      extras.emplace_back(DType::f32, randomFloats(size_t(indices == "n"   ? spec.n
                                                          : indices == "t" ? spec.m
                                                                           : reach(ofY)),
                                                   3));
    Buffer aCopy = spec.aCopied ? copied(spec, DenseFactor::a, a) : Buffer(DType::u8, size_t(0));
    Buffer bCopy = spec.bCopied ? copied(spec, DenseFactor::b, b) : Buffer(DType::u8, size_t(0));
    compile([&](Emitter &e) { return emitDenseProduct(e, spec); });
    if (HasFatalFailure()) return;
    std::vector<void *> pointers = {spec.aCopied ? aCopy.data() : a.data(), spec.bCopied ? bCopy.data() : b.data()};
    for (auto &extra : extras) pointers.push_back(extra.data());
    pointers.push_back(y.data());
    run(pointers, 1);
    ASSERT_TRUE(y.intact());
    // As the kernel multiplies them.
    for (auto [buffer, type] : {std::pair(&a, spec.aRounded), {&b, spec.bRounded}})
      for (size_t i = 0; type != DType::f32 && i < buffer->count; i++)
        storeElement(buffer->data(), buffer->type, i, rounded(type, (*buffer)[i]));
    forBatches(spec, 0, 0, 0, 0, [&](int64_t atA, int64_t atB, int64_t atY) {
      for (int64_t i = 0; i < spec.m; i++)
        for (int64_t j = 0; j < spec.n; j++) {
          auto [sum, size] = product(spec, a, b, 0, atA + i * spec.aRow, atB + j * spec.bColumn);
          int64_t place = atY + i * spec.yRow + j;
          std::vector<double> operands;
          for (size_t x = 0; x < extras.size(); x++)
            operands.push_back(extras[x][size_t(spec.extras[x] == "n" ? j : spec.extras[x] == "t" ? i : place)]);
          ASSERT_NEAR(y[size_t(place)], epilogue(sum, operands), 1e-6 * size + 2e-5) << i << "," << j;
        }
    });
  }
  // A factor copied by its kernel, into as many bytes as denseCopies() says.
  Buffer copied(const DenseProductSpec &spec, DenseFactor which, Buffer &factor) {
    DenseCopies bytes = denseCopies(spec);
    Buffer copy(DType::u8, size_t(which == DenseFactor::a ? bytes.aBytes : bytes.bBytes));
    compile([&](Emitter &e) { return copyDenseFactor(e, spec, which); });
    if (!HasFatalFailure()) run({factor.data(), copy.data()}, 1);
    EXPECT_TRUE(copy.intact());
    return copy;
  }
  void batchesAndOuterSteps(DType type);
  void check(const DenseProductSpec &spec) {
    check(spec, [](double sum, auto &) { return sum; });
  }

  template <class Body>
  void forBatches(const DenseProductSpec &spec, size_t depth, int64_t a, int64_t b, int64_t y, Body body) {
    if (depth == spec.batches.size()) return body(a, b, y);
    auto &d = spec.batches[depth];
    for (int64_t i = 0; i < d.extent; i++) forBatches(spec, depth + 1, a + i * d.a, b + i * d.b, y + i * d.y, body);
  }
  // The sum, and the sum of magnitudes.
  static std::pair<double, double> product(const DenseProductSpec &spec, const Buffer &a, const Buffer &b, size_t depth,
                                           int64_t atA, int64_t atB) {
    double sum = 0, size = 0;
    if (depth < spec.outerSteps.size()) {
      auto &d = spec.outerSteps[depth];
      for (int64_t i = 0; i < d.extent; i++) {
        auto [s, z] = product(spec, a, b, depth + 1, atA + i * d.a, atB + i * d.b);
        sum += s, size += z;
      }
      return {sum, size};
    }
    for (int64_t k = 0; k < spec.k; k++) {
      double term = a[size_t(atA + k * spec.aStep)] * b[size_t(atB + k * spec.bStep)];
      sum += term, size += std::abs(term);
    }
    return {sum, size};
  }
};

// Rows of y next to each other, and so those of the factors, or their columns.
void layOut(DenseProductSpec &spec, bool aTransposed, bool bTransposed) {
  spec.aRow = aTransposed ? 1 : spec.k, spec.aStep = aTransposed ? spec.m : 1;
  spec.bStep = bTransposed ? 1 : spec.n, spec.bColumn = bTransposed ? spec.k : 1;
  spec.yRow = spec.n;
}

// Every order of the two operands, sizes with and without rests, sums of one part and of several.
TEST_P(DenseProductTest, OrdersAndSizes) {
  struct Size {
    int64_t m, n, k;
  };
  for (Size s : {Size{64, 48, 32}, Size{37, 29, 19}, Size{1, 8, 4}, Size{270, 150, 300}, Size{19, 300, 530}})
    for (bool aTransposed : {false, true})
      for (bool bTransposed : {false, true}) {
        DenseProductSpec spec{.m = s.m, .n = s.n, .k = s.k};
        layOut(spec, aTransposed, bTransposed);
        if (!HasFatalFailure()) check(spec);
      }
}

TEST_P(DenseProductTest, Types) {
  for (DType type : {DType::bf16, DType::f16})
    for (bool transposed : {false, true}) {
      DenseProductSpec spec{.m = 21, .n = 40, .k = 35, .aType = type, .bType = type};
      layOut(spec, transposed, transposed);
      if (!HasFatalFailure()) check(spec);
    }
}

// Halves that the tile unit or dot products of pairs multiply: parts of k, rests in all directions, each order of the
// factors, sums that wait; few rows and few columns.
TEST_P(DenseProductTest, LargeProductsOfHalves) {
  struct Size {
    int64_t m, n, k;
  };
  for (Size s : {Size{64, 48, 64}, Size{300, 70, 90}, Size{35, 300, 530}, Size{3, 20, 33}, Size{40, 9, 70}})
    for (bool aTransposed : {false, true})
      for (bool bTransposed : {false, true}) {
        DenseProductSpec spec{.m = s.m, .n = s.n, .k = s.k, .aType = DType::bf16, .bType = DType::bf16};
        layOut(spec, aTransposed, bTransposed);
        if (!HasFatalFailure()) check(spec);
      }
  // Whole tiles, rows of y with gaps.
  DenseProductSpec whole{.m = 304, .n = 80, .k = 70, .aType = DType::bf16, .bType = DType::bf16};
  layOut(whole, false, true);
  whole.yRow = 100;
  if (!HasFatalFailure()) check(whole);
  DenseProductSpec strides{
      .m = 18, .n = 24, .k = 40, .aRow = 120, .aStep = 3, .bStep = 5, .bColumn = 200, .yRow = 30, .aType = DType::bf16};
  strides.bType = DType::bf16;
  if (!HasFatalFailure()) check(strides);
}

// Factors that are copied once for all blocks: the left one, the right one, both; parts of k and rests.
TEST_P(DenseProductTest, FactorsCopiedBefore) {
  DenseProductSpec spec{.m = 270, .n = 410, .k = 300};
  spec.aRounded = spec.bRounded = DType::bf16;
  for (bool aTransposed : {false, true})
    for (bool bTransposed : {false, true})
      for (auto [aCopied, bCopied] : {std::pair(true, false), {false, true}, {true, true}}) {
        layOut(spec, aTransposed, bTransposed);
        if (!multipliesCopies(GetParam(), spec)) GTEST_SKIP() << "blocks of this target copy for themselves";
        DenseCopies copies = denseCopies(spec);
        ASSERT_TRUE(copies.aBytes > 0 && copies.bBytes > 0);
        spec.aCopied = aCopied, spec.bCopied = bCopied;
        if (!HasFatalFailure()) check(spec);
        spec.aCopied = spec.bCopied = false;
      }
}

// The right factor is copied by blocks, part of k after part: blocks of one to four groups of panels, a shorter part.
TEST_P(DenseProductTest, PartsCopiedAhead) {
  for (auto [n, k] : {std::pair<int64_t, int64_t>{48, 800}, {80, 768}, {3008, 544}})
    for (bool bTransposed : {false, true})
      for (DType type : {DType::bf16, DType::f32}) {
        DenseProductSpec spec{.m = 24, .n = n, .k = k, .bType = type, .aRounded = DType::bf16, .bRounded = DType::bf16};
        layOut(spec, false, bTransposed);
        if (!HasFatalFailure()) check(spec);
      }
}

TEST(DenseProductPairs, CopiesWhereBlocksShare) {
  DenseProductSpec spec{.m = 256, .n = 192, .k = 64, .aRounded = DType::bf16, .bRounded = DType::bf16};
  layOut(spec, false, false);
  auto copies = [&] { return std::pair(denseCopies(spec).aBytes > 0, denseCopies(spec).bBytes > 0); };
  EXPECT_EQ(copies(), std::pair(false, false));
  spec.n = 193;
  EXPECT_EQ(copies(), std::pair(true, false));
  spec.m = 257, spec.n = 192;
  EXPECT_EQ(copies(), std::pair(false, true));
  spec.n = 193;
  EXPECT_EQ(copies(), std::pair(true, true));
  spec.aRounded = DType::f32;
  EXPECT_EQ(copies(), std::pair(false, false));
}

int64_t dotsOfPairs(const DenseProductSpec &spec) {
  mlir::DialectRegistry registry;
  registerCodeDialects(registry);
  mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
  context.loadAllAvailableDialects();
  mlir::OwningOpRef<mlir::ModuleOp> module = mlir::ModuleOp::create(mlir::UnknownLoc::get(&context));
  Emitter emitter(*module, targetOf(IsaLevel::avx512bf16));
  emitDenseProduct(emitter, spec);
  int64_t found = 0;
  module->walk([&](mlir::LLVM::CallIntrinsicOp call) { found += call.getIntrin().contains("dpbf16ps"); });
  return found;
}

// The instruction takes part exactly where both factors are halves when they are multiplied.
TEST(DenseProductPairs, DotsOfPairs) {
  DenseProductSpec spec{.m = 64, .n = 48, .k = 64};
  layOut(spec, false, false);
  EXPECT_EQ(dotsOfPairs(spec), 0);
  spec.aRounded = DType::bf16;
  EXPECT_EQ(dotsOfPairs(spec), 0);
  spec.bRounded = DType::f16;
  EXPECT_EQ(dotsOfPairs(spec), 0);
  spec.bRounded = DType::bf16;
  EXPECT_GT(dotsOfPairs(spec), 0);
  spec.bRounded = DType::f32, spec.bType = DType::bf16;
  EXPECT_GT(dotsOfPairs(spec), 0);
}

// Factors in memory as f32, rounded on the way; the left one with and without copies of its own layout.
TEST_P(DenseProductTest, RoundedFactors) {
  for (DType type : {DType::bf16, DType::f16})
    for (bool transposed : {false, true}) {
      DenseProductSpec spec{.m = 37, .n = 56, .k = 300, .aType = type, .bRounded = type};
      layOut(spec, transposed, transposed);
      if (!HasFatalFailure()) check(spec);
      spec.aType = DType::f32, spec.aRounded = type;
      if (!HasFatalFailure()) check(spec);
    }
}

// Bit for bit what a store as that type and a load give.
TEST_P(DenseProductTest, RoundingOfSpecialValues) {
  float infinity = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  std::vector<float> values = {0.f,
                               -0.f,
                               infinity,
                               -infinity,
                               nan,
                               -nan,
                               3.4e38f,
                               -3.4e38f,
                               65519.f,
                               65520.f,
                               1e-45f,
                               -1e-40f,
                               6e-8f,
                               2.9e-8f,
                               1.00390625f,
                               1.01171875f,
                               1.003906f,
                               1.003907f,
                               -0.1f,
                               3e-39f,
                               std::bit_cast<float>(0x7fffffff),
                               std::bit_cast<float>(0x7f800001)};
  int64_t m = int64_t(values.size()), n = 16;
  for (DType type : {DType::bf16, DType::f16}) {
    DenseProductSpec spec{.m = m, .n = n, .k = 1, .aRow = 1, .aStep = 1, .bStep = n, .bColumn = 1, .yRow = n};
    spec.aRounded = type;
    compile([&](Emitter &e) { return emitDenseProduct(e, spec); });
    if (HasFatalFailure()) return;
    Buffer a(DType::f32, values), b(DType::f32, std::vector<float>(size_t(n), 1)), y(DType::f32, size_t(m * n));
    run({a.data(), b.data(), y.data()}, 1);
    for (int64_t i = 0; i < m * n; i++) {
      double expected = rounded(type, values[size_t(i / n)]), found = y[size_t(i)];
      EXPECT_TRUE(expected == found || (std::isnan(expected) && std::isnan(found)))
          << dtypeName(type) << " of " << values[size_t(i / n)] << " is " << found << ", not " << expected;
    }
  }
}

// Heads of attention: y[b,h,s,t] = q[b,s,h,d] k[b,t,g,d], two heads to a group; then a sum over heads and rows.
TEST_P(DenseProductTest, BatchesAndOuterSteps) {
  for (DType type : {DType::f32, DType::bf16}) batchesAndOuterSteps(type);
}
void DenseProductTest::batchesAndOuterSteps(DType type) {
  int64_t rows = 17, heads = 4, groups = 2, dim = 20;
  DenseProductSpec scores{
      .m = rows, .n = rows, .k = dim, .aRow = heads * dim, .aStep = 1, .bStep = 1, .bColumn = groups * dim};
  scores.yRow = rows, scores.aType = scores.bType = type;
  scores.batches = {{2, rows * heads * dim, rows * groups * dim, heads * rows * rows},
                    {groups, 2 * dim, dim, 2 * rows * rows},
                    {2, dim, 0, rows * rows}};
  check(scores);
  DenseProductSpec sums{.m = rows, .n = dim, .k = rows, .aRow = 1, .aStep = rows, .bStep = heads * dim, .bColumn = 1};
  sums.yRow = groups * dim, sums.aType = sums.bType = type;
  sums.batches = {{2, heads * rows * rows, rows * heads * dim, rows * groups * dim},
                  {groups, 2 * rows * rows, 2 * dim, dim}};
  sums.outerSteps = {{2, rows * rows, dim, 0}};
  if (!HasFatalFailure()) check(sums);
  // Only the last of the outer steps' last parts of k completes the sums.
  DenseProductSpec parts{.m = 9, .n = 21, .k = 300, .aRow = 300, .aStep = 1, .bStep = 21, .bColumn = 1, .yRow = 21};
  parts.outerSteps = {{2, 9 * 300, 21 * 300, 0}, {3, 2 * 9 * 300, 0, 0}};
  parts.aType = parts.bType = type;
  parts.epilogue = "a*b", parts.extras = {"tn"};
  if (!HasFatalFailure()) check(parts, [](double sum, auto &x) { return sum * x[0]; });
}

TEST_P(DenseProductTest, StridesBothWays) {
  check({.m = 9, .n = 24, .k = 11, .aRow = 33, .aStep = 3, .bStep = 5, .bColumn = 55, .yRow = 30});
}

TEST_P(DenseProductTest, Epilogues) {
  DenseProductSpec spec{.m = 26, .n = 41, .k = 18, .aRow = 18, .aStep = 1, .bStep = 41, .bColumn = 1, .yRow = 41};
  spec.epilogue = "tanh(a)*d+b+c", spec.extras = {"n", "tn", "t"};
  check(spec, [](double sum, auto &x) { return std::tanh(sum) * x[2] + x[0] + x[1]; });
}

// Short ones, with which each tile ends, and long ones behind the block; several blocks of columns and rows, sums of
// one part and of several.
TEST_P(DenseProductTest, EpiloguesOfManyBlocks) {
  for (int64_t k : {20, 270})
    for (bool aTransposed : {false, true}) {
      DenseProductSpec spec{.m = 275, .n = 811, .k = k};
      layOut(spec, aTransposed, !aTransposed);
      spec.epilogue = "a*d+b-c", spec.extras = {"n", "tn", "t"};
      if (!HasFatalFailure()) check(spec, [](double sum, auto &x) { return sum * x[2] + x[0] - x[1]; });
      spec.epilogue = "logistic(a)*d+2*b-c";
      if (!HasFatalFailure())
        check(spec, [](double sum, auto &x) { return x[2] / (1 + std::exp(-sum)) + 2 * x[0] - x[1]; });
    }
}

INSTANTIATE_TEST_SUITE_P(Levels, DenseProductTest, testing::ValuesIn(productTargets()), targetName);

}  // namespace
}  // namespace llc::kernels
