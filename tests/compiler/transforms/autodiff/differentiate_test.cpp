// Gradients of a decoder of two layers against central differences, in double through the interpreter.
#include <algorithm>
#include <cmath>
#include <map>

#include "compiler/pipelines/pipeline.h"
#include "compiler/transforms/autodiff/Passes.h"
#include "dialect/ops/llm.h"
#include "dialect/reference/interpreter.h"
#include "gtest/gtest.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"

namespace llc::compiler {
namespace {
using llm::Datum;
using llm::Tensor;

// Two rows of four tokens, the first left-padded by one. The embedding is the head as well, both layers share the norm.
constexpr const char *decoder = R"(
llm.parameter @embed : tensor<7x6xf32>
llm.parameter @norm : tensor<6xf32>
llm.parameter @q0 : tensor<8x6xf32>
llm.parameter @k0 : tensor<4x6xf32>
llm.parameter @o0 : tensor<6x8xf32>
llm.parameter @b0 : tensor<6xf32>
llm.parameter @q1 : tensor<8x6xf32>
llm.parameter @k1 : tensor<4x6xf32>
llm.parameter @o1 : tensor<6x8xf32>
llm.parameter @b1 : tensor<6xf32>
llm.parameter @unread : tensor<2xf32>
func.func private @attend(%n: tensor<8x6xf32>, %seg: tensor<2x4xi32>, %wq: tensor<8x6xf32>, %wk: tensor<4x6xf32>)
    -> tensor<8x8xf32> {
  %q = llm.linear %n, %wq : (tensor<8x6xf32>, tensor<8x6xf32>) -> tensor<8x8xf32>
  %k = llm.linear %n, %wk : (tensor<8x6xf32>, tensor<4x6xf32>) -> tensor<8x4xf32>
  %q4 = llm.reshape %q : (tensor<8x8xf32>) -> tensor<2x4x2x4xf32>
  %k4 = llm.reshape %k : (tensor<8x4xf32>) -> tensor<2x4x1x4xf32>
  %a, %l = llm.attention %q4, %k4, %k4 segments %seg {scale = 0.5, soft_cap = 3.0, window = 3 : i64}
      : (tensor<2x4x2x4xf32>, tensor<2x4x1x4xf32>, tensor<2x4x1x4xf32>, tensor<2x4xi32>)
          -> (tensor<2x4x2x4xf32>, tensor<2x4x2xf32>)
  %y = llm.reshape %a : (tensor<2x4x2x4xf32>) -> tensor<8x8xf32>
  return %y : tensor<8x8xf32>
}
func.func private @layer(%x: tensor<8x6xf32>, %seg: tensor<2x4xi32>, %norm: tensor<6xf32>, %wq: tensor<8x6xf32>,
    %wk: tensor<4x6xf32>, %wo: tensor<6x8xf32>, %b: tensor<6xf32>) -> tensor<8x6xf32> {
  %two = llm.constant dense<2.0> : tensor<1xf32>
  %n = llm.rms_norm %x, %norm {eps = 1.0e-05} : (tensor<8x6xf32>, tensor<6xf32>) -> tensor<8x6xf32>
  %a = func.call @attend(%n, %seg, %wq, %wk)
      : (tensor<8x6xf32>, tensor<2x4xi32>, tensor<8x6xf32>, tensor<4x6xf32>) -> tensor<8x8xf32>
  %s = llm.silu %a : (tensor<8x8xf32>) -> tensor<8x8xf32>
  %m = llm.mul %s, %two : (tensor<8x8xf32>, tensor<1xf32>) -> tensor<8x8xf32>
  %o = llm.linear %m, %wo : (tensor<8x8xf32>, tensor<6x8xf32>) -> tensor<8x6xf32>
  %p = llm.add %o, %b : (tensor<8x6xf32>, tensor<6xf32>) -> tensor<8x6xf32>
  %y = llm.add %x, %p : (tensor<8x6xf32>, tensor<8x6xf32>) -> tensor<8x6xf32>
  return %y : tensor<8x6xf32>
}
func.func @loss(%ids: tensor<8xi32>, %seg: tensor<2x4xi32>, %labels: tensor<8xi32>) -> tensor<1xf32>
    attributes {llm.differentiate = "SAVING"} {
  %embed = llm.use @embed : tensor<7x6xf32>
  %norm = llm.use @norm : tensor<6xf32>
  %q0 = llm.use @q0 : tensor<8x6xf32>
  %k0 = llm.use @k0 : tensor<4x6xf32>
  %o0 = llm.use @o0 : tensor<6x8xf32>
  %b0 = llm.use @b0 : tensor<6xf32>
  %q1 = llm.use @q1 : tensor<8x6xf32>
  %k1 = llm.use @k1 : tensor<4x6xf32>
  %o1 = llm.use @o1 : tensor<6x8xf32>
  %b1 = llm.use @b1 : tensor<6xf32>
  %unread = llm.use @unread : tensor<2xf32>
  %x = llm.gather_rows %embed, %ids : (tensor<7x6xf32>, tensor<8xi32>) -> tensor<8x6xf32>
  %y = func.call @layer(%x, %seg, %norm, %q0, %k0, %o0, %b0) : (tensor<8x6xf32>, tensor<2x4xi32>, tensor<6xf32>,
      tensor<8x6xf32>, tensor<4x6xf32>, tensor<6x8xf32>, tensor<6xf32>) -> tensor<8x6xf32>
  %z = func.call @layer(%y, %seg, %norm, %q1, %k1, %o1, %b1) : (tensor<8x6xf32>, tensor<2x4xi32>, tensor<6xf32>,
      tensor<8x6xf32>, tensor<4x6xf32>, tensor<6x8xf32>, tensor<6xf32>) -> tensor<8x6xf32>
  %p = llm.linear_log_prob %z, %embed, %labels
      : (tensor<8x6xf32>, tensor<7x6xf32>, tensor<8xi32>) -> tensor<8xf32>
  %row = llm.reshape %p : (tensor<8xf32>) -> tensor<1x8xf32>
  %loss = llm.reduce %row {signature = "at->a", kind = "sum"} : (tensor<1x8xf32>) -> tensor<1xf32>
  return %loss : tensor<1xf32>
}
)";

class Differentiated : public ::testing::TestWithParam<const char *> {
 protected:
  void SetUp() override { load(GetParam()); }
  void load(const char *saving) {
    std::string text = decoder;
    text.replace(text.find("SAVING"), 6, saving);
    module_ = mlir::parseSourceString<mlir::ModuleOp>(text, context_.get());
    ASSERT_TRUE(module_);
    double angle = 0;
    for (auto parameter : module_->getOps<llm::ParameterOp>()) {
      auto type = mlir::cast<mlir::RankedTensorType>(parameter.getType());
      Tensor value(llm::Shape(type.getShape().begin(), type.getShape().end()));
      for (double &item : value.mutableValues()) item = std::sin(angle += 1.7);
      parameters_[parameter.getSymName().str()] = value;
    }
    mlir::PassManager passes(context_.get());
    passes.addPass(createDifferentiate());
    ASSERT_TRUE(mlir::succeeded(passes.run(*module_)));
    ASSERT_TRUE(mlir::succeeded(mlir::verify(*module_)));
  }
  std::vector<Datum> run(const char *name) {
    llm::Environment environment;
    environment.roundToType = false;
    environment.parameters = [this](llvm::StringRef name) -> Result<Tensor> { return parameters_.at(name.str()); };
    std::vector<Datum> arguments = {Tensor({8}, {0, 2, 1, 5, 6, 3, 3, 4}), Tensor({2, 4}, {0, 1, 1, 1, 1, 1, 1, 1}),
                                    Tensor({8}, {-1, 1, 5, -1, 3, 3, 4, -1})};
    auto results = llm::interpret(*module_, name, arguments, environment);
    return mlir::succeeded(results) ? *results : std::vector<Datum>();
  }
  double loss() { return run("loss").at(0).tensor.values()[0]; }
  double numerical(double &item) {
    constexpr double delta = 1e-5;
    double kept = item;
    item = kept + delta;
    double above = loss();
    item = kept - delta;
    double below = loss();
    item = kept;
    return (above - below) / (2 * delta);
  }

