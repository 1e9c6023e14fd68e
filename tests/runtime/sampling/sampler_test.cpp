#include "runtime/sampling/sampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <map>

#include "runtime/sampling/scan.h"

namespace llc {
namespace {

// The first numbers of the published reference program with seed 42 and stream 54 (pcg32-demo).
TEST(Random, IsPcg32) {
  Random random(42, 54);
  for (uint32_t expected : {0xa15c02b7u, 0x7b47f409u, 0xba1d3330u, 0x83d2f293u, 0xbfa4784bu, 0xcbed606eu})
    EXPECT_EQ(random.next(), expected);
}

TEST(Random, UniformFillsTheUnitInterval) {
  Random random(7);
  double sum = 0, least = 1, most = 0;
  for (int i = 0; i < 100000; ++i) {
    double value = random.uniform();
    sum += value, least = std::min(least, value), most = std::max(most, value);
  }
  EXPECT_NEAR(sum / 100000, 0.5, 0.005);
  EXPECT_GE(least, 0);
  EXPECT_LT(most, 1);
}

const std::vector<float> logits = {std::log(0.5f), std::log(0.25f), std::log(0.15f), std::log(0.1f)};

#ifdef NDEBUG
constexpr int manyDraws = 40000;
#else
constexpr int manyDraws = 8000;  // with sanitizers each takes half a millisecond
#endif

// Shares of each token in many draws.
std::vector<double> shares(SamplingOptions options, const std::vector<float> &from = logits, int draws = manyDraws) {
  options.penaltyWindow = 0;
  Sampler sampler(options);
  std::vector<double> counts(from.size());
  for (int i = 0; i < draws; ++i) counts[size_t(sampler.choose(from))] += 1.0 / draws;
  return counts;
}

void expectShares(const std::vector<double> &found, const std::vector<double> &expected) {
  // Five standard deviations.
  for (size_t i = 0; i < expected.size(); ++i)
    EXPECT_NEAR(found[i], expected[i], 5 * std::sqrt(expected[i] * (1 - expected[i]) / manyDraws) + 1e-9)
        << "token " << i;
}

TEST(Sampler, TemperatureZeroTakesTheFirstOfTheMostLikely) {
  Sampler sampler({});
  EXPECT_EQ(sampler.choose(logits), 0);
  EXPECT_EQ(sampler.choose(std::vector<float>{1, 3, 3, 2}), 1);
  EXPECT_EQ(sampler.choose(std::vector<float>{NAN, -5, NAN}), 1);
  EXPECT_EQ(sampler.choose(std::vector<float>{NAN, NAN}), 0);
  Sampler penalised({.presencePenalty = 1});  // takes the longer way
  EXPECT_EQ(penalised.choose(std::vector<float>{1, 3, 3, 2}), 1);
  EXPECT_EQ(penalised.choose(std::vector<float>{NAN, -5, NAN}), 1);
  EXPECT_EQ(penalised.choose(std::vector<float>{NAN, NAN}), 0);
}

TEST(Sampler, DrawsByProbability) { expectShares(shares({.temperature = 1}), {0.5, 0.25, 0.15, 0.1}); }

TEST(Sampler, TemperatureSharpensAndFlattens) {
  double total = 0.25 + 0.0625 + 0.0225 + 0.01;  // squares
  expectShares(shares({.temperature = 0.5}), {0.25 / total, 0.0625 / total, 0.0225 / total, 0.01 / total});
  auto flat = shares({.temperature = 1000});
  for (double share : flat) EXPECT_NEAR(share, 0.25, 0.02);
}

TEST(Sampler, TopKKeepsTheMostLikely) {
  expectShares(shares({.temperature = 1, .topK = 2}), {0.5 / 0.75, 0.25 / 0.75, 0, 0});
  expectShares(shares({.temperature = 1, .topK = 1}), {1, 0, 0, 0});
  expectShares(shares({.temperature = 1, .topK = 100}), {0.5, 0.25, 0.15, 0.1});
}

TEST(Sampler, TopPKeepsTheSmallestSetThatReachesIt) {
  expectShares(shares({.temperature = 1, .topP = 0.7}), {0.5 / 0.75, 0.25 / 0.75, 0, 0});
  expectShares(shares({.temperature = 1, .topP = 0.76}), {0.5 / 0.9, 0.25 / 0.9, 0.15 / 0.9, 0});
  expectShares(shares({.temperature = 1, .topP = 0}), {1, 0, 0, 0});
}

TEST(Sampler, MinPIsRelativeToTheMostLikely) {
  expectShares(shares({.temperature = 1, .minP = 0.29}), {0.5 / 0.9, 0.25 / 0.9, 0.15 / 0.9, 0});
  expectShares(shares({.temperature = 1, .minP = 1}), {1, 0, 0, 0});
}

TEST(Sampler, FiltersComeBeforeTheTemperature) {
  // At temperature 1000 all four are alike; the filter must still see the original 0.5.
  expectShares(shares({.temperature = 1e5, .topP = 0.4}), {1, 0, 0, 0});
}

TEST(Sampler, FiltersCombine) {
  // top-k leaves 0.5 0.25 0.15 (of 0.9); of these top-p 0.8 needs two.
  expectShares(shares({.temperature = 1, .topK = 3, .topP = 0.8}), {0.5 / 0.75, 0.25 / 0.75, 0, 0});
}

TEST(Sampler, ImpossibleTokensAreNeverDrawn) {
  float impossible = -INFINITY;
  expectShares(shares({.temperature = 1}, {impossible, 0, NAN, 0}), {0, 0.5, 0, 0.5});
  Sampler sampler({.temperature = 1, .topP = 0.9, .minP = 0.1});
  EXPECT_EQ(sampler.choose(std::vector<float>{impossible, impossible}), 0);
  EXPECT_EQ(sampler.choose(std::vector<float>{0, INFINITY}), 1);
}

TEST(Sampler, RepeatPenaltyDividesAndMultiplies) {
  Sampler sampler({.repeatPenalty = 2});
  sampler.accept(0);
  EXPECT_EQ(sampler.choose(std::vector<float>{3, 2}), 1);
  EXPECT_EQ(sampler.choose(std::vector<float>{5, 2}), 0);
  EXPECT_EQ(sampler.choose(std::vector<float>{-1, -1.5}), 1) << "negative logits get more negative";
  EXPECT_EQ(sampler.choose(std::vector<float>{-1, -2.5}), 0);
}

TEST(Sampler, PresenceCountsOnceFrequencyEachTime) {
  Sampler presence({.presencePenalty = 1});
  Sampler frequency({.frequencyPenalty = 1});
  for (int i = 0; i < 3; ++i) presence.accept(0), frequency.accept(0);
  EXPECT_EQ(presence.choose(std::vector<float>{2, 0}), 0);
  EXPECT_EQ(presence.choose(std::vector<float>{0.5, 0}), 1);
  EXPECT_EQ(frequency.choose(std::vector<float>{2, 0}), 1);
  EXPECT_EQ(frequency.choose(std::vector<float>{4, 0}), 0);
}

TEST(Sampler, PenaltiesForgetWhatLeftTheWindow) {
  Sampler sampler({.presencePenalty = 10, .penaltyWindow = 2});
  sampler.accept(0);
  sampler.accept(7);  // outside the vocabulary below: ignored
  EXPECT_EQ(sampler.choose(std::vector<float>{1, 0}), 1);
  sampler.accept(7);
  EXPECT_EQ(sampler.choose(std::vector<float>{1, 0}), 0);
  Sampler all({.presencePenalty = 10, .penaltyWindow = -1});
  all.accept(0);
  for (int i = 0; i < 1000; ++i) all.accept(7);
  EXPECT_EQ(all.choose(std::vector<float>{1, 0}), 1);
}

// ---- large vocabularies
std::vector<float> manyLogits(size_t count, double spread, uint64_t seed = 3) {
  Random random(seed);
  std::vector<float> values(count);
  for (float &value : values) {
    double sum = 0;  // of twelve uniform numbers: close to normal
    for (int i = 0; i < 12; ++i) sum += random.uniform();
    value = float((sum - 6) * spread);
  }
  return values;
}

// What may be drawn, by sorting everything: token -> probability.
std::map<int32_t, double> sortedReference(const std::vector<float> &from, const SamplingOptions &options) {
  std::vector<int32_t> order(from.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = int32_t(i);
  std::sort(order.begin(), order.end(), [&](int32_t a, int32_t b) {
    return from[size_t(a)] > from[size_t(b)] || (from[size_t(a)] == from[size_t(b)] && a < b);
  });
  if (options.topK > 0) order.resize(std::min(order.size(), size_t(options.topK)));
  double best = from[size_t(order[0])], total = 0, reached = 0;
  for (int32_t token : order) total += std::exp(from[size_t(token)] - best);
  size_t kept = 0;
  while (kept < order.size() && (kept == 0 || reached < options.topP * total))
    reached += std::exp(from[size_t(order[kept++])] - best);
  std::map<int32_t, double> result;
  double sum = 0;
  for (size_t i = 0; i < kept; ++i) {
    double share = std::exp(from[size_t(order[i])] - best);
    if (share < options.minP) continue;
    sum += result[order[i]] = std::pow(share, 1 / options.temperature);
  }
  for (auto &[token, share] : result) share /= sum;
  return result;
}

TEST(Sampler, LargeVocabulariesGiveWhatSortingGives) {
  for (size_t count : {size_t(1), size_t(127), size_t(128), size_t(3001)})
    for (double spread : {0.0, 1.0, 8.0})
      for (SamplingOptions options :
           {SamplingOptions{.temperature = 1.5}, SamplingOptions{.temperature = 1, .topK = 7},
            SamplingOptions{.temperature = 1, .topK = 300}, SamplingOptions{.temperature = 0.7, .topP = 0.6},
            SamplingOptions{.temperature = 1, .topP = 0.97}, SamplingOptions{.temperature = 2, .minP = 0.2},
            SamplingOptions{.temperature = 1, .topK = 20, .topP = 0.8, .minP = 0.05}}) {
        auto from = manyLogits(count, spread);
        auto expected = sortedReference(from, options);
        std::map<int32_t, int> drawn;
        const int draws = count > 1000 ? 60 : 1000;
        options.penaltyWindow = 0;
        Sampler sampler(options);
        for (int i = 0; i < draws; ++i) ++drawn[sampler.choose(from)];
        // The set is exact; shares of the likely tokens agree within six standard deviations.
        for (auto [token, times] : drawn)
          ASSERT_TRUE(expected.count(token)) << token << " of " << count << " spread " << spread;
        for (auto [token, share] : expected)
          if (share > 0.01)
            ASSERT_NEAR(drawn[token] / double(draws), share, 6 * std::sqrt(share * (1 - share) / draws) + 1e-9)
                << token << " of " << count << " spread " << spread;
        if (expected.size() <= 20) EXPECT_LE(drawn.size(), expected.size());
      }
}

TEST(Sampler, ManyEqualLogitsLeaveNoneOut) {
  std::vector<float> flat(500, 1.25f);
  auto found = shares({.temperature = 1, .topP = 0.999}, flat);
  for (size_t i = 0; i < 499; ++i) EXPECT_GT(found[i], 0) << i;
  found = shares({.temperature = 1, .topK = 200}, flat);
  for (size_t i = 0; i < 500; ++i) EXPECT_EQ(found[i] > 0, i < 200) << i << ": among equals the lower ids";
}

// Seconds of the fastest of several calls.
template <class Body>
double fastest(Body body) {
  double least = 1e9;
  for (int i = 0; i < 30; ++i) {
    auto begin = std::chrono::steady_clock::now();
    body();
    least = std::min(least, std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  }
  return least;
}

// A choice costs a few passes over the vocabulary (measured: 1 to 5); sorting it would cost a hundred. The limit leaves
// room for a busy machine.
TEST(Sampler, CostsAFewPasses) {
#ifndef NDEBUG
  GTEST_SKIP() << "without optimisation times say nothing";
#endif
  auto from = manyLogits(150000, 2.5);
  for (size_t i = 0; i < 20; ++i) from[i * 7001] += 12;  // as language models are: some tokens stand out
  LogitBlock kept, weights;
  volatile float sink;
  double pass = fastest([&] {
    for (size_t block = 0; block < scanBlocks(from.size()); ++block) {
      scanCode().weightsOf(scanCode().keptLogits(from, block, {-INFINITY, 0}, kept), 40, 1, weights);
      sink = scanCode().sumOf(weights);
    }
  });
  auto cost = [&](SamplingOptions options) {
    Sampler sampler(options);
    double seconds = fastest([&] { sampler.choose(from); });
    printf("%.0f us, %.1f passes\n", seconds * 1e6, seconds / pass);
    return seconds / pass;
  };
  EXPECT_LT(cost({}), 20);
  EXPECT_LT(cost({.temperature = 1}), 20);
  EXPECT_LT(cost({.temperature = 1, .topK = 40}), 20);
  EXPECT_LT(cost({.temperature = 1, .topP = 0.9}), 20);
  EXPECT_LT(cost({.temperature = 1, .topK = 40, .topP = 0.95, .minP = 0.05}), 20);
  from = manyLogits(150000, 0.5);  // flat: most tokens are within the share
  EXPECT_LT(cost({.temperature = 0.7, .topP = 0.95}), 20);
  EXPECT_LT(cost({.temperature = 0.7, .topK = 100000}), 20);
}

TEST(Scan, WeightsAreExponentials) {
  LogitBlock values, weights;
  values.fill(-INFINITY);
  std::copy_n(std::initializer_list<float>{0, -0.1f, -1, -10.5f, -86, -88, -1e30f, NAN}.begin(), 8, values.begin());
  for (int part = 0; part < 20; ++part) {
    for (size_t i = 8; i + 1 < values.size(); ++i) values[i] = -float(size_t(part) * values.size() + i) * 0.0437f;
    for (float scale : {1.0f, 0.3f}) {
      scanCode().weightsOf(values.data(), 0, scale, weights);
      for (size_t i = 0; i < values.size(); ++i) {
        double exponent = double(values[i]) * scale;
        if (!(exponent >= -88)) {
          EXPECT_EQ(weights[i], 0) << values[i];
          continue;
        }
        if (exponent < -87) continue;  // close to the smallest number: right or 0
        double expected = std::exp(exponent);
        EXPECT_NEAR(weights[i], expected, (5e-7 - 1.5e-7 * exponent) * expected) << values[i];
      }
    }
  }
}

// What is drawn does not depend on the machine.
TEST(Scan, AllLevelsGiveTheSameBits) {
  const ScanCode &plain = scanCodeFor(IsaLevel::generic);
  auto logits = manyLogits(1000, 20);  // ends within a block
  logits[3] = NAN, logits[130] = logits[131] = -INFINITY;
  for (IsaLevel level : {IsaLevel::avx2, IsaLevel::avx512}) {
    if (!contains(hostCpu().level, level)) continue;
    const ScanCode &code = scanCodeFor(level);
    EXPECT_NE(&code, &plain);
    EXPECT_EQ(code.firstLargest(logits), plain.firstLargest(logits));
    for (size_t block = 0; block < scanBlocks(logits.size()); ++block)
      for (Border border : {Border{-INFINITY, 1000}, Border{1.25f, 200}, Border{logits[300], 300}}) {
        EXPECT_EQ(code.blockMaximum(logits, block), plain.blockMaximum(logits, block));
        LogitBlock buffers[2], weights[2];
        LayerBlock layers[2];
        GroupFlags flags[2];
        for (size_t i = 0; i < 2; ++i) {
          const ScanCode &own = i ? code : plain;
          const float *kept = own.keptLogits(logits, block, border, buffers[i]);
          own.weightsOf(kept, 100, 0.37f, weights[i]);
          own.layersOf(kept, 100, 16, 1024, layers[i]);
          own.groupsWith(kept, layers[i], 1023, flags[i]);
        }
        EXPECT_EQ(std::memcmp(&weights[0], &weights[1], sizeof(LogitBlock)), 0);
        EXPECT_EQ(layers[0], layers[1]);
        EXPECT_EQ(flags[0], flags[1]);
        EXPECT_EQ(code.sumOf(weights[0]), plain.sumOf(weights[0]));
      }
  }
}

TEST(Sampler, TheSeedDecides) {
  auto draw = [](uint64_t seed) {
    Sampler sampler({.temperature = 1, .seed = seed});
    std::vector<int32_t> tokens;
    for (int i = 0; i < 50; ++i) tokens.push_back(sampler.choose(logits));
    return tokens;
  };
  EXPECT_EQ(draw(1), draw(1));
  EXPECT_NE(draw(1), draw(2));
}

TEST(Sampler, RefusesOptionsOutOfRange) {
  EXPECT_TRUE(SamplingOptions().check());
  for (SamplingOptions options :
       {SamplingOptions{.temperature = -1}, SamplingOptions{.temperature = NAN}, SamplingOptions{.topK = -1},
        SamplingOptions{.topP = 1.1}, SamplingOptions{.minP = -0.1}, SamplingOptions{.repeatPenalty = 0},
        SamplingOptions{.penaltyWindow = -2}}) {
    Status status = options.check();
    ASSERT_FALSE(status);
    EXPECT_FALSE(status.error().where.empty());
  }
}

TEST(LogProbability, IsTheLogarithmOfTheShare) {
  for (size_t i = 0; i < logits.size(); ++i) EXPECT_NEAR(logProbability(logits, int32_t(i)), logits[i], 1e-6);
  EXPECT_NEAR(logProbability(std::vector<float>{1000, 1000}, 1), std::log(0.5), 1e-6) << "no overflow";
}

}  // namespace
}  // namespace llc
