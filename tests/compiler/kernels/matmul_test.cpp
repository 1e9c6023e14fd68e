#include "harness.h"

namespace llc::kernels {
namespace {

struct MatmulTest : KernelTest {
  // y = epilogue(x w1, x w2, extras), against sums in double.
  template <class Epilogue>
  void check(const GatedMatmulSpec &spec, bool gated, int64_t rows, Epilogue expected) {
    SCOPED_TRACE(testing::Message() << "rows " << rows << " k " << spec.k << " n " << spec.n << " "
                                    << dtypeName(spec.weights));
    int64_t k = spec.k, n = spec.n;
    auto x = randomActivations(size_t(rows * k), 1, GetParam());
    auto w1 = randomFloats(size_t(k * n), 2, 0.1f), w2 = randomFloats(size_t(k * n), 3, 0.1f);
    for (auto *w : {&w1, &w2})
      for (auto &value : *w) value = float(rounded(spec.weights, value));
    Buffer packed1 = packReference(spec.weights, w1, k, n), packed2 = packReference(spec.weights, w2, k, n);
    Buffer y(DType::f32, size_t(rows * n));
    std::vector<Buffer> extras;
    for (auto &indices : spec.extras)
      extras.emplace_back(DType::f32, randomFloats(size_t(indices == "tn"  ? rows * n
                                                          : indices == "n" ? n
                                                                           : rows),
                                                   4 + uint32_t(extras.size())));
    std::vector<float> stored = spec.xInBf16 ? toBf16Rows(GetParam(), x, k) : x;
    std::vector<void *> pointers = {stored.data(), packed1.data()};
    if (gated) pointers.push_back(packed2.data());
    for (auto &extra : extras) pointers.push_back(extra.data());
    pointers.push_back(y.data());
    run(pointers, rows);
    ASSERT_TRUE(y.intact());
    if (spec.yInBf16) y = Buffer(DType::f32, fromBf16Rows(GetParam(), y.data(), rows, n));
    double tolerance = productTolerance(GetParam(), spec.weights, k), half = spec.yInBf16 ? 0x1p-8 : 0;  // of a step
    for (int64_t t = 0; t < rows; t++)
      for (int64_t c = 0; c < n; c++) {
        double a = 0, b = 0, size = 0;
        for (int64_t i = 0; i < k; i++) {
          a += x[t * k + i] * double(w1[i * n + c]);
          b += x[t * k + i] * double(w2[i * n + c]);
          size += std::abs(double(x[t * k + i]) * w1[i * n + c]);
        }
        std::vector<double> operands;
        for (size_t i = 0; i < extras.size(); i++)
          operands.push_back(extras[i][spec.extras[i] == "tn" ? t * n + c : spec.extras[i] == "n" ? c : t]);
        double want = expected(a, b, operands);
        ASSERT_NEAR(y[t * n + c], want, tolerance * size + 2e-5 + half * std::abs(want)) << t << "," << c;
        if (spec.yInBf16) ASSERT_EQ(y[t * n + c], rounded(DType::bf16, y[t * n + c]));
      }
  }
};

TEST_P(MatmulTest, ShapesAndTypes) {
  struct Case {
    int64_t k, n;
  };
  for (DType type : {DType::f32, DType::bf16, DType::f16})
    for (Case shape : {Case{64, 48}, Case{33, 20}, Case{1, 1}, Case{520, 130}, Case{258, 272}}) {
      GatedMatmulSpec spec;
      spec.k = shape.k, spec.n = shape.n, spec.weights = type;
      spec.xInBf16 = givesBf16Rows(GetParam(), type, spec.k);
      compile([&](Emitter &e) { return emitMatmul(e, spec); });
      for (int64_t rows : {1, 2, 3, 4, 5, 7, 16, 17, 128, 131})
        if (!HasFatalFailure()) check(spec, false, rows, [](double a, double, auto &) { return a; });
    }
}

// Several blocks of k and of columns, and rests of each, for code that works in tiles.
TEST_P(MatmulTest, ManyBlocks) {
  GatedMatmulSpec spec;
  spec.k = 2 * GetParam().tileUnitK + 3 * 32 + 6, spec.n = 33 * 16 + 5, spec.weights = DType::bf16;
  spec.xInBf16 = givesBf16Rows(GetParam(), spec.weights, spec.k);
  compile([&](Emitter &e) { return emitMatmul(e, spec); });
  for (int64_t rows : {15, 16, 33, 130, 261})
    if (!HasFatalFailure()) check(spec, false, rows, [](double a, double, auto &) { return a; });
}

// Sums longer than kBlock are cut in two, with a last odd step where x is f32.
TEST_P(MatmulTest, LongSums) {
  for (DType type : {DType::f32, DType::bf16}) {
    GatedMatmulSpec spec;
    spec.k = GetParam().kBlock + 301, spec.n = 36, spec.weights = type;
    if ((spec.xInBf16 = givesBf16Rows(GetParam(), type, spec.k + 1))) spec.k++;
    compile([&](Emitter &e) { return emitMatmul(e, spec); });
    for (int64_t rows : {1, 23})
      if (!HasFatalFailure()) check(spec, false, rows, [](double a, double, auto &) { return a; });
  }
}

TEST_P(MatmulTest, Epilogue) {
  GatedMatmulSpec spec;
  spec.k = 40, spec.n = 36, spec.weights = DType::bf16;
  spec.xInBf16 = givesBf16Rows(GetParam(), spec.weights, spec.k);
  spec.epilogue = "tanh(a + b) * d + c", spec.extras = {"n", "tn", "t"};
  compile([&](Emitter &e) { return emitMatmul(e, spec); });
  for (int64_t rows : {1, 9})
    check(spec, false, rows,
          [](double a, double, auto &extra) { return std::tanh(a + extra[0]) * extra[2] + extra[1]; });
}

// The residual may be the result itself.
TEST_P(MatmulTest, AddsInPlace) {
  MatmulSpec spec{48, 40, DType::f32, "a + b", {"tn"}};
  compile([&](Emitter &e) { return emitMatmul(e, spec); });
  for (int64_t rows : {1, 30}) {
    auto x = randomFloats(size_t(rows * spec.k), 1), w = randomFloats(size_t(spec.k * spec.n), 2),
         before = randomFloats(size_t(rows * spec.n), 3);
    Buffer packed = packReference(DType::f32, w, spec.k, spec.n), y(DType::f32, before);
    run({x.data(), packed.data(), y.data(), y.data()}, rows);
    for (int64_t t = 0; t < rows; t++)
      for (int64_t c = 0; c < spec.n; c++) {
        double want = before[t * spec.n + c];
        for (int64_t i = 0; i < spec.k; i++) want += double(x[t * spec.k + i]) * w[i * spec.n + c];
        ASSERT_NEAR(y[t * spec.n + c], want, 1e-4);
      }
  }
}

TEST_P(MatmulTest, Gated) {
  for (DType type : {DType::f32, DType::bf16}) {
    GatedMatmulSpec spec;
    spec.k = 100, spec.n = 340, spec.weights = type;
    spec.xInBf16 = givesBf16Rows(GetParam(), type, spec.k);
    spec.epilogue = "a*logistic(a)*b + c", spec.extras = {"n"};
    compile([&](Emitter &e) { return emitGatedMatmul(e, spec); });
    for (int64_t rows : {1, 3, 40, 150})
      check(spec, true, rows, [](double a, double b, auto &extra) { return a / (1 + std::exp(-a)) * b + extra[0]; });
  }
}

// What the next products read, whether this one reads such rows or not.
struct Bf16Results : MatmulTest {};
TEST_P(Bf16Results, AreRoundedAsTheyAreStored) {
  for (bool fromRows : {false, true})
    for (int64_t n : {36, 7, 528}) {
      GatedMatmulSpec spec;
      spec.k = 40, spec.n = n, spec.weights = DType::bf16, spec.xInBf16 = fromRows, spec.yInBf16 = true;
      spec.epilogue = "a*logistic(a)*b";
      compile([&](Emitter &e) { return emitGatedMatmul(e, spec); });
      for (int64_t rows : {1, 15, 16, 40})
        check(spec, true, rows, [](double a, double b, auto &) { return a / (1 + std::exp(-a)) * b; });
    }
}
INSTANTIATE_TEST_SUITE_P(Levels, Bf16Results, testing::ValuesIn(bf16RowTargets()), targetName);

// Also with weights that are copied as f32, in several pieces.
std::vector<Target> allProductTargets() {
  std::vector<Target> targets = productTargets();
  Target copying = targetOf(hostCpu().level);
  copying.name += "_copying", copying.expandRows = 16, copying.l2Bytes = 64 << 10, copying.kBlock = 1024;
  targets.push_back(copying);
  return targets;
}
INSTANTIATE_TEST_SUITE_P(Levels, MatmulTest, testing::ValuesIn(allProductTargets()), targetName);

}  // namespace
}  // namespace llc::kernels