  std::unique_ptr<mlir::MLIRContext> context_ = makeContext();
  mlir::OwningOpRef<mlir::ModuleOp> module_;
  std::map<std::string, Tensor> parameters_;
};

TEST_P(Differentiated, AgreesWithCentralDifferences) {
  std::vector<Datum> results = run("loss_and_gradients");
  auto function = module_->lookupSymbol<mlir::func::FuncOp>("loss_and_gradients");
  ASSERT_EQ(results.size(), 1 + parameters_.size());
  EXPECT_EQ(results[0].tensor.values()[0], loss());
  for (unsigned place = 1; place < results.size(); ++place) {
    auto name = function.getResultAttrOfType<mlir::StringAttr>(place, "llm.gradient");
    ASSERT_TRUE(name);
    Tensor &parameter = parameters_.at(name.str()), &gradient = results[place].tensor;
    ASSERT_EQ(gradient.shape(), parameter.shape());
    double largest = 0;
    for (size_t i = 0; i < gradient.values().size(); ++i) {
      double &item = parameter.mutableValues()[i];
      EXPECT_NEAR(gradient.values()[i], numerical(item), 2e-8) << name.str() << " " << i;
      largest = std::max(largest, std::abs(gradient.values()[i]));
    }
    EXPECT_EQ(largest > 1e-3, name != "unread") << name.str();
  }
}

// One backward function per called function, whatever the number of calls.
TEST_P(Differentiated, FunctionsAreMadeOnce) {
  std::map<std::string, int> calls;
  module_->walk([&](mlir::func::CallOp call) { ++calls[call.getCallee().str()]; });
  int functions = 0;
  for (auto function : module_->getOps<mlir::func::FuncOp>()) functions += function.getName().contains("backward");
  if (std::string_view(GetParam()) == "keep:900") {  // the last call saves more than the first
    EXPECT_EQ(functions, 4);
    return;
  }
  EXPECT_EQ(calls["layer_backward"], 2);
  EXPECT_EQ(calls["attend_backward"], 1);
  EXPECT_EQ(functions, 2);
}

// What is saved changes no bit.
TEST_P(Differentiated, GivesTheSameBitsWhateverIsSaved) {
  std::vector<Datum> results = run("loss_and_gradients");
  load("everything_saveable");
  std::vector<Datum> others = run("loss_and_gradients");
  ASSERT_EQ(results.size(), others.size());
  for (size_t place = 0; place < results.size(); ++place)
    EXPECT_TRUE(std::ranges::equal(results[place].tensor.values(), others[place].tensor.values())) << place;
}

INSTANTIATE_TEST_SUITE_P(Savings, Differentiated,
                         ::testing::Values("everything_saveable", "nothing_saveable", "dots_saveable",
                                           "dots_with_no_batch_dims_saveable", "price:3", "keep:0", "keep:900"));

}  // namespace
}  // namespace llc::compiler
