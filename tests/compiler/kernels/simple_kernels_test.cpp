// Rotary embedding, gather, log-probabilities and packing.
#include <set>

#include <sys/mman.h>

#include <cstring>

#include "harness.h"

namespace llc::kernels {
namespace {

using SimpleKernelTest = KernelTest;

TEST_P(SimpleKernelTest, Rotary) {
  for (bool interleaved : {false, true})
    for (RotarySpec spec : {RotarySpec{3, 64, 64}, RotarySpec{2, 80, 20}, RotarySpec{1, 6, 6}, RotarySpec{4, 48, 24}}) {
      spec.interleaved = interleaved;
      compile([&](Emitter &e) { return emitRotary(e, spec); });
      for (int64_t rows : {1, 11}) {
        int64_t half = spec.rotated / 2;
        auto x = randomFloats(size_t(rows * spec.heads * spec.dim), 1), c = randomFloats(size_t(rows * half), 2),
             s = randomFloats(size_t(rows * half), 3);
        Buffer y(DType::f32, x.size());
        run({x.data(), c.data(), s.data(), y.data()}, rows);
        ASSERT_TRUE(y.intact());
        for (int64_t t = 0; t < rows; t++)
          for (int64_t h = 0; h < spec.heads; h++)
            for (int64_t d = 0; d < spec.dim; d++) {
              const float *head = x.data() + (t * spec.heads + h) * spec.dim;
              double want = head[d];
              if (d < spec.rotated) {
                int64_t pair = interleaved ? d / 2 : d % half;
                bool first = interleaved ? d % 2 == 0 : d < half;
                int64_t other = interleaved ? d ^ 1 : first ? d + half : d - half;
                want = first ? double(head[d]) * c[t * half + pair] - double(head[other]) * s[t * half + pair]
                             : double(head[d]) * c[t * half + pair] + double(head[other]) * s[t * half + pair];
              }
              ASSERT_NEAR(y[(t * spec.heads + h) * spec.dim + d], want, 1e-5) << t << " " << h << " " << d;
            }
      }
    }
}

TEST_P(SimpleKernelTest, GatherRows) {
  for (DType type : {DType::f32, DType::bf16, DType::f16}) {
    GatherRowsSpec spec{37, type, 12};
    compile([&](Emitter &e) { return emitGatherRows(e, spec); });
    Buffer table(type, randomFloats(12 * 37, 1));
    std::vector<int32_t> ids = {3, 0, 11, 7, 7, 1, 2, 9, 10, -5, 12};  // the last two are outside
    for (bool fixed : {true, false}) {
      if (!fixed) {
        spec.tableRows = 0, spec.rowsOffset = offsetof(llc_batch, tokens);
        compile([&](Emitter &e) { return emitGatherRows(e, spec); });
      }
      llc_batch batch = {};
      batch.tokens = 12;
      Buffer y(DType::f32, ids.size() * 37);
      run({table.data(), ids.data(), y.data()}, int64_t(ids.size()), &batch);
      ASSERT_TRUE(y.intact());
      for (size_t t = 0; t < ids.size(); t++)
        for (size_t i = 0; i < 37; i++)
          ASSERT_EQ(y[t * 37 + i], t < 9 ? table[size_t(ids[t]) * 37 + i] : 0.0f) << t << " " << i;
    }
  }
}

TEST_P(SimpleKernelTest, Pieces) {
  // Lines of 40: five zeros, 17 of operand 1 from its fourth on, operand 0 whole. Three lines a row.
  PiecesSpec spec{
      .operands = 2, .lines = 3, .width = 40, .pieces = {{0, 5, -1, 0, 0}, {5, 17, 1, 3, 20}, {22, 18, 0, 0, 18}}};
  compile([&](Emitter &e) { return emitPieces(e, spec); });
  for (int64_t rows : {1, 7, 300}) {
    auto lines = size_t(rows * 3);
    Buffer a(DType::f32, randomFloats(lines * 18, 1)), b(DType::f32, randomFloats(lines * 20, 2)),
        y(DType::f32, lines * 40);
    run({a.data(), b.data(), y.data()}, rows);
    ASSERT_TRUE(y.intact());
    for (size_t line = 0; line < lines; line++)
      for (size_t i = 0; i < 40; i++)
        ASSERT_EQ(y[line * 40 + i], i < 5    ? 0.0f
                                    : i < 22 ? b[line * 20 + i - 2]
                                             : a[line * 18 + i - 22])
            << line << " " << i;
  }
}

TEST_P(SimpleKernelTest, SumsAtPlacesBeginWithValues) {
  RowProgramSpec spec{.inputs = {{"x", {11, 70}}, {"i", {11}, DType::i32}, {"before", {5, 70}}},
                      .outputs = {{"y", {5, 70}}},
                      .statements = index::parse("y[{1}d] = sum[n] x[nd]+0*i[n]")->statements,
                      .start = "before"};
  compile([&](Emitter &e) { return emitLoops(e, spec); });
  std::vector<int32_t> places = {0, 3, 3, 1, 0, 4, 9, -1, 1, 1, 3};  // two are outside, nothing comes to the third
  auto x = randomFloats(11 * 70, 1), before = randomFloats(5 * 70, 2), want = before;
  for (size_t n = 0; n < places.size(); n++)
    for (size_t d = 0; d < 70; d++)
      if (places[n] >= 0 && places[n] < 5) want[size_t(places[n]) * 70 + d] += x[n * 70 + d];
  for (bool inPlace : {false, true}) {
    Buffer y(DType::f32, inPlace ? before : randomFloats(5 * 70, 3));
    run({x.data(), places.data(), inPlace ? y.data() : before.data(), y.data()}, 5);
    ASSERT_TRUE(y.intact());
    for (size_t i = 0; i < want.size(); i++) ASSERT_EQ(y[i], want[i]) << inPlace << " " << i;
  }
}

TEST_P(SimpleKernelTest, HalvesRoundToNearestEven) {
  // Every f16 and bf16 value is read exactly; f32 values between them are stored like toF16 and toBf16 do.
  for (DType type : {DType::f16, DType::bf16}) {
    RowProgramSpec read{{{"x", {-1, 64}, type}}, {{"y", {-1, 64}}}, {}, index::parse("y[ti] = x[ti]")->statements};
    RowProgramSpec write{{{"x", {-1, 64}}}, {{"y", {-1, 64}, type}}, {}, read.statements};
    compile([&](Emitter &e) { return emitRowProgram(e, read); });
    std::vector<uint16_t> patterns(65536);
    for (size_t i = 0; i < patterns.size(); i++) patterns[i] = uint16_t(i);
    std::vector<float> exact(65536);
    run({patterns.data(), exact.data()}, 1024);
    for (size_t i = 0; i < patterns.size(); i++) {
      float want = type == DType::f16 ? fromF16(patterns[i]) : fromBf16(patterns[i]);
      if (std::isnan(want))
        ASSERT_TRUE(std::isnan(exact[i])) << i;
      else
        ASSERT_EQ(exact[i], want) << i;
    }
    compile([&](Emitter &e) { return emitRowProgram(e, write); });
    std::vector<float> values;
    std::mt19937 generator(1);
    for (int i = 0; i < 1 << 16; i++) values.push_back(std::bit_cast<float>(uint32_t(generator())));
    for (int i = 0; i < 1 << 16; i++)
      values.push_back(fromF16(uint16_t(generator())) * (1 + std::ldexp(float(generator() % 64), -16)));
    std::vector<uint16_t> stored(values.size());
    run({values.data(), stored.data()}, int64_t(values.size() / 64));
    for (size_t i = 0; i < values.size(); i++) {
      if (std::isnan(values[i])) {
        ASSERT_TRUE(std::isnan(type == DType::f16 ? fromF16(stored[i]) : fromBf16(stored[i])));
        continue;
      }
      ASSERT_EQ(stored[i], type == DType::f16 ? toF16(values[i]) : toBf16(values[i])) << values[i];
    }
  }
}

using LogProbTest = KernelTest;
TEST_P(LogProbTest, Values) {
  struct Case {
    int64_t k, n;
    float softCap, scale;
  };
  for (DType type : {DType::f32, DType::bf16})
    for (Case c : {Case{40, 500, 0, 1}, Case{33, 257, 4, 0.5f}, Case{16, 9, 0, 2}, Case{64, 1100, 0, 1}}) {
      LogProbSpec spec{c.k, c.n, type, c.softCap, c.scale, givesBf16Rows(GetParam(), type, c.k)};
      compile([&](Emitter &e) { return emitLogProb(e, spec); });
      for (int64_t rows : {1, 3, 50}) {
        auto x = randomActivations(size_t(rows * c.k), 1, GetParam()), w = randomFloats(size_t(c.k * c.n), 2, 0.3f);
        Buffer packed = packReference(type, w, c.k, c.n), y(DType::f32, size_t(rows));
        std::vector<float> stored = spec.xInBf16 ? toBf16Rows(GetParam(), x, c.k) : x;
        std::vector<int32_t> targets;
        for (int64_t t = 0; t < rows; t++) targets.push_back(int32_t(t == 0 ? c.n - 1 : (t * 37) % c.n));
        if (rows == 3) targets[2] = -1;
        run({stored.data(), packed.data(), targets.data(), y.data()}, rows);
        ASSERT_TRUE(y.intact());
        for (int64_t t = 0; t < rows; t++) {
          std::vector<double> logits;
          double total = 0;
          for (int64_t i = 0; i < c.n; i++) {
            double z = 0;
            for (int64_t j = 0; j < c.k; j++) z += double(x[t * c.k + j]) * rounded(type, w[j * c.n + i]);
            z *= c.scale;
            if (c.softCap) z = c.softCap * std::tanh(z / c.softCap);
            logits.push_back(z);
            total += std::exp(z);
          }
          ASSERT_NEAR(y[t], targets[t] < 0 ? 0 : logits[targets[t]] - std::log(total), 3e-5) << t;
        }
      }
    }
}

using Bf16RowsTest = KernelTest;
// A row program's result of several dimensions beside another one.
TEST_P(Bf16RowsTest, OfPrograms) {
  RowProgramSpec spec{{{"x", {-1, 3, 22}}},
                      {{"y", {-1, 3, 22}}, {"z", {-1, 3, 22}}},
                      {},
                      index::parse("y[thi] = x[thi]*3; z[thi] = y[thi]+x[thi]")->statements};
  spec.outputs[1].inBf16Rows = true;
  compile([&](Emitter &e) { return emitRowProgram(e, spec); });
  for (int64_t rows : {1, 15, 16, 50}) {
    auto x = randomFloats(size_t(rows * 66), 1);
    Buffer y(DType::f32, x.size()), z(DType::f32, x.size());
    run({x.data(), y.data(), z.data()}, rows);
    ASSERT_TRUE(y.intact() && z.intact());
    std::vector<float> found = fromBf16Rows(GetParam(), z.data(), rows, 66);
    for (size_t i = 0; i < x.size(); i++) {
      ASSERT_EQ(y[i], x[i] * 3);
      ASSERT_EQ(found[i], rounded(DType::bf16, x[i] * 3 + x[i])) << rows << " rows, element " << i;
    }
  }
}
INSTANTIATE_TEST_SUITE_P(Levels, Bf16RowsTest, testing::ValuesIn(bf16RowTargets()), targetName);
TEST(Bf16Rows, LieInTheMemoryOfF32AndSpreadOverCacheSets) {
  for (int64_t k = 2; k < 20000; k += 2) {
    ASSERT_GE(bf16RowBytes(k), 2 * k);
    ASSERT_LE(bf16RowBytes(k), 4 * k);
  }
  // Two tiles of 16 rows, 16 lines of each: a first level of 64 sets holds 12 lines in one.
  for (int64_t k : {576, 768, 896, 1024, 1536, 2048, 3072, 4096, 5632, 8192, 11008, 14336}) {
    std::array<int64_t, 64> inSet{};
    for (int64_t row = 0; row < 32; row++)
      for (int64_t line = 0; line < 16; line++) inSet[size_t((row * bf16RowBytes(k) / 64 + line) % 64)]++;
    EXPECT_LE(*std::max_element(inSet.begin(), inSet.end()), 10) << k;
  }
}

INSTANTIATE_TEST_SUITE_P(Levels, LogProbTest, testing::ValuesIn(productTargets()), targetName);

TEST_P(SimpleKernelTest, Pack) {
  struct Case {
    int64_t k, n;
  };
  for (DType source : {DType::f32, DType::bf16, DType::f16})
    for (DType weights : {DType::f32, DType::bf16, DType::f16})
      for (bool transposed : {false, true})
        for (Case c : {Case{64, 32}, Case{77, 35}, Case{1, 3}, Case{98, 16}}) {
          SCOPED_TRACE(testing::Message() << dtypeName(source) << " to " << dtypeName(weights) << " k " << c.k << " n "
                                          << c.n << " " << transposed);
          PackSpec spec{c.k, c.n, transposed, source, weights};
          compile([&](Emitter &e) { return emitPack(e, spec); });
          auto w = randomFloats(size_t(c.k * c.n), 1);
          for (auto &value : w) value = float(rounded(source, value));
          std::vector<float> laid(w.size());
          for (int64_t k = 0; k < c.k; k++)
            for (int64_t n = 0; n < c.n; n++) laid[transposed ? n * c.k + k : k * c.n + n] = w[k * c.n + n];
          Buffer from(source, laid), want = packReference(weights, w, c.k, c.n), got(weights, want.count);
          run({from.data(), got.data()}, 0);
          ASSERT_EQ(got.bytes, want.bytes);
          if (HasFatalFailure()) return;
        }
}

// Frames of training programs have places beyond 256 MiB.
TEST_P(SimpleKernelTest, FarPlaces) {
  const int64_t places[] = {0, (1 << 28) - 4, 1 << 28, (1 << 29) + 4, (int64_t{1} << 31) + 8};
  compile([&](Emitter &e) {
    return e.kernel("far", "far", 1, {.symbol = ""}, [&](const KernelArguments &in) {
      for (int64_t place : places) e.store(e.constant(e.f32, double(place)), e.gep(in.pointers[0], place), 4);
    });
  });
  size_t bytes = (size_t{1} << 31) + 4096;
  void *memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  run({memory}, 1);
  for (int64_t place : places) {
    float value;
    std::memcpy(&value, static_cast<char *>(memory) + place, 4);
    EXPECT_EQ(value, float(place));
  }
  munmap(memory, bytes);
}

TEST_P(SimpleKernelTest, DifferentSpecsGiveDifferentFunctions) {
  compile([&](Emitter &e) {
    PagedAttentionSpec spec{{1, 8, 8, DType::f32}, 1, 0.12500001f}, other{{1, 8, 8, DType::f32}, 1, 0.125f};
    EXPECT_NE(emitPagedAttention(e, spec).symbol, emitPagedAttention(e, other).symbol);
    RowProgramSpec first{{{"x", {-1, 4}}}, {{"y", {-1, 4}}}, {}, index::parse("y[ti] = x[ti]+1")->statements};
    RowProgramSpec second{{{"x", {-1, 4}}}, {{"y_1", {-1, 4}}}, {}, index::parse("y_1[ti] = x[ti]+2")->statements};
    RowProgramSpec third{{{"x", {-1, 4}}}, {{"y", {-1, 4}}}, {}, index::parse("y[ti] = x[ti]+3")->statements};
    std::set<std::string> symbols;
    for (auto &program : {first, second, third}) symbols.insert(emitRowProgram(e, program).symbol);
    EXPECT_EQ(symbols.size(), 3u);
    return emitPagedAttention(e, spec);
  });
}

INSTANTIATE_TEST_SUITE_P(Levels, SimpleKernelTest, testing::ValuesIn(testTargets()), targetName);

}  // namespace
}  // namespace llc::kernels
