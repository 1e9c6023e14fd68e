// What the compiler says about its kernels: which one computes a stage, and what is copied to other layouts for it.
#include "compiler/lowering/kernel_uses.h"

#include "tests/compiler/pipelines/program_harness.h"

using namespace llc;
using namespace llc::compiler;
using namespace llc::compiler::testing_support;

namespace {
std::vector<KernelUse> usesOf(const std::string &text, const std::string &target) {
  auto compiled = compileText(text, "kernels", {.targets = {target}, .stopAfter = Phase::vector});
  EXPECT_TRUE(compiled.ok()) << compiled.error().text();
  return compiled.ok() ? std::move(compiled->kernels) : std::vector<KernelUse>();
}

// A product with a packed weight: 64 sums of 48 columns, three panels, one block of columns.
constexpr const char *served = R"(
module attributes {llm.max_tokens = 32 : i64, llm.max_rows = 8 : i64} {
  llm.parameter @w : tensor<48x64xbf16>
  func.func @step(%x: tensor<?x64xf32> {llm.dim = "tokens"}) -> tensor<?x48xf32> {
    %w = llm.use @w : tensor<48x64xbf16>
    %y = llm.linear %x, %w : (tensor<?x64xf32>, tensor<48x64xbf16>) -> tensor<?x48xf32>
    return %y : tensor<?x48xf32>
  }
}
)";
KernelUse product(const std::string &target) {
  for (const KernelUse &use : usesOf(served, target))
    if (use.function == "step") return use;
  ADD_FAILURE() << "no kernel in @step";
  return {};
}

TEST(KernelUses, theTileUnitReadsTilesOfActivations) {
  KernelUse use = product("amx");
  EXPECT_EQ(use.kernel, "matmul_64x48_bf16");
  EXPECT_EQ(use.rows, KernelUse::tokens);
  ASSERT_EQ(use.copies.size(), 1u);
  const kernels::LayoutCopy &copy = use.copies[0];
  EXPECT_EQ(copy.what, "activations");
  EXPECT_NE(copy.layout.find("tiles"), std::string::npos);
  EXPECT_FALSE(copy.isStage);
  EXPECT_EQ(copy.bytes(1), 0);                 // one row is read where it lies
  EXPECT_EQ(copy.bytes(32), 32 * 64 * 2 * 2);  // two numbers of bf16 are one activation
}

// Numbers of bf16 that a product alone reads, from a stage of their own; `more` reads them as well.
std::string rounded(const std::string &more, const std::string &types) {
  return R"-(
module attributes {llm.max_tokens = 32 : i64, llm.max_rows = 8 : i64} {
  llm.parameter @w : tensor<48x64xbf16>
  func.func @step(%x: tensor<?x64xf32> {llm.dim = "tokens"}) -> ()-" +
         types + R"-() {
    %w = llm.use @w : tensor<48x64xbf16>
    %r = llm.generic %x {signature = "ab->ab", body = "bf16(a)"} : (tensor<?x64xf32>) -> tensor<?x64xf32>
    %y = llm.linear %r, %w : (tensor<?x64xf32>, tensor<48x64xbf16>) -> tensor<?x48xf32>
    return %y)-" +
         more + " : " + types + R"-(
  }
}
)-";
}
std::vector<KernelUse> stepUses(const std::string &text, const std::string &target) {
  std::vector<KernelUse> uses = usesOf(text, target);
  std::erase_if(uses, [](const KernelUse &use) { return use.function != "step"; });
  return uses;
}
TEST(KernelUses, numbersOfBf16AreStoredAsProductsReadThem) {
  for (const char *target : {"avx512bf16", "amx"}) {
    std::vector<KernelUse> uses = stepUses(rounded("", "tensor<?x48xf32>"), target);
    ASSERT_EQ(uses.size(), 2u);
    EXPECT_TRUE(uses[0].storesBf16) << target;
    EXPECT_TRUE(uses[1].copies.empty()) << target;
  }
  EXPECT_FALSE(stepUses(rounded("", "tensor<?x48xf32>"), "avx512")[0].storesBf16);
}
TEST(KernelUses, whatACallerReadsTooStaysF32) {
  std::vector<KernelUse> uses = stepUses(rounded(", %r", "tensor<?x48xf32>, tensor<?x64xf32>"), "amx");
  ASSERT_EQ(uses.size(), 2u);
  EXPECT_FALSE(uses[0].storesBf16);
  EXPECT_EQ(uses[1].copies.size(), 1u);
}

