// Wrong IR gets a message that says what is wrong and what to do.
#include <gtest/gtest.h>

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"
#include "tests/dialect/ops/support.h"

namespace llc::llm::test {
namespace {

std::string messageOf(const std::string &body) {
  Workbench bench;
  auto module = bench.parse(body);
  std::string message = bench.takeMessages();
  return module ? "no error" : message;
}
std::string inFunction(const std::string &arguments, const std::string &op) {
  return "func.func @f(" + arguments + ") {\n  " + op + "\n  return\n}";
}

#define EXPECT_MESSAGE(text, part)                                     \
  do {                                                                 \
    std::string message = text;                                        \
    EXPECT_NE(message.find(part), std::string::npos) << message;       \
    EXPECT_NE(message.find("to fix: "), std::string::npos) << message; \
  } while (false)

TEST(Verifier, ExtentsMustAgree) {
  EXPECT_MESSAGE(
      messageOf(inFunction("%x: tensor<?x4xf32>, %w: tensor<6x5xf32>",
                           "%y = llm.linear %x, %w : (tensor<?x4xf32>, tensor<6x5xf32>) -> tensor<?x6xf32>")),
      "index k is 4 in an earlier operand and 5 in operand 1");
}
TEST(Verifier, InferredTypesMustMatchWrittenOnes) {
  std::string message =
      messageOf(inFunction("%x: tensor<?x4xf32>", "%y = llm.silu %x : (tensor<?x4xf32>) -> tensor<?x5xf32>"));
  EXPECT_NE(message.find("incompatible with return type"), std::string::npos) << message;
  EXPECT_EQ(messageOf(inFunction("%x: tensor<?x4xf32>", "%y = llm.silu %x : (tensor<?x4xf32>) -> tensor<3x4xf32>")),
            "no error");
}
TEST(Verifier, EncodingsDoNotSurvive) {
  std::string message =
      messageOf(inFunction("%x: tensor<4x4xf32, #llm.panel>",
                           "%y = llm.silu %x : (tensor<4x4xf32, #llm.panel>) -> tensor<4x4xf32, #llm.panel>"));
  EXPECT_NE(message.find("incompatible with return type"), std::string::npos) << message;
}
TEST(Verifier, TextsAreChecked) {
  EXPECT_MESSAGE(
      messageOf(inFunction(
          "%x: tensor<4xf32>",
          "%y = llm.generic %x {signature = \"i->i\", body = \"tahn(a)\"} : (tensor<4xf32>) -> tensor<4xf32>")),
      "unknown scalar function tahn");
  EXPECT_MESSAGE(
      messageOf(inFunction("%x: tensor<4xf32>",
                           "%y = llm.generic %x {signature = \"i->\", body = \"a\"} : (tensor<4xf32>) -> tensor<f32>")),
      "index i is missing in the result");
  EXPECT_MESSAGE(messageOf(inFunction(
                     "%x: tensor<4x2xf32>",
                     "%y = llm.generic %x {signature = \"i->i\", body = \"a\"} : (tensor<4x2xf32>) -> tensor<4xf32>")),
                 "has rank 2");
  EXPECT_MESSAGE(messageOf(inFunction(
                     "%x: tensor<4xf32>",
                     "%y = llm.generic %x {signature = \"i->i\", body = \"a\"} : (tensor<4xf32>) -> tensor<5xf32>")),
                 "index i is 4 in an earlier operand and 5 in the result");
}
TEST(Verifier, Layout) {
  EXPECT_MESSAGE(
      messageOf(inFunction("%x: tensor<?x12xf32>", "%y = llm.reshape %x : (tensor<?x12xf32>) -> tensor<?x2x5xf32>")),
      "12 elements in and 10 out");
  EXPECT_MESSAGE(
      messageOf(inFunction("%x: tensor<?x12xf32>", "%y = llm.reshape %x : (tensor<?x12xf32>) -> tensor<12xf32>")),
      "dynamic dimensions");
  EXPECT_MESSAGE(
      messageOf(inFunction(
          "%x: tensor<?x6xf32>",
          "%y = llm.slice %x {dim = 1 : i64, start = 4 : i64, size = 3 : i64} : (tensor<?x6xf32>) -> tensor<?x3xf32>")),
      "is not inside the dimension's 6 elements");
  EXPECT_MESSAGE(
      messageOf(inFunction(
          "%x: tensor<?x6xf32>",
          "%y = llm.slice %x {dim = 0 : i64, start = 0 : i64, size = 3 : i64} : (tensor<?x6xf32>) -> tensor<3x6xf32>")),
      "is dynamic or beyond rank");
  EXPECT_MESSAGE(messageOf(inFunction(
                     "%x: tensor<2x6xf32>, %w: tensor<3x5xf32>",
                     "%y = llm.concat %x, %w {dim = 0 : i64} : (tensor<2x6xf32>, tensor<3x5xf32>) -> tensor<5x6xf32>")),
                 "the shapes differ beside dimension 0");
}
TEST(Verifier, LogProbabilities) {
  auto backward = [](std::string weight, std::string dy, std::string attributes) {
    return messageOf(
        inFunction("%x: tensor<3x4xf32>, %w: tensor<" + weight + ">, %t: tensor<3xi32>, %d: tensor<" + dy + ">",
                   "%y, %dx, %dw = llm.linear_log_prob_backward %x, %w, %t, %d {" + attributes +
                       "} : (tensor<3x4xf32>, tensor<" + weight + ">, tensor<3xi32>, tensor<" + dy +
                       ">) -> (tensor<3xf32>, tensor<3x4xf32>, tensor<" + weight + ">)"));
  };
  EXPECT_MESSAGE(backward("6x5xf32", "3xf32", ""), "x has 4 features, w takes 5");
  EXPECT_MESSAGE(backward("6x4xf32", "2xf32", ""), "dy is not one number for each row of x");
  EXPECT_MESSAGE(backward("6x4xf32", "3xf32", "tile_rows = -1 : i64"), "tile_rows is negative");
}
TEST(Verifier, Rows) {
  auto rows = [](std::string whole, std::string tile, std::string weight, std::string result, std::string attributes) {
    return messageOf(inFunction("%x: tensor<" + whole + ">, %w: tensor<3xf32>",
                                "%y = llm.by_rows(%x, %w) {" + attributes + "} : (tensor<" + whole +
                                    ">, tensor<3xf32>) -> tensor<" + result + "> {\n^bb0(%a: tensor<" + tile +
                                    ">, %b: tensor<" + weight + ">):\n  llm.yield %a : tensor<" + tile + ">\n}"));
  };
  const std::string plain = "row_results = 1 : i64, tiled = 1 : i64";
  EXPECT_EQ(rows("4x3xf32", "2x3xf32", "3xf32", "4x3xf32", plain), "no error");
  EXPECT_MESSAGE(rows("5x3xf32", "2x3xf32", "3xf32", "4x3xf32", plain), "which are not whole tiles");
  EXPECT_MESSAGE(rows("?x3xf32", "2x3xf32", "3xf32", "4x3xf32", plain), "which are not whole tiles");
  EXPECT_MESSAGE(rows("4x3xf32", "2x4xf32", "3xf32", "4x3xf32", plain), "which are not whole tiles");
  EXPECT_MESSAGE(rows("4x3xf32", "2x3xf32", "4xf32", "4x3xf32", plain), "has input 1 of");
  EXPECT_MESSAGE(rows("4x3xf32", "2x3xf32", "3xf32", "2x3xf32", plain), "has result 0 of");
  EXPECT_MESSAGE(rows("4x3xf32", "2x3xf32", "3xf32", "4x3xf32", "row_results = 0 : i64, tiled = 1 : i64"),
                 "has result 0 of");
  EXPECT_MESSAGE(rows("4x3xf32", "2x3xf32", "3xf32", "4x3xf32", "row_results = 1 : i64, tiled = 0 : i64"),
                 "has no input to cut");
  EXPECT_MESSAGE(rows("4x3xf32", "2x3xf32", "3xf32", "4x3xf32", "row_results = 2 : i64, tiled = 1 : i64"),
                 "has no input to cut");
}
TEST(Verifier, AttentionAndCaches) {
  EXPECT_MESSAGE(messageOf(inFunction("%q: tensor<1x3x3x4xf32>, %k: tensor<1x3x2x4xf32>",
                                      "%y, %l = llm.attention %q, %k, %k {scale = 1.0} : (tensor<1x3x3x4xf32>, "
                                      "tensor<1x3x2x4xf32>, tensor<1x3x2x4xf32>) -> (tensor<1x3x3x4xf32>, "
                                      "tensor<1x3x3xf32>)")),
                 "3 query heads are no multiple of 2 key-value heads");
  auto backward = [](std::string outer, std::string rows) {
    return messageOf(inFunction(
        "%q: tensor<1x3x2x4xf32>, %d: tensor<" + outer + ">, %l: tensor<" + rows + ">",
        "%dq, %dk, %dv = llm.attention_backward %q, %q, %q, %d, %l, %l {scale = 1.0} : (tensor<1x3x2x4xf32>, "
        "tensor<1x3x2x4xf32>, tensor<1x3x2x4xf32>, tensor<" +
            outer + ">, tensor<" + rows + ">, tensor<" + rows +
            ">) -> (tensor<1x3x2x4xf32>, tensor<1x3x2x4xf32>, tensor<1x3x2x4xf32>)"));
  };
  EXPECT_MESSAGE(backward("1x3x2x5xf32", "1x3x2xf32"), "dy is not of the shape [b,s,h,e]");
  EXPECT_MESSAGE(backward("1x3x2x4xf32", "1x2x3xf32"), "log_sum or delta is not one number per query and head");
  EXPECT_MESSAGE(
      messageOf(inFunction("%kv: !llm.kv<2, 4, 4, f32>, %k: tensor<?x2x5xf32>, %v: tensor<?x2x4xf32>, %b: !llm.batch",
                           "%n = llm.cache_append %kv, %k, %v, %b : (!llm.kv<2, 4, 4, f32>, tensor<?x2x5xf32>, "
                           "tensor<?x2x4xf32>, !llm.batch) -> !llm.kv<2, 4, 4, f32>")),
      "k is 'tensor<?x2x5xf32>'");
  EXPECT_MESSAGE(messageOf(inFunction("%kv: !llm.kv<0, 4, 4, f32>", "")), "needs positive sizes");
}
TEST(Verifier, Parameters) {
  EXPECT_MESSAGE(messageOf(inFunction("", "%w = llm.use @missing : tensor<4xf32>")),
                 "which the module does not declare");
  EXPECT_MESSAGE(messageOf("llm.parameter @w : tensor<4xf32>\n" + inFunction("", "%w = llm.use @w : tensor<5xf32>")),
                 "the parameter @w is");
  EXPECT_MESSAGE(messageOf("func.func @f(%x: tensor<?xi32> {llm.dim = \"tokns\"}) { return }"),
                 "write \"tokens\" or \"rows\"");
}
TEST(Verifier, Fused) {
  EXPECT_MESSAGE(messageOf(inFunction("%x: tensor<4xf32>",
                                      "%y = llm.fused(%x) : (tensor<4xf32>) -> tensor<4xf32> {\n^bb0(%a: "
                                      "tensor<5xf32>):\n llm.yield %a : tensor<5xf32>\n}")),
                 "region arguments of other types");
}

// ---- folders
std::string canonicalized(const std::string &text) {
  Workbench bench;
  auto module = bench.parse(text);
  if (!module) return bench.takeMessages();
  mlir::PassManager passes(&bench.context());
  passes.addPass(mlir::createCanonicalizerPass());
  passes.addPass(mlir::createInlinerPass());
  if (mlir::failed(passes.run(*module))) return "failed";
  std::string result;
  llvm::raw_string_ostream stream(result);
  module->print(stream);
  return result;
}
TEST(Folding, ReshapesAndIdentitiesVanish) {
  std::string text = canonicalized(R"(func.func @f(%x: tensor<?x12xf32>) -> tensor<?x12xf32> {
    %a = llm.reshape %x : (tensor<?x12xf32>) -> tensor<?x3x4xf32>
    %b = llm.reshape %a : (tensor<?x3x4xf32>) -> tensor<?x12xf32>
    %c = llm.generic %b {signature = "ti->ti", body = "a"} : (tensor<?x12xf32>) -> tensor<?x12xf32>
    return %c : tensor<?x12xf32> })");
  EXPECT_EQ(text.find("llm."), std::string::npos) << text;
}
TEST(Folding, CacheWritesStay) {
  std::string text = canonicalized(R"(func.func @f(%kv: !llm.kv<2, 4, 4, f32>, %k: tensor<?x2x4xf32>, %b: !llm.batch) {
    %n = llm.cache_append %kv, %k, %k, %b
        : (!llm.kv<2, 4, 4, f32>, tensor<?x2x4xf32>, tensor<?x2x4xf32>, !llm.batch) -> !llm.kv<2, 4, 4, f32>
    return })");
  EXPECT_NE(text.find("llm.cache_append"), std::string::npos) << text;
}
TEST(Folding, CallsAreInlined) {
  std::string text = canonicalized(R"(func.func private @g(%x: tensor<4xf32>) -> tensor<4xf32> {
    %y = llm.silu %x : (tensor<4xf32>) -> tensor<4xf32>
    return %y : tensor<4xf32> }
  func.func @f(%x: tensor<4xf32>) -> tensor<4xf32> {
    %y = func.call @g(%x) : (tensor<4xf32>) -> tensor<4xf32>
    return %y : tensor<4xf32> })");
  EXPECT_EQ(text.find("call @g"), std::string::npos) << text;
}

}  // namespace
}  // namespace llc::llm::test
