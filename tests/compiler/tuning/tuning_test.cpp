// Autotuning: whatever is tuned, results stay the same bit for bit; the search finds what is faster, and only that.
#include <filesystem>

#include "../pipelines/program_harness.h"
#include "compiler/tuning/store.h"

using namespace llc;
using namespace llc::compiler;
using namespace llc::compiler::testing_support;
namespace fs = std::filesystem;

namespace {
constexpr const char *tinyLlama = LLC_SOURCE_DIR "/tests/compiler/pipelines/tiny_llama.mlir";

TEST(Tuning, textIsReadBackAndMistakesAreNamed) {
  Tuning tuning = {{"prefetch_bytes", 4096}, {"stream_panels", 8}};
  auto parsed = parseTuning(tuningText(tuning));
  ASSERT_TRUE(parsed.ok()) << parsed.error().text();
  EXPECT_EQ(*parsed, tuning);
  EXPECT_TRUE(parseTuning("")->empty());
  for (auto [text, expected] : {std::pair("stream_panel=8", "stream_panels"),
                                {"stream_panels=3", "1, 2, 4, 8"},
                                {"stream_panels", "1, 2, 4, 8"},
                                {"stream_panels=8x", "1, 2, 4, 8"},
                                {"=", "tile_rows"}}) {
    auto refused = parseTuning(text);
    ASSERT_FALSE(refused.ok()) << text;
    EXPECT_NE(refused.error().text().find(expected), std::string::npos) << refused.error().text();
  }
}

TEST(Tuning, tableRowsAreLegalAndTargetsCarryTheirTuning) {
  for (const Target &row : allTargets()) {
    EXPECT_TRUE(tuningOf(row).empty());
    for (const Tunable &tunable : allTunables())
      EXPECT_TRUE(std::find(tunable.values.begin(), tunable.values.end(), row.*tunable.field) != tunable.values.end())
          << row.name << " " << tunable.name;
  }
  auto target = findTarget("avx2:tile_rows=8:k_block=1024");
  ASSERT_TRUE(target.ok()) << target.error().text();
  EXPECT_EQ(target->tileRows, 8);
  EXPECT_EQ(tuningText(tuningOf(*target)), "k_block=1024:tile_rows=8");
  EXPECT_FALSE(findTarget("avx2:tile_rows=3").ok());
}

std::vector<float> resultsWith(const std::string &target, const std::string &text) {
  auto context = makeContext();
  auto module = mlir::parseSourceString<mlir::ModuleOp>(text, context.get());
  RandomParameters parameters(*module);
  CompileOptions options;
  options.targets = {target};
  auto compiled = compile(*module, options);
  EXPECT_TRUE(compiled.ok()) << compiled.error().text();
  auto program = loadProgram(*compiled, parameters.source(), {2});
  EXPECT_TRUE(program.ok()) << program.error().text();
  size_t vocabulary = size_t(program->manifest.vocabulary);
  CompiledProgram code(std::move(*program), 2);
  std::vector<float> all;
  for (const Ragged &batch : {Ragged({0, 0}, {5, 9}, 1), Ragged({5, 9}, {1, 1}, 2), Ragged({6, 10}, {1, 13}, 3)}) {
    auto logits = code.run("step", batch, int64_t(batch.rows.size() * vocabulary));
    all.insert(all.end(), logits.begin(), logits.end());
  }
  return all;
}

std::string tinyLlamaInBf16() {
  std::string text = readFile(tinyLlama);
  for (const char *shape : {"48x32xf32", "32x32xf32", "16x32xf32", "40x32xf32", "32x40xf32"})
    for (size_t at; (at = text.find(shape)) != std::string::npos;) text.replace(at + 6, 3, "bf16");
  return text;
}

TEST(Tuning, resultsStayTheSameBitForBit) {
  std::string f32 = readFile(tinyLlama), bf16 = tinyLlamaInBf16();
  std::mt19937 random(5);
  for (const std::string &text : {f32, bf16}) {
    auto expected = resultsWith("native", text);
    ASSERT_FALSE(expected.empty());
    for (int i = 0; i < 6; ++i) {
      Tuning tuning;
      for (const Tunable &tunable : allTunables())
        tuning[std::string(tunable.name)] = tunable.values[random() % tunable.values.size()];
      EXPECT_EQ(resultsWith("native:" + tuningText(tuning), text), expected) << tuningText(tuning);
    }
  }
}

// A machine on which the time of a step is what `cost` says, plus noise.
struct FakeMachine {
  std::function<StepSeconds(const Target &)> cost;
  double noise = 0;
  int runs = 0;
  std::mt19937 random{3};
  TuningSearch search() {
    TuningSearch search;
    search.compile = [this](const Tuning &tuning) -> Result<TuningRun> {
      Target target = targetOf(IsaLevel::avx2);
      applyTuning(tuning, target);
      return TuningRun([this, target](bool decode, bool prefill) -> Result<StepSeconds> {
        ++runs;
        StepSeconds seconds = cost(target);
        double factor = 1 + noise * double(random() % 1000) / 1000;
        return StepSeconds{decode ? seconds.decode * factor : 0, prefill ? seconds.prefill * factor : 0};
      });
    };
    return search;
  }
};

TEST(TuningSearch, findsWhatIsFaster) {
  FakeMachine machine{[](const Target &t) {
                        return StepSeconds{t.prefetchBytes == 4096 ? 0.8 : 1.0,
                                           (t.tileRows == 8 ? 2.0 : 2.4) + (t.rowBlock == 64 ? 0 : 0.5)};
                      },
                      0.01};
  auto found = searchTuning(targetOf(IsaLevel::avx2), machine.search());
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(tuningText(found->tuning), "prefetch_bytes=4096:row_block=64:tile_rows=8");
  EXPECT_TRUE(found->complete);
  EXPECT_LT(found->after.decode, 0.85 * found->before.decode);
}

TEST(TuningSearch, noiseAndTinyGainsChangeNothing) {
  FakeMachine machine{[](const Target &t) { return StepSeconds{t.prefetchBytes == 4096 ? 0.99 : 1.0, 2}; }, 0.005};
  auto found = searchTuning(targetOf(IsaLevel::avx2), machine.search());
  ASSERT_TRUE(found.ok());
  EXPECT_TRUE(found->tuning.empty()) << tuningText(found->tuning);
}

TEST(TuningSearch, prefillMayNotPayForDecode) {
  FakeMachine machine{[](const Target &t) { return t.streamPanels == 8 ? StepSeconds{0.9, 3} : StepSeconds{1, 2}; }};
  auto found = searchTuning(targetOf(IsaLevel::avx2), machine.search());
  ASSERT_TRUE(found.ok());
  EXPECT_TRUE(found->tuning.empty()) << tuningText(found->tuning);
}

TEST(TuningSearch, stoppingEarlyKeepsWhatWasFound) {
  FakeMachine machine{
      [](const Target &t) { return StepSeconds{t.prefetchBytes == 512 ? 0.8 : 1.0, t.tileRows == 2 ? 1. : 2.}; }};
  TuningSearch search = machine.search();
  search.stop = [&] { return machine.runs > 12; };
  auto found = searchTuning(targetOf(IsaLevel::avx2), search);
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(tuningText(found->tuning), "prefetch_bytes=512");
  EXPECT_FALSE(found->complete);
}

TEST(TuningSearch, beginsWithWhatWasFoundBefore) {
  FakeMachine machine{[](const Target &t) { return StepSeconds{t.prefetchBytes == 512 ? 0.8 : 1.0, 2}; }};
  TuningSearch search = machine.search();
  search.from = {{"prefetch_bytes", 512}};
  search.stop = [] { return true; };  // no time for anything but the verdict
  auto found = searchTuning(targetOf(IsaLevel::avx2), search);
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(found->tuning, search.from);
  EXPECT_EQ(found->tried, 0);
  search.from = {{"prefetch_bytes", 4096}};  // what gains no more goes
  found = searchTuning(targetOf(IsaLevel::avx2), search);
  ASSERT_TRUE(found.ok());
  EXPECT_TRUE(found->tuning.empty());
}

TEST(TuningStore, roundedActivationsAreAnotherProgram) {
  auto context = makeContext();
  auto module = mlir::parseSourceString<mlir::ModuleOp>(tinyLlamaInBf16(), context.get());
  const Target &target = targetOf(IsaLevel::avx512);
  std::string plain = tuningFile(*module, target, "/tmp");
  ASSERT_TRUE(roundActivations(*module).ok());
  EXPECT_NE(tuningFile(*module, target, "/tmp"), plain);
}

TEST(TuningStore, keepsResultsPerShapeAndSurvivesDamage) {
  fs::path folder = fs::temp_directory_path() / ("llc-tuning-test-" + std::to_string(getpid()));
  auto context = makeContext();
  std::string text = readFile(tinyLlama);
  auto module = mlir::parseSourceString<mlir::ModuleOp>(text, context.get());
  const Target &target = targetOf(IsaLevel::avx2);
  std::string file = tuningFile(*module, target, folder.string());
  EXPECT_NE(file, tuningFile(*module, targetOf(IsaLevel::generic), folder.string()));
  EXPECT_EQ(tuningFile(*module, target, "none"), "");
  EXPECT_FALSE(readTuning(file).has_value());
  TuningResult result;
  result.tuning = {{"tile_rows", 8}};
  ASSERT_TRUE(writeTuning(file, target, result).ok());
  ASSERT_TRUE(readTuning(file).has_value());
  EXPECT_EQ(*readTuning(file), result.tuning);
  for (const char *damage : {"", "{", "[]", R"({"tuning":3})", R"({"tuning":"tile_rows=3"})"}) {
    std::ofstream(file) << damage;
    EXPECT_FALSE(readTuning(file).has_value()) << damage;
  }
  fs::remove_all(folder);
}
}  // namespace
