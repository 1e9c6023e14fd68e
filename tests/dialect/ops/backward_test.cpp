// Every adjoint against central differences and against the independent gradients; a wrong adjoint must be caught.
#include "tests/dialect/ops/backward.h"

#include "tests/dialect/ops/cases.h"

namespace llc::llm::test {
namespace {

class Gradients : public Cases {
 protected:
  double objective(llvm::StringRef name, const std::vector<Datum> &arguments, const std::vector<Datum> &cotangents) {
    std::vector<Datum> results = run(*module_, name, arguments);
    double sum = 0;
    for (size_t r = 0; r < results.size(); ++r)
      for (size_t i = 0; i < results[r].tensor.values().size(); ++i)
        sum += results[r].tensor.values()[i] * cotangents[r].tensor.values()[i];
    return sum;
  }
  // Central differences of the objective with respect to one argument.
  Tensor numerical(llvm::StringRef name, std::vector<Datum> arguments, size_t which,
                   const std::vector<Datum> &cotangents) {
    constexpr double delta = 1e-5;
    Tensor gradient(arguments[which].tensor.shape());
    for (size_t i = 0; i < gradient.values().size(); ++i) {
      double &item = arguments[which].tensor.mutableValues()[i];
      double kept = item;
      item = kept + delta;
      double above = objective(name, arguments, cotangents);
      arguments[which].tensor.mutableValues()[i] = kept - delta;
      double below = objective(name, arguments, cotangents);
      arguments[which].tensor.mutableValues()[i] = kept;
      gradient.mutableValues()[i] = (above - below) / (2 * delta);
    }
    return gradient;
  }
  // The largest error of the backward function's gradients against central differences; `constants` are skipped.
  double check(mlir::func::FuncOp function, const nlohmann::json &golden) {
    std::vector<Datum> arguments = dataOf(golden["inputs"]), cotangents = dataOf(golden["cotangents"]), all = arguments;
    all.insert(all.end(), cotangents.begin(), cotangents.end());
    std::vector<Datum> gradients = run(*module_, (function.getName() + "_backward").str(), all);
    double error = gradients.empty() ? std::numeric_limits<double>::infinity() : 0;
    size_t place = 0;
    for (size_t a = 0; a < arguments.size() && !gradients.empty(); ++a) {
      if (!derive::isFloat(function.getArgumentTypes()[a])) continue;
      const nlohmann::json &expected = golden["gradients"][place];
      const Tensor &computed = gradients[place++].tensor;
      if (expected.is_null()) continue;  // held constant by the op's description
      error = std::max(error, difference(computed, datumOf(expected).tensor));
      error = std::max(error, difference(computed, numerical(function.getName(), arguments, a, cotangents)));
    }
    return error;
  }
};

TEST_F(Gradients, AgreeWithCentralDifferencesAndGoldens) {
  int checked = 0;
  for (mlir::func::FuncOp function : functions()) {
    const nlohmann::json &golden = goldens_[function.getName().str()];
    if (!golden.contains("gradients")) continue;
    ASSERT_TRUE(addBackward(function)) << function.getName().str() << ": " << bench_.takeMessages();
    EXPECT_LT(check(function, golden), 2e-8) << function.getName().str() << ": " << bench_.takeMessages();
    ++checked;
  }
  EXPECT_GT(checked, 60);
  EXPECT_TRUE(mlir::succeeded(mlir::verify(*module_))) << bench_.takeMessages();
}

// The decomposition has the same gradient: a second derivation of the same thing.
TEST_F(Gradients, OfDecompositionsAgreeToo) {
  for (mlir::func::FuncOp function : functions()) {
    const nlohmann::json &golden = goldens_[function.getName().str()];
    if (!golden.contains("gradients")) continue;
    for (mlir::Operation &op : llvm::make_early_inc_range(function.getBody().front().without_terminator())) {
      if (mlir::isa<GenericOp, ContractOp>(op) ||
          !(derive::hasProgram(&op) ||
            mlir::isa<AttentionOp, AttentionBackwardOp, ByRowsOp, LinearLogProbBackwardOp, RotaryOp>(op)))
        continue;
      mlir::OpBuilder builder(&op);
      llvm::SmallVector<mlir::Value> results;
      ASSERT_TRUE(mlir::succeeded(mlir::cast<Decomposable>(op).decompose(builder, results))) << bench_.takeMessages();
      op.replaceAllUsesWith(results);
      op.erase();
    }
    ASSERT_TRUE(mlir::succeeded(mlir::verify(function))) << function.getName().str() << ": " << bench_.takeMessages();
    nlohmann::json relaxed = golden;
    if (function.getName().starts_with("rotary") && !function.getName().starts_with("rotary_table"))
      relaxed["gradients"][1] = relaxed["gradients"][2] = nullptr;
    ASSERT_TRUE(addBackward(function)) << function.getName().str() << ": " << bench_.takeMessages();
    EXPECT_LT(check(function, relaxed), 2e-8) << function.getName().str() << ": " << bench_.takeMessages();
  }
}

// Gradients of gradients: the adjoints are differentiable in turn.
TEST_F(Gradients, SecondOrder) {
  for (const char *name :
       {"silu", "rms_norm", "softmax", "contract", "generic.conv", "div", "attention.full", "by_rows.sums"}) {
    auto function = module_->lookupSymbol<mlir::func::FuncOp>(name);
    mlir::func::FuncOp first = addBackward(function);
    ASSERT_TRUE(first) << bench_.takeMessages();
    mlir::func::FuncOp second = addBackward(first);
    ASSERT_TRUE(second) << name << ": " << bench_.takeMessages();
    const nlohmann::json &golden = goldens_[name];
    std::vector<Datum> arguments = dataOf(golden["inputs"]);
    for (Datum &cotangent : dataOf(golden["cotangents"])) arguments.push_back(cotangent);
    std::vector<Datum> directions = run(*module_, first.getName(), arguments), all = arguments;
    ASSERT_FALSE(directions.empty()) << bench_.takeMessages();
    all.insert(all.end(), directions.begin(), directions.end());
    std::vector<Datum> gradients = run(*module_, second.getName(), all);
    ASSERT_EQ(gradients.size(), arguments.size()) << name << ": " << bench_.takeMessages();
    for (size_t a = 0; a < arguments.size(); ++a)
      EXPECT_LT(difference(gradients[a].tensor, numerical(first.getName(), arguments, a, directions)), 1e-7) << name;
  }
}

// Negative control: the check reports an adjoint that is wrong in one sign or one factor.
TEST_F(Gradients, AWrongAdjointIsCaught) {
  for (const char *name : {"mul", "silu", "softmax", "linear", "generic.conv"}) {
    auto function = module_->lookupSymbol<mlir::func::FuncOp>(name);
    mlir::func::FuncOp backward = addBackward(function);
    ASSERT_TRUE(backward);
    ASSERT_LT(check(function, goldens_[name]), 2e-8);
    auto result = backward.getBody().front().getTerminator()->getOpOperands().begin();
    mlir::OpBuilder builder(backward.getBody().front().getTerminator());
    result->set(builder.create<ScaleOp>(backward.getLoc(), result->get(), llvm::APFloat(1.001)));
    EXPECT_GT(check(function, goldens_[name]), 1e-5) << name;
  }
}

TEST_F(Gradients, NotDifferentiableOpsSayWhy) {
  for (const char *name : {"paged_attention", "fused"}) {
    auto function = module_->lookupSymbol<mlir::func::FuncOp>(name);
    EXPECT_FALSE(addBackward(function));
    EXPECT_NE(bench_.takeMessages().find("is not differentiable: "), std::string::npos) << name;
  }
}

}  // namespace
}  // namespace llc::llm::test
