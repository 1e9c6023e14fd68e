// verify must name what is wrong: here ops are broken on purpose.
#include "tools/cli/verification.h"

#include <gtest/gtest.h>

#include "compiler/pipelines/pipeline.h"
#include "dialect/ops/llm.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace llc::cli {
namespace {
using Break = void (*)(mlir::ModuleOp);

// A sum instead of the product that gates the MLP, wherever it is: in the block's function, inlined, in a fused stage.
void breakGate(mlir::ModuleOp module) {
  llvm::SmallVector<llm::MulOp> gates;
  module.walk([&](llm::MulOp op) { gates.push_back(op); });
  for (llm::MulOp gate : gates) {
    mlir::OpBuilder builder(gate);
    auto sum = builder.create<llm::AddOp>(gate.getLoc(), gate->getResultTypes(), gate->getOperands(), gate->getAttrs());
    gate->replaceAllUsesWith(sum);
    gate.erase();
  }
}

// The rotation of all layers, by other angles.
void breakRotation(mlir::ModuleOp module) {
  module.walk([](llm::RotaryTableOp table) {
    auto frequencies = table->getOperand(1).getDefiningOp();
    auto old = frequencies->getAttrOfType<mlir::DenseFPElementsAttr>("value");
    frequencies->setAttr("value", mlir::DenseElementsAttr::get(mlir::cast<mlir::ShapedType>(old.getType()), 0.5f));
  });
}

class Verify : public testing::Test {
 protected:
  Trace trace = [this] {
    return traceDirectory({ModelKind::directory, LLC_SOURCE_DIR "/tests/golden/architectures/llama", "llama"}, {},
                          progress);
  };
  Progress progress{/*quiet=*/true};
  std::vector<VerifiedPhase> phases = verifiedPhases(1);

  // The phase, in a compiler that breaks the program before that phase begins.
  VerifiedPhase broken(const char *name, Break how) {
    auto phase =
        std::find_if(phases.begin(), phases.end(), [&](const VerifiedPhase &known) { return known.name == name; });
    return {name, [rows = phase->rows, how](mlir::ModuleOp module, const huggingface::ModelSource &source,
                                            const Chunks &chunks) {
              how(module);
              return rows(module, source, chunks);
            }};
  }
};

TEST_F(Verify, FindsNothingInWhatIsRight) {
  auto found = verifyPhases(trace, phases, 1e-4, progress);
  ASSERT_TRUE(found.ok()) << found.error().text();
  EXPECT_EQ(found->checks.size(), 6u);
  for (const PhaseCheck &check : found->checks) EXPECT_TRUE(check.ok) << check.phase;
  EXPECT_FALSE(found->wrongOp);
}

TEST_F(Verify, NamesTheOpThatAnInterpretedPhaseBreaks) {
  // After the phase's own passes: the op is inside a fused stage.
  VerifiedPhase fused{"fused", [](mlir::ModuleOp module, const huggingface::ModelSource &source, const Chunks &chunks) {
                        compiler::CompileOptions options;
                        options.stopAfter = compiler::Phase::fused;
                        auto done = compiler::compile(module, options);
                        EXPECT_TRUE(done.ok());
                        breakGate(module);
                        return interpretChunks(module, source, chunks);
                      }};
  auto found = verifyPhases(trace, {phases.front(), fused, phases.back()}, 1e-4, progress);
  ASSERT_TRUE(found.ok()) << found.error().text();
  ASSERT_EQ(found->checks.size(), 3u);
  EXPECT_TRUE(found->checks[0].ok);
  EXPECT_FALSE(found->checks[1].ok);
  EXPECT_TRUE(found->checks[2].ok);
  ASSERT_TRUE(found->wrongOp);
  EXPECT_EQ(found->wrongOp->phase, "fused");
  EXPECT_EQ(found->wrongOp->op, "llm.mul : tensor<?x24xf32>");
  EXPECT_EQ(found->wrongOp->name, "model.layers.0.mlp");
  EXPECT_GT(found->wrongOp->off.relative, 1e-4);
}

TEST_F(Verify, BlamesTheFirstPhaseThatDiffers) {
  auto found = verifyPhases(trace, {broken("quantized", breakRotation), broken("object", breakGate)}, 1e-4, progress);
  ASSERT_TRUE(found.ok()) << found.error().text();
  EXPECT_FALSE(found->checks[0].ok || found->checks[1].ok);
  ASSERT_TRUE(found->wrongOp);
  EXPECT_EQ(found->wrongOp->phase, "quantized");
  EXPECT_EQ(found->wrongOp->op, "llm.rotary_table : tensor<?x2xf32>");
}

TEST_F(Verify, NamesTheOpThatCompiledCodeGetsWrong) {
  auto found = firstWrongOp(trace, broken("object", breakGate), 1e-4);
  ASSERT_TRUE(found.ok()) << found.error().text();
  ASSERT_TRUE(*found);
  EXPECT_EQ((*found)->phase, "object");
  EXPECT_EQ((*found)->op, "llm.mul : tensor<?x24xf32>");
}

TEST(Distance, IsInfiniteForWhatCannotBeCompared) {
  EXPECT_EQ(distance(std::vector<double>{1, 2}, std::vector<double>{1}).relative, INFINITY);
  EXPECT_EQ(distance(std::vector<double>{1, 2}, std::vector<double>{1, NAN}).relative, INFINITY);
  EXPECT_EQ(distance(std::vector<double>{1, -2}, std::vector<double>{1.5, -2}).relative, 0.25);
}

}  // namespace
}  // namespace llc::cli
