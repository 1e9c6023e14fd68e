// The cheapest choice of what to save against all choices.
#include "compiler/transforms/autodiff/recomputation.h"

#include <fmt/format.h>

#include "compiler/pipelines/pipeline.h"
#include "dialect/ops/llm.h"
#include "gtest/gtest.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Parser/Parser.h"

namespace llc::compiler {
namespace {

// Eight ops on squares of different sizes; each reads one or two values before it.
std::string randomProgram(std::mt19937 &random, int ops) {
  auto below = [&](int n) { return int(random() % unsigned(n)); };
  std::string text = "func.func @f(%v0: tensor<4x4xf32>, %w: tensor<4x4xf32>) {\n";
  const char *type = "tensor<4x4xf32>";
  for (int i = 1; i <= ops; ++i) {
    int a = below(i), b = below(i);
    switch (below(3)) {
      case 0:
        text += fmt::format("  %v{} = llm.silu %v{} : ({}) -> {}\n", i, a, type, type);
        break;
      case 1:
        text += fmt::format("  %v{} = llm.linear %v{}, %w : ({}, {}) -> {}\n", i, a, type, type, type);
        break;
      default:
        text += fmt::format("  %v{} = llm.mul %v{}, %v{} : ({}, {}) -> {}\n", i, a, b, type, type, type);
    }
  }
  return text + "  return\n}\n";
}

class Choices {
 public:
  Choices(mlir::func::FuncOp function, std::vector<mlir::Value> needed, double price)
      : needed_(std::move(needed)), price_(price) {
    for (mlir::Operation &op : function.getBody().front().without_terminator()) ops_.push_back(&op);
  }
  const std::vector<mlir::Operation *> &ops() const { return ops_; }

  double cost(const llvm::DenseSet<mlir::Operation *> &again) const {
    llvm::DenseSet<mlir::Value> seen;
    std::vector<mlir::Value> open = needed_;
    double total = 0;
    while (!open.empty()) {
      mlir::Value value = open.back();
      open.pop_back();
      mlir::Operation *op = value.getDefiningOp();
      if (!op || !seen.insert(value).second) continue;
      if (again.contains(op)) {
        llm::Cost work = mlir::cast<llm::Costed>(op).cost({});
        total += std::max(work.flops, 8 * work.bytes);
        open.insert(open.end(), op->getOperands().begin(), op->getOperands().end());
      } else {
        total += price_ * 64;  // 4 x 4 floats
      }
    }
    return total;
  }
  double least() const {
    double least = 1e300;
    for (unsigned bits = 0; bits < 1u << ops_.size(); ++bits) {
      llvm::DenseSet<mlir::Operation *> again;
      for (size_t i = 0; i < ops_.size(); ++i)
        if (bits >> i & 1) again.insert(ops_[i]);
      least = std::min(least, cost(again));
    }
    return least;
  }

 private:
  std::vector<mlir::Operation *> ops_;
  std::vector<mlir::Value> needed_;
  double price_;
};

TEST(LeastRecomputation, IsTheLeastOfAllChoices) {
  std::unique_ptr<mlir::MLIRContext> context = makeContext();
  std::mt19937 random(7);
  int mixed = 0;
  for (int round = 0; round < 60; ++round) {
    auto module = mlir::parseSourceString<mlir::ModuleOp>(randomProgram(random, 8), context.get());
    ASSERT_TRUE(module);
    auto function = *module->getOps<mlir::func::FuncOp>().begin();
    std::vector<mlir::Value> needed;
    for (mlir::Operation &op : function.getBody().front().without_terminator())
      if (random() % 2) needed.push_back(op.getResult(0));
    double price = std::exp2(double(random() % 80) / 10);
    Choices choices(function, needed, price);
    llvm::DenseSet<mlir::Operation *> forward(choices.ops().begin(), choices.ops().end());
    auto again = leastRecomputation(forward, needed, price, [](mlir::Operation *) { return false; });
    EXPECT_NEAR(choices.cost(again), choices.least(), 1e-9 * choices.least()) << round;
    mixed += !again.empty() && again.size() < 8;
  }
  EXPECT_GT(mixed, 20);  // not only all or nothing
}

}  // namespace
}  // namespace llc::compiler
