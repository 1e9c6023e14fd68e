#include "runtime/serve/session.h"

#include <gtest/gtest.h>

#include "runtime/sampling/random.h"
#include "runtime/threads/limits.h"
#include "tests/runtime/serve/fake_program.h"

namespace llc {
namespace {

std::unique_ptr<Session> sessionOf(Manifest manifest, int64_t sequences = 3, int64_t threads = 2) {
  SessionOptions options;
  options.sequences = sequences;
  options.threads = threads;
  auto session = Session::create(fakeProgram(std::move(manifest)), options);
  EXPECT_TRUE(session) << session.error().text();
  return std::move(*session);
}

std::vector<int32_t> randomTokens(size_t count, uint64_t seed) {
  Random random(seed);
  std::vector<int32_t> tokens(count);
  for (int32_t &token : tokens) token = int32_t(random.next() % fakeVocabulary);
  return tokens;
}

int32_t best(std::span<const float> logits) {
  return int32_t(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

std::vector<int32_t> prefix(const std::vector<int32_t> &tokens, size_t count) {
  return {tokens.begin(), tokens.begin() + long(count)};
}

TEST(Session, CutsLongPromptsAndKeepsTheirOrder) {
  auto session = sessionOf(fakeManifest(8, 3));
  auto tokens = randomTokens(70, 1);
  int64_t sequence = *session->open();
  SequenceTokens part{sequence, tokens, Wanted::all};
  auto rows = session->step({&part, 1});
  ASSERT_TRUE(rows) << rows.error().text();
  ASSERT_EQ(rows->rows, 70);
  for (size_t i = 0; i < tokens.size(); ++i) {
    EXPECT_EQ(best(rows->row(int64_t(i))), fakeNextOf(prefix(tokens, i + 1))) << i;
    EXPECT_NEAR(rows->row(int64_t(i))[1], 0.07 + (fakeNextOf(prefix(tokens, i + 1)) == 1), 1e-6)
        << "all see the prompt's length";
  }
  EXPECT_EQ(session->length(sequence), 70);
}

TEST(Session, MixesSequencesOfAnyLength) {
  for (int64_t maxSequences : {1, 2, 4}) {
    auto session = sessionOf(fakeManifest(8, 2, maxSequences));
    auto a = randomTokens(20, 1), b = randomTokens(1, 2), c = randomTokens(33, 3);
    int64_t ids[] = {*session->open(), *session->open(), *session->open()};
    SequenceTokens batch[] = {{ids[0], a, Wanted::last}, {ids[1], b, Wanted::none}, {ids[2], c, Wanted::last}};
    auto rows = session->step(batch);
    ASSERT_TRUE(rows);
    ASSERT_EQ(rows->rows, 2);
    EXPECT_EQ(best(rows->row(0)), fakeNextOf(a));
    EXPECT_EQ(best(rows->row(1)), fakeNextOf(c));
    // One token more for each, in another order.
    for (auto *tokens : {&a, &b, &c}) tokens->push_back(5);
    SequenceTokens more[] = {{ids[2], {&c.back(), 1}, Wanted::last},
                             {ids[1], {&b.back(), 1}, Wanted::last},
                             {ids[0], {&a.back(), 1}, Wanted::last}};
    rows = session->step(more);
    ASSERT_TRUE(rows);
    EXPECT_EQ(best(rows->row(0)), fakeNextOf(c));
    EXPECT_EQ(best(rows->row(1)), fakeNextOf(b));
    EXPECT_EQ(best(rows->row(2)), fakeNextOf(a));
  }
}

TEST(Session, SequencesComeAndGo) {
  auto session = sessionOf(fakeManifest(16, 3, 4, 64), 2);
  Random random(9);
  for (int round = 0; round < 50; ++round) {
    auto first = randomTokens(1 + random.next() % 40, round),
         second = randomTokens(1 + random.next() % 40, round + 100);
    int64_t a = *session->open(), b = *session->open();
    EXPECT_FALSE(session->open());
    SequenceTokens batch[] = {{a, first, Wanted::last}, {b, second, Wanted::last}};
    auto rows = session->step(batch);
    ASSERT_TRUE(rows);
    EXPECT_EQ(best(rows->row(0)), fakeNextOf(first));
    EXPECT_EQ(best(rows->row(1)), fakeNextOf(second));
    session->close(round % 2 ? a : b);
    session->close(round % 2 ? b : a);
  }
}

TEST(Session, ScoresEachTokenByThoseBeforeIt) {
  auto session = sessionOf(fakeManifest(8, 3));
  auto tokens = randomTokens(50, 4);
  auto scores = session->score(tokens);
  ASSERT_TRUE(scores);
  ASSERT_EQ(scores->size(), 49u);
  for (size_t i = 0; i < scores->size(); ++i)
    EXPECT_NEAR((*scores)[i], -std::abs(fakeNextOf(prefix(tokens, i + 1)) - tokens[i + 1]) - 0.001 * tokens[i + 1],
                1e-5)
        << i;
  EXPECT_TRUE(session->score({})->empty());
  EXPECT_TRUE(session->score(prefix(tokens, 1))->empty());
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(session->open()) << "score gives its sequence back";
}

TEST(Session, EmbedsTheWantedRows) {
  auto session = sessionOf(fakeManifest(8, 3));
  auto tokens = randomTokens(20, 5);
  auto rows = session->embed(tokens, Wanted::last);
  ASSERT_TRUE(rows);
  ASSERT_EQ(rows->rows, 1);
  EXPECT_EQ(rows->row(0)[0], float(fakeNextOf(tokens)));
  EXPECT_EQ(rows->row(0)[1], 19.0f);
  rows = session->embed(tokens, Wanted::all);
  ASSERT_TRUE(rows);
  ASSERT_EQ(rows->rows, 20);
  EXPECT_EQ(rows->row(7)[1], 7.0f);
}

TEST(Session, RefusesBadTokensAndSequences) {
  auto session = sessionOf(fakeManifest());
  int64_t sequence = *session->open();
  auto refused = [&](std::vector<SequenceTokens> batch) {
    auto rows = session->step(batch);
    EXPECT_EQ(session->length(sequence), 0) << "nothing has changed";
    return rows ? std::string() : rows.error().text();
  };
  std::vector<int32_t> good = {1}, large = {int32_t(fakeVocabulary)}, negative = {-1}, tooMany(101, 1);
  EXPECT_NE(refused({{sequence, large, Wanted::last}}).find("outside the vocabulary of 16"), std::string::npos);
  EXPECT_NE(refused({{sequence, negative, Wanted::last}}).find("outside the vocabulary"), std::string::npos);
  EXPECT_NE(refused({{sequence + 1, good, Wanted::last}}).find("is not open"), std::string::npos);
  EXPECT_NE(refused({{-1, good, Wanted::last}}).find("is not open"), std::string::npos);
  EXPECT_NE(refused({{sequence, good, Wanted::last}, {sequence, good, Wanted::last}}).find("twice"), std::string::npos);
  int64_t other = *session->open();
  EXPECT_NE(refused({{sequence, good, Wanted::last}, {other, tooMany, Wanted::last}}).find("--context"),
            std::string::npos);
  EXPECT_EQ(session->length(other), 0);
}

TEST(Session, RefusesWhatWillNotFitBeforeItStarts) {
  auto create = [](SessionOptions options, Manifest manifest = fakeManifest()) {
    auto session = Session::create(fakeProgram(std::move(manifest)), options);
    return session ? std::string() : session.error().text();
  };
  EXPECT_NE(create({.context = 101}).find("--max-context 101"), std::string::npos);
  EXPECT_NE(create({.memoryLimit = 1000}).find("--context"), std::string::npos);
  EXPECT_NE(create({.sequences = 0}), "");
  EXPECT_NE(create({.threads = -1}).find("--threads"), std::string::npos);
  EXPECT_NE(create({.threads = 1000}).find("--threads"), std::string::npos);
  Manifest greedy = fakeManifest();
  greedy.arenaBytes = uint64_t(1) << 60;
  EXPECT_NE(create({}, greedy).find("activations"), std::string::npos);
  Manifest strange = fakeManifest();
  strange.entries[0].inputs[0].name = "pixels";
  EXPECT_NE(create({}, strange).find("'pixels'"), std::string::npos);
}

TEST(Session, PlansItsMemory) {
  Manifest m = fakeManifest(8, 3, 4, 100);
  auto plan = planMemory(m, {.sequences = 2}, 3);
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->arena, 1024u);
  EXPECT_EQ(plan->scratch, 3u * 4096);
  EXPECT_EQ(plan->caches, 2u * 4 * 256);
  EXPECT_EQ(plan->results, 3u * fakeVocabulary * 4);
}

TEST(Session, SmallModelsGetOneThreadUnlessAskedOtherwise) {
  Manifest m = fakeManifest();
  EXPECT_EQ(defaultThreads(m), 1);
  EXPECT_EQ((*Session::create(fakeProgram(m)))->threads(), 1);
  EXPECT_EQ((*Session::create(fakeProgram(m), {.threads = 2}))->threads(), 2);
  m.bytesPerToken = uint64_t(1) << 40;
  EXPECT_EQ(defaultThreads(m), threadLimits().threads);
}

TEST(Program, ListsOnlyEntriesThatExist) {
  auto program = Program::fromPointers(fakeManifest(), {{"step", fakeStep}}, {}, "test", nullptr);
  ASSERT_FALSE(program);
  EXPECT_NE(program.error().text().find("'score'"), std::string::npos);
}

TEST(Program, NeedsItsBounds) {
  EXPECT_FALSE(Program::fromPointers(fakeManifest(0), {{"step", fakeStep}, {"score", fakeScore}, {"embed", fakeEmbed}},
                                     {}, "test", nullptr));
}

TEST(Program, ModulesAreChosenByWhatTheMachineHas) {
  llc_entry_symbol entries[] = {{"step", fakeStep}, {nullptr, nullptr}};
  llc_module modules[] = {{"avx512", "avx512f,does-not-exist", entries, LLC_ABI_VERSION},
                          {"generic", "", entries, LLC_ABI_VERSION},
                          {nullptr, nullptr, nullptr, 0}};
  auto chosen = chooseModule(modules, "artifact");
  ASSERT_TRUE(chosen) << chosen.error().text();
  EXPECT_STREQ((*chosen)->level, "generic");
  modules[1].level = nullptr;
  auto none = chooseModule(modules, "artifact");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().kind, ErrorKind::unsupported);
  EXPECT_NE(none.error().text().find("does-not-exist"), std::string::npos);
  modules[0].abi_version = LLC_ABI_VERSION + 1;
  EXPECT_NE(chooseModule(modules, "artifact").error().text().find("version 2"), std::string::npos);
}

}  // namespace
}  // namespace llc
