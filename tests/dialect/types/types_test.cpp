// Types and encodings: text and bytecode round trips.
#include <gtest/gtest.h>

#include "mlir/Bytecode/BytecodeWriter.h"
#include "tests/dialect/ops/support.h"

namespace llc::llm::test {
namespace {

const char *const text = R"(func.func private @f(tensor<64x8xbf16, #llm.panel>, !llm.kv<4, 64, 32, bf16>, !llm.batch))";

TEST(Types, RoundTripThroughText) {
  Workbench bench;
  auto module = bench.parse(text);
  ASSERT_TRUE(module) << bench.takeMessages();
  std::string printed;
  llvm::raw_string_ostream stream(printed);
  module->print(stream);
  EXPECT_NE(printed.find("tensor<64x8xbf16, #llm.panel>, !llm.kv<4, 64, 32, bf16>, !llm.batch"), std::string::npos)
      << printed;
}

TEST(Types, RoundTripThroughBytecode) {
  Workbench bench;
  auto module = bench.parse(text);
  ASSERT_TRUE(module) << bench.takeMessages();
  std::string bytes;
  llvm::raw_string_ostream stream(bytes);
  ASSERT_TRUE(mlir::succeeded(mlir::writeBytecodeToFile(*module, stream)));
  auto again = bench.parse(bytes);
  ASSERT_TRUE(again) << bench.takeMessages();
  auto function = again->lookupSymbol<mlir::func::FuncOp>("f");
  EXPECT_TRUE(isPacked(function.getArgumentTypes()[0]));
  auto cache = mlir::cast<KvType>(function.getArgumentTypes()[1]);
  EXPECT_EQ(cache.getKvHeads(), 4);
  EXPECT_EQ(cache.getValueDim(), 32);
}

TEST(Types, CachesStoreFloats) {
  Workbench bench;
  EXPECT_FALSE(bench.parse("func.func private @f(!llm.kv<4, 64, 32, i32>)"));
  EXPECT_NE(bench.takeMessages().find("use f32, f16 or bf16"), std::string::npos);
}

}  // namespace
}  // namespace llc::llm::test
