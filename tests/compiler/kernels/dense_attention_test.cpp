// Attention of whole sequences and its gradient against sums in double.
#include "compiler/kernels/dense_attention.h"

#include <cmath>

#include "dialect/interfaces/index.h"
#include "harness.h"

namespace llc::kernels {
namespace {

// All values of one call, and what they should give.
struct Attention {
  Attention(const DenseAttentionSpec &spec, std::vector<int32_t> segmentIds, float dropKey)
      : spec(spec),
        dropKey(dropKey),
        q(spec.qType, randomFloats(queryRows() * size_t(spec.keyDim), 1)),
        k(spec.kType, randomFloats(keyRows() * size_t(spec.keyDim), 2)),
        v(spec.vType, randomFloats(keyRows() * size_t(spec.valueDim), 3)),
        dy(spec.gradientType, randomFloats(queryRows() * size_t(spec.valueDim), 4)),
        sinks(randomFloats(size_t(spec.heads), 5)),
        segments(std::move(segmentIds)),
        y(queryRows() * size_t(spec.valueDim)),
        logSum(queryRows()),
        delta(queryRows()),
        dq(q.count),
        dk(k.count),
        dv(v.count) {
    for (int64_t b = 0; b < spec.batch; b++)
      for (int64_t s = 0; s < spec.queries; s++)
        for (int64_t h = 0; h < spec.heads; h++) query(b, s, h);
  }
  size_t queryRows() const { return size_t(spec.batch * spec.queries * spec.heads); }
  size_t keyRows() const { return size_t(spec.batch * spec.keys * spec.kvHeads); }

  bool sees(int64_t b, int64_t position, int64_t t) const {
    if (spec.causal && t > position) return false;
    if (spec.window && t <= position - spec.window) return false;
    return !spec.segments || segments[size_t(b * spec.keys + t)] == segments[size_t(b * spec.keys + position)];
  }

  // What dropout makes of a weight.
  double kept(int64_t b, int64_t s, int64_t h, int64_t t) const {
    if (!spec.dropRate || dropKey == 0) return 1;
    double place[] = {double((b * spec.heads + h) * spec.queries + s), double(t + 1), dropKey};
    return index::findScalar("random")->evaluate(place) < spec.dropRate ? 0 : 1 / (1 - double(spec.dropRate));
  }

  void query(int64_t b, int64_t s, int64_t h) {
    size_t row = size_t((b * spec.queries + s) * spec.heads + h), e = size_t(spec.valueDim), d = size_t(spec.keyDim);
    auto keyRow = [&](int64_t t) {
      return size_t((b * spec.keys + t) * spec.kvHeads + h / (spec.heads / spec.kvHeads));
    };
    std::vector<double> scores(size_t(spec.keys), -INFINITY), slopes(size_t(spec.keys));
    double largest = spec.sinks ? sinks[size_t(h)] : -INFINITY;
    for (int64_t t = 0; t < spec.keys; t++) {
      if (!sees(b, s + spec.keys - spec.queries, t)) continue;
      double product = 0;
      for (size_t i = 0; i < d; i++) product += q[row * d + i] * k[keyRow(t) * d + i];
      double score = product * spec.scale, bent = spec.softCap ? std::tanh(score / spec.softCap) : 0;
      scores[size_t(t)] = spec.softCap ? spec.softCap * bent : score;
      slopes[size_t(t)] = spec.scale * (1 - bent * bent);
      largest = std::max(largest, scores[size_t(t)]);
    }
    double total = spec.sinks ? std::exp(sinks[size_t(h)] - largest) : 0;
    for (double score : scores) total += std::exp(score - largest);
    logSum[row] = largest + std::log(total);
    for (int64_t t = 0; t < spec.keys; t++)
      for (size_t i = 0; i < e; i++)
        y[row * e + i] += kept(b, s, h, t) * std::exp(scores[size_t(t)] - logSum[row]) * v[keyRow(t) * e + i];
    for (size_t i = 0; i < e; i++) delta[row] += dy[row * e + i] * y[row * e + i];
    for (int64_t t = 0; t < spec.keys; t++) {
      double weight = std::exp(scores[size_t(t)] - logSum[row]), outer = 0;
      if (weight == 0) continue;
      for (size_t i = 0; i < e; i++) outer += dy[row * e + i] * v[keyRow(t) * e + i];
      double factor = kept(b, s, h, t), slope = weight * (factor * outer - delta[row]) * slopes[size_t(t)];
      for (size_t i = 0; i < e; i++) dv[keyRow(t) * e + i] += factor * weight * dy[row * e + i];
      for (size_t i = 0; i < d; i++) {
        dq[row * d + i] += slope * k[keyRow(t) * d + i];
        dk[keyRow(t) * d + i] += slope * q[row * d + i];
      }
    }
  }