TEST(KernelUses, vectorsReadActivationsWhereTheyLie) {
  EXPECT_TRUE(product("avx2").copies.empty());
  EXPECT_TRUE(product("neon").copies.empty());
}

TEST(KernelUses, halvesAreExpandedWhereVectorsTakeTwoOperations) {
  KernelUse use = product("znver1");
  ASSERT_EQ(use.copies.size(), 1u);
  EXPECT_EQ(use.copies[0].what, "weights");
  EXPECT_EQ(use.copies[0].bytes(1), 0);
  EXPECT_EQ(use.copies[0].bytes(32), 64 * 48 * 4);
}

// Both factors are as they came: copies of stages before, or of blocks in each chunk.
constexpr const char *dense = R"(
module attributes {llm.max_tokens = 8 : i64, llm.max_rows = 8 : i64} {
  func.func @step(%x: tensor<512x64xbf16>, %w: tensor<1024x64xbf16>) -> tensor<512x1024xf32> {
    %y = llm.linear %x, %w : (tensor<512x64xbf16>, tensor<1024x64xbf16>) -> tensor<512x1024xf32>
    return %y : tensor<512x1024xf32>
  }
}
)";
TEST(KernelUses, preparationsAreNamed) {
  std::vector<KernelUse> uses = usesOf(dense, "amx");
  ASSERT_EQ(uses.size(), 1u);
  ASSERT_EQ(uses[0].copies.size(), 2u);
  EXPECT_EQ(uses[0].copies[0].what, "first factor");
  EXPECT_EQ(uses[0].copies[1].what, "second factor");
  for (const kernels::LayoutCopy &copy : uses[0].copies) EXPECT_TRUE(copy.isStage);
  EXPECT_EQ(uses[0].copies[0].bytes(512), 512 * 64 * 2);
  EXPECT_EQ(uses[0].copies[1].bytes(512), 1024 * 64 * 2);
}
TEST(KernelUses, blocksCopyForThemselves) {
  std::vector<KernelUse> uses = usesOf(dense, "avx2");
  ASSERT_EQ(uses.size(), 1u);
  ASSERT_EQ(uses[0].copies.size(), 2u);
  for (const kernels::LayoutCopy &copy : uses[0].copies) {
    EXPECT_FALSE(copy.isStage);
    EXPECT_NE(copy.layout.find("f32"), std::string::npos);
    // Each block copies its part: all of a factor, some times.
    EXPECT_GE(copy.bytes(512), 512 * 64 * 4);
    EXPECT_EQ(copy.bytes(512) % (512 * 64 * 4), 0);
  }
}

// Queries that see half of the keys on average: of 64 queries the first block sees 1/n of the keys, the last one all.
TEST(KernelUses, attentionCopiesWhatItsMaskLeaves) {
  auto text = [](bool causal) {
    return std::string(R"(
module attributes {llm.max_tokens = 8 : i64, llm.max_rows = 8 : i64} {
  func.func @step(%q: tensor<1x256x2x16xf32>, %k: tensor<1x256x2x16xf32>) -> tensor<1x256x2x16xf32> {
    %y, %s = llm.attention %q, %k, %k {scale = 0.25)") +
           (causal ? ", causal = true" : ", causal = false") + R"(} : (tensor<1x256x2x16xf32>, tensor<1x256x2x16xf32>,
        tensor<1x256x2x16xf32>) -> (tensor<1x256x2x16xf32>, tensor<1x256x2xf32>)
    return %y : tensor<1x256x2x16xf32>
  }
}
)";
  };
  auto copied = [&](bool causal) {
    std::vector<KernelUse> uses = usesOf(text(causal), "avx2");
    EXPECT_EQ(uses.size(), 1u);
    return uses[0].copies.at(1).bytes(1);
  };
  EXPECT_LT(copied(true), copied(false));
  EXPECT_GE(2 * copied(true), copied(false));
}
}  // namespace
