// The code cache: hits give the same program, damage and concurrency do no harm, the size stays limited.
#include <filesystem>
#include <fstream>

#include "../pipelines/program_harness.h"

using namespace llc;
using namespace llc::compiler;
using namespace llc::compiler::testing_support;
namespace fs = std::filesystem;

namespace {
constexpr const char *program = R"(
module attributes {llm.model = "one op", llm.max_tokens = 8 : i64, llm.max_rows = 4 : i64, llm.max_context = 8 : i64,
                   llm.vocabulary = 4 : i64, llm.hidden = 4 : i64, llm.layers = 1 : i64} {
  func.func @step(%x: tensor<?x4xf32> {llm.dim = "tokens"}) -> tensor<?x4xf32> {
    %y = llm.FUNCTION %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
    return %y : tensor<?x4xf32>
  }
})";

class CodeCache : public testing::Test {
 protected:
  void SetUp() override { folder = fs::temp_directory_path() / ("llc-cache-test-" + std::to_string(getpid())); }
  void TearDown() override { fs::remove_all(folder); }
  Result<CachedCompile> run(const std::string &function, int64_t limit = 64 << 20) {
    std::string text = program;
    text.replace(text.find("FUNCTION"), 8, function);
    auto context = makeContext();
    auto module = mlir::parseSourceString<mlir::ModuleOp>(text, context.get());
    return compileCached(*module, {}, {folder.string(), limit});
  }
  std::vector<fs::path> files() const {
    std::vector<fs::path> found;
    for (const auto &item : fs::directory_iterator(folder)) found.push_back(item.path());
    return found;
  }
  fs::path folder;
};

TEST_F(CodeCache, theSecondTimeIsAHitWithTheSameCode) {
  auto first = run("silu"), second = run("silu"), other = run("tanh");
  ASSERT_TRUE(first.ok()) << first.error().text();
  ASSERT_TRUE(second.ok());
  EXPECT_FALSE(first->hit);
  EXPECT_TRUE(second->hit);
  EXPECT_FALSE(other->hit);
  ASSERT_EQ(second->module.objects.size(), 1u);
  EXPECT_EQ(first->module.objects[0].bytes, second->module.objects[0].bytes);
  EXPECT_EQ(toJson(first->module.manifest), toJson(second->module.manifest));
  EXPECT_EQ(first->module.memoryReport, second->module.memoryReport);
}

TEST_F(CodeCache, damagedFilesCountAsAbsent) {
  ASSERT_TRUE(run("silu").ok());
  fs::path file = files().front();
  for (uintmax_t size : {fs::file_size(file) - 10, uintmax_t(100), uintmax_t(0)}) {
    fs::resize_file(file, size);
    auto again = run("silu");
    ASSERT_TRUE(again.ok());
    EXPECT_FALSE(again->hit) << size;
  }
  std::fstream(file, std::ios::in | std::ios::out | std::ios::binary).seekp(2000).put('!');
  EXPECT_FALSE(run("silu")->hit);
  EXPECT_TRUE(run("silu")->hit);
}

TEST_F(CodeCache, writersAtTheSameTimeLeaveOneWholeFile) {
  std::vector<std::thread> writers;
  for (int i = 0; i < 4; ++i) writers.emplace_back([&] { EXPECT_TRUE(run("silu").ok()); });
  for (std::thread &writer : writers) writer.join();
  EXPECT_EQ(files().size(), 1u);
  EXPECT_TRUE(run("silu")->hit);
}

TEST_F(CodeCache, theOldestGoWhenTheLimitIsReached) {
  ASSERT_TRUE(run("silu").ok());
  int64_t one = int64_t(fs::file_size(files().front()));
  fs::last_write_time(files().front(), fs::file_time_type::clock::now() - std::chrono::hours(1));
  ASSERT_TRUE(run("tanh", one * 3 / 2).ok());
  EXPECT_EQ(files().size(), 1u);
  EXPECT_TRUE(run("tanh")->hit);
  EXPECT_FALSE(run("silu")->hit);
}

TEST_F(CodeCache, noneTurnsItOff) {
  auto context = makeContext();
  std::string text = program;
  text.replace(text.find("FUNCTION"), 8, "silu");
  auto module = mlir::parseSourceString<mlir::ModuleOp>(text, context.get());
  auto compiled = compileCached(*module, {}, {"none"});
  ASSERT_TRUE(compiled.ok());
  EXPECT_FALSE(fs::exists(folder));
}
}  // namespace