  const DenseAttentionSpec &spec;
  float dropKey;
  Buffer q, k, v, dy;
  std::vector<float> sinks;
  std::vector<int32_t> segments;
  std::vector<double> y, logSum, delta, dq, dk, dv;
};

struct DenseAttentionTest : KernelTest {
  static void expect(const Buffer &got, const std::vector<double> &wanted, const char *name) {
    ASSERT_TRUE(got.intact()) << name;
    double size = 1;
    for (double value : wanted) size = std::max(size, std::abs(value));
    for (size_t i = 0; i < wanted.size(); i++) ASSERT_NEAR(got[i], wanted[i], 4e-6 * size) << name << " " << i;
  }
  void check(const DenseAttentionSpec &spec, std::vector<int32_t> segments = {}, float dropKey = 0) {
    SCOPED_TRACE(testing::Message() << spec.batch << "x" << spec.queries << "/" << spec.keys << " heads " << spec.heads
                                    << "/" << spec.kvHeads << " dims " << spec.keyDim << "," << spec.valueDim
                                    << " causal " << spec.causal << " window " << spec.window);
    Attention wanted(spec, std::move(segments), dropKey);
    forward(spec, wanted);
    if (!HasFatalFailure() && !spec.sinks) backward(spec, wanted);
  }
  void forward(const DenseAttentionSpec &spec, Attention &wanted) {
    compile([&](Emitter &e) { return emitDenseAttention(e, spec); });
    if (HasFatalFailure()) return;
    Buffer y(DType::f32, wanted.y.size()), logSum(DType::f32, wanted.logSum.size());
    std::vector<void *> pointers = {wanted.q.data(), wanted.k.data(), wanted.v.data()};
    if (spec.sinks) pointers.push_back(wanted.sinks.data());
    if (spec.segments) pointers.push_back(wanted.segments.data());
    if (spec.dropRate) pointers.push_back(&wanted.dropKey);
    pointers.insert(pointers.end(), {y.data(), logSum.data()});
    run(pointers, 1);
    if (!HasFatalFailure()) expect(y, wanted.y, "y");
    if (!HasFatalFailure()) expect(logSum, wanted.logSum, "log_sum");
  }
  void backward(const DenseAttentionSpec &spec, Attention &wanted) {
    compile([&](Emitter &e) { return emitDenseAttentionBackward(e, spec); });
    if (HasFatalFailure()) return;
    std::vector<float> logSum(wanted.logSum.begin(), wanted.logSum.end());
    std::vector<float> delta(wanted.delta.begin(), wanted.delta.end());
    Buffer dq(DType::f32, wanted.dq.size()), dk(DType::f32, wanted.dk.size()), dv(DType::f32, wanted.dv.size());
    std::vector<void *> pointers = {wanted.q.data(),  wanted.k.data(), wanted.v.data(),
                                    wanted.dy.data(), logSum.data(),   delta.data()};
    if (spec.segments) pointers.push_back(wanted.segments.data());
    if (spec.dropRate) pointers.push_back(&wanted.dropKey);
    pointers.insert(pointers.end(), {dq.data(), dk.data(), dv.data()});
    run(pointers, 1);
    if (!HasFatalFailure()) expect(dq, wanted.dq, "dq");
    if (!HasFatalFailure()) expect(dk, wanted.dk, "dk");
    if (!HasFatalFailure()) expect(dv, wanted.dv, "dv");
  }
};

// Sizes around tiles and blocks, groups of heads, more keys than queries.
TEST_P(DenseAttentionTest, Sizes) {
  struct Size {
    int64_t batch, queries, keys, heads, kvHeads, keyDim, valueDim;
    bool causal = true;
  };
  for (Size s : {Size{1, 1, 1, 1, 1, 4, 4}, Size{2, 7, 7, 4, 2, 5, 3, false}, Size{1, 65, 65, 2, 2, 16, 24},
                 Size{1, 130, 130, 3, 1, 32, 32}, Size{2, 33, 100, 2, 1, 20, 17}, Size{2, 33, 100, 2, 1, 20, 17, false},
                 Size{1, 40, 40, 1, 1, 160, 128}, Size{4, 70, 70, 8, 4, 8, 12}, Size{4, 70, 70, 4, 4, 8, 12, false}}) {
    DenseAttentionSpec spec{s.batch, s.queries, s.keys, s.heads, s.kvHeads, s.keyDim, s.valueDim};
    spec.scale = 0.3f, spec.causal = s.causal;
    if (!HasFatalFailure()) check(spec);
  }
}

TEST_P(DenseAttentionTest, WindowsCapsAndSinks) {
  for (int64_t window : {5, 70})
    for (bool causal : {true, false}) {
      DenseAttentionSpec spec{1, 150, 170, 2, 1, 12, 12};
      spec.scale = 0.4f, spec.causal = causal, spec.window = window;
      spec.softCap = window == 5 ? 2.f : 0.f;
      if (!HasFatalFailure()) check(spec);
    }
  DenseAttentionSpec spec{2, 70, 70, 4, 2, 8, 8};
  spec.scale = 0.4f, spec.softCap = 1.5f, spec.sinks = true;
  if (!HasFatalFailure()) check(spec);
}

// Documents in one row, padding on either side, one segment a token, segments that come back.
TEST_P(DenseAttentionTest, Segments) {
  constexpr int64_t length = 200;
  std::vector<std::function<int32_t(int64_t)>> rows = {
      [](int64_t t) { return t < 90    ? 1
                             : t < 128 ? 2
                                       : 3; }, [](int64_t t) { return t < 130 ? 0 : 1; },
      [](int64_t t) { return t < 70 ? 1 : 0; }, [](int64_t t) { return int32_t(t); },
      [](int64_t t) { return int32_t(t / 3 % 2); }};
  std::vector<int32_t> segments;
  for (auto &row : rows)
    for (int64_t t = 0; t < length; t++) segments.push_back(row(t));
  for (bool causal : {true, false})
    for (int64_t queries : {length, int64_t{77}}) {
      DenseAttentionSpec spec{int64_t(rows.size()), queries, length, 2, 1, 8, 8};
      spec.scale = 0.5f, spec.causal = causal, spec.segments = true;
      if (!HasFatalFailure()) check(spec, segments);
    }
}

// Weights that are left out, in blocks, groups of heads, by chunks of heads and of keys; none with a key of 0.
TEST_P(DenseAttentionTest, Dropout) {
  for (float key : {12345.f, 0.f})
    for (int64_t heads : {2, 16}) {
      DenseAttentionSpec spec{2, 90, 130, heads, heads / 2, 8, 12};
      spec.scale = 0.4f, spec.softCap = 2, spec.segments = true, spec.dropRate = 0.3f;
      std::vector<int32_t> segments;
      for (int64_t t = 0; t < 2 * 130; t++) segments.push_back(int32_t(t / 50));
      if (!HasFatalFailure()) check(spec, segments, key);
    }
  DenseAttentionSpec spec{1, 70, 70, 2, 2, 8, 8};
  spec.scale = 0.4f, spec.sinks = true, spec.dropRate = 0.6f;
  if (!HasFatalFailure()) check(spec, {}, 77);
}

TEST_P(DenseAttentionTest, Halves) {
  for (DType type : {DType::bf16, DType::f16}) {
    DenseAttentionSpec spec{1, 50, 50, 2, 2, 24, 24};
    spec.scale = 0.2f, spec.qType = spec.kType = spec.vType = spec.gradientType = type;
    if (!HasFatalFailure()) check(spec);
    spec.kType = spec.gradientType = DType::f32;
    if (!HasFatalFailure()) check(spec);
  }
}

// Nothing is kept for pairs of positions.
TEST_P(DenseAttentionTest, ScratchDoesNotGrowWithTheSequence) {
  auto scratch = [&](int64_t positions) {
    DenseAttentionSpec spec{1, positions, positions, 1, 1, 64, 64};
    int64_t bytes = 0;
    compile([&](Emitter &e) {
      bytes = emitDenseAttention(e, spec).scratchBytes;
      return emitDenseAttentionBackward(e, spec);
    });
    return std::pair(bytes, function.scratchBytes);
  };
  EXPECT_EQ(scratch(1024), scratch(65536));
}

INSTANTIATE_TEST_SUITE_P(Levels, DenseAttentionTest, testing::ValuesIn(testTargets()), targetName);

}  // namespace
}  // namespace llc::kernels
