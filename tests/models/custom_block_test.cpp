// The example of docs/guides/custom-block.md, compiled and run.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <sstream>

#include "frontends/dsl/sugar.h"
#include "models/families/decoder.h"
#include "tests/models/interpreted_model.h"

namespace example {
// [guide]
using namespace llc::dsl;
using namespace llc::models;

// ALiBi (Press, Smith and Lewis 2022) instead of rotation: scores fall with distance, each head at its own pace.
Tensor alibiAttention(Tensor x, const DecoderTraits &traits, const LayerState &state) {
  const Attention &a = traits.attention;
  Scope scope(a.name);
  auto heads = [&](const std::string &name, int64_t count) {
    return reshape(project(x, name, count * a.headSize, a.inputBias), {dynamicSize, count, a.headSize});
  };
  std::vector<float> slopes;
  for (int64_t head = 1; head <= a.heads; ++head) slopes.push_back(std::exp2(-8.0f * float(head) / float(a.heads)));
  Kv cache =
      cache_append(state.cache, heads(a.key, a.keyValueHeads), heads(a.value, a.keyValueHeads), state.tokens.batch);
  Tensor mixed = paged_attention(heads(a.query, a.heads), cache, state.tokens.batch, state.tokens.positions,
                                 {.slopes = constant(slopes, {a.heads}), .scale = 1 / std::sqrt(double(a.headSize))});
  return project(reshape(mixed, {dynamicSize, a.heads * a.headSize}), a.output, x.size(-1), a.outputBias);
}

const std::vector<Architecture> architecturesWithAlibi = {llama({.attention = alibiAttention})};
// [guide]
}  // namespace example

namespace llc::test {
namespace fs = std::filesystem;
namespace {
std::string read(const fs::path &path) {
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

TEST(CustomBlock, ReplacesAttentionInEveryLayer) {
  fs::path folder = fs::path(LLC_SOURCE_DIR) / "tests/golden/architectures/llama";
  auto usual = InterpretedModel::open(folder),
       custom = InterpretedModel::open(folder, {}, example::architecturesWithAlibi);
  ASSERT_TRUE(usual.ok() && custom.ok());
  int rotations = 0, blocks = 0;
  (*custom)->module->walk([&](mlir::Operation *op) { rotations += op->getName().getStringRef() == "llm.rotary"; });
  (*custom)->module->walk([&](mlir::func::FuncOp function) { blocks += function.isPrivate(); });
  EXPECT_EQ(rotations, 0);
  EXPECT_EQ(blocks, 1);
  Result<llm::Tensor> before = (*usual)->run("step", {{{5, 9, 7}}}), after = (*custom)->run("step", {{{5, 9, 7}}});
  ASSERT_TRUE(before.ok() && after.ok());
  // The first token sees only itself, whatever the positions do; later ones differ.
  double first = 0, last = 0;
  for (size_t i = 0; i < 64; ++i) {
    first = std::max(first, std::abs(before->values()[i] - after->values()[i]));
    last = std::max(last, std::abs(before->values()[128 + i] - after->values()[128 + i]));
  }
  EXPECT_LT(first, 1e-5);
  EXPECT_GT(last, 1e-2);
}

TEST(CustomBlock, TheGuideShowsThisCode) {
  std::string source = read(fs::path(LLC_SOURCE_DIR) / "tests/models/custom_block_test.cpp"), mark = "// [guide]\n";
  size_t begin = source.find(mark) + mark.size();
  std::string code = source.substr(begin, source.find(mark, begin) - begin);
  EXPECT_NE(read(fs::path(LLC_SOURCE_DIR) / "docs/guides/custom-block.md").find(code), std::string::npos)
      << "to fix: paste this between ```cpp and ``` in docs/guides/custom-block.md:\n"
      << code;
}
}  // namespace
}  // namespace llc::test
