// The cache of packed weights: a second start maps what the first one packed, and nothing that may be wrong is ever
// mapped.
#include <sys/file.h>

#include <filesystem>
#include <fstream>

#include "../pipelines/program_harness.h"

using namespace llc;
using namespace llc::compiler;
using namespace llc::compiler::testing_support;
namespace fs = std::filesystem;

namespace {
class WeightCache : public testing::Test {
 protected:
  void SetUp() override {
    folder = fs::temp_directory_path() / ("llc-weights-test-" + std::to_string(getpid()));
    context = makeContext();
    std::string text = readFile(LLC_SOURCE_DIR "/tests/compiler/pipelines/tiny_llama.mlir");
    auto module = mlir::parseSourceString<mlir::ModuleOp>(text, context.get());
    parameters.emplace(*module);
    auto result = compile(*module, {});
    ASSERT_TRUE(result.ok()) << result.error().text();
    compiled = std::move(*result);
  }
  void TearDown() override { fs::remove_all(folder); }

  TensorSource source(const std::string &identity = "one") {
    TensorSource tensors = parameters->source();
    tensors.read = [this, read = tensors.read](std::string_view name) {
      ++reads;
      return read(name);
    };
    tensors.identity = identity;
    return tensors;
  }
  struct Run {
    bool cached;
    std::vector<float> logits;
  };
  Run run(const std::string &identity = "one", int64_t limit = 64 << 20, bool preload = false) {
    auto program = loadProgram(compiled, source(identity), {2, {folder.string(), limit}, preload});
    EXPECT_TRUE(program.ok()) << program.error().text();
    bool cached = program->weightsCached;
    Ragged batch({0, 0}, {3, 5}, 1);
    size_t rows = batch.rows.size(), vocabulary = size_t(compiled.manifest.vocabulary);
    return {cached, CompiledProgram(std::move(*program), 2).run("step", batch, int64_t(rows * vocabulary))};
  }
  std::vector<fs::path> files() const {
    std::vector<fs::path> found;
    std::error_code ignored;
    for (const auto &item : fs::directory_iterator(folder, ignored)) found.push_back(item.path());
    return found;
  }
  fs::path folder;
  std::unique_ptr<mlir::MLIRContext> context;
  std::optional<RandomParameters> parameters;
  CompiledModule compiled;
  int reads = 0;
};

TEST_F(WeightCache, theSecondStartReadsNoWeightThatIsPacked) {
  Run first = run();
  int firstReads = std::exchange(reads, 0);
  Run second = run(), copied = run("one", 64 << 20, true);
  EXPECT_FALSE(first.cached);
  EXPECT_TRUE(second.cached);
  EXPECT_TRUE(copied.cached);
  EXPECT_LT(reads, firstReads);
  EXPECT_EQ(first.logits, second.logits);
  EXPECT_EQ(first.logits, copied.logits);
  EXPECT_EQ(files().size(), 1u);
}

TEST_F(WeightCache, otherWeightsOrOtherWorkAreOtherEntries) {
  run();
  EXPECT_FALSE(run("two").cached);
  for (PrepareStep &step : compiled.prepare)
    if (!step.function.empty()) step.meaning += "x";
  EXPECT_FALSE(run().cached);
  EXPECT_EQ(files().size(), 3u);
}

TEST_F(WeightCache, withoutIdentityNothingIsKept) {
  run("");
  EXPECT_TRUE(files().empty());
}

TEST_F(WeightCache, damagedFilesAndThoseOfAnotherBootCountAsAbsent) {
  Run first = run();
  fs::path file = files().front();
  for (uintmax_t size : {fs::file_size(file) - 1, uintmax_t(100), uintmax_t(0)}) {
    fs::resize_file(file, size);
    EXPECT_FALSE(run().cached) << size;
  }
  auto setState = [&](std::string state) {
    state.resize(40, ' ');
    std::fstream(file, std::ios::in | std::ios::out | std::ios::binary).seekp(14).write(state.data(), 40);
  };
  setState("00000000-0000-0000-0000-000000000000");
  EXPECT_FALSE(run().cached);
  setState("settled");
  EXPECT_TRUE(run().cached);
  std::fstream(file, std::ios::in | std::ios::out | std::ios::binary).seekp(60).put('!');  // the key
  Run last = run();
  EXPECT_FALSE(last.cached);
  EXPECT_EQ(last.logits, first.logits);
}

TEST_F(WeightCache, entriesAreSettledInTheBackground) {
  run();
  fs::path file = files().front();
  for (int i = 0; i < 500 && readFile(file).substr(14, 7) != "settled"; ++i) {
    auto program = loadProgram(compiled, source(), {2, {folder.string()}});
    ASSERT_TRUE(program.ok());
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  EXPECT_EQ(readFile(file).substr(14, 7), "settled");
  EXPECT_TRUE(run().cached);
}

TEST_F(WeightCache, theOldestGoWhenTheLimitIsReached) {
  run("one");
  int64_t bytes = int64_t(fs::file_size(files().front()));
  fs::last_write_time(files().front(), fs::file_time_type::clock::now() - std::chrono::hours(1));
  run("two", bytes * 3 / 2);
  EXPECT_EQ(files().size(), 1u);
  EXPECT_TRUE(run("two").cached);
  EXPECT_FALSE(run("three", bytes / 2).cached);  // larger than the cache: not written at all
  EXPECT_EQ(files().size(), 1u);
}

TEST_F(WeightCache, aWriterThatDiedIsCleanedUpAndALivingOneIsLeftAlone) {
  run();
  std::string dead = files().front().string() + ".partial-dead", alive = files().front().string() + ".partial-live";
  std::ofstream(dead) << "x";
  std::ofstream(alive) << "x";
  int descriptor = ::open(alive.c_str(), O_RDONLY);
  ASSERT_EQ(flock(descriptor, LOCK_EX), 0);
  run("two");
  EXPECT_FALSE(fs::exists(dead));
  EXPECT_TRUE(fs::exists(alive));
  ::close(descriptor);
}

TEST_F(WeightCache, twoStartsAtOnceLeaveOneWholeEntry) {
  std::vector<std::thread> starts;
  for (int i = 0; i < 3; ++i)
    starts.emplace_back([&] {
      TensorSource tensors = parameters->source();
      tensors.identity = "one";
      EXPECT_TRUE(loadProgram(compiled, tensors, {1, {folder.string()}}).ok());
    });
  for (std::thread &start : starts) start.join();
  EXPECT_EQ(files().size(), 1u);
  EXPECT_TRUE(run().cached);
}

TEST_F(WeightCache, aFolderThatCannotBeMadeIsNoReasonToFail) {
  std::ofstream(folder) << "a file";
  EXPECT_FALSE(run().cached);
  fs::remove(folder);
}
}  // namespace
