#include "compiler/pipelines/passes.h"

#include "compiler/memory/Passes.h"
#include "compiler/transforms/autodiff/Passes.h"
#include "compiler/transforms/fusion/Passes.h"
#include "compiler/transforms/precision/Passes.h"
#include "compiler/transforms/prepare/Passes.h"
#include "compiler/transforms/quantization/Passes.h"
#include "compiler/transforms/sharding/Passes.h"
#include "compiler/transforms/simplify/Passes.h"
#include "compiler/transforms/training/Passes.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"

namespace llc::compiler {

void addPhase(mlir::OpPassManager &passes, Phase phase) {
  switch (phase) {
    case Phase::differentiated:
      passes.addPass(createNarrowProducts({.computedOnly = true}));
      passes.addPass(createDifferentiate());
      passes.addPass(createJoinGradients());
      passes.addPass(createNarrowProducts());
      passes.addPass(createComposeStep());
      return;
    case Phase::sharded:
      passes.addPass(createShard());
      return;
    case Phase::quantized:
      passes.addPass(createQuantize());
      return;
    case Phase::fused:
      passes.addPass(createSimplify());
      passes.addPass(createPackWeights());
      passes.addPass(createDecompose());
      passes.addPass(createSimplify());
      passes.addPass(createFuseGates());
      passes.addPass(createFuseHeads());
      passes.addPass(createFuseEpilogues());
      passes.addPass(createFuseRows());
      passes.addPass(createFuseCasts());
      return;
    case Phase::scheduled:
      passes.addPass(createOrderStages());
      passes.addPass(createPlanMemory());
      return;
    case Phase::traced:
    case Phase::vector:
    case Phase::llvm:
    case Phase::object:
      return;
  }
}

void registerPasses() {
  registerAutodiffPasses();
  registerTrainingPasses();
  registerPrecisionPasses();
  registerShardingPasses();
  registerQuantizationPasses();
  registerSimplifyPasses();
  registerPreparePasses();
  registerFusionPasses();
  registerMemoryPasses();
  mlir::registerCanonicalizerPass();
  mlir::registerCSEPass();
  mlir::registerSymbolDCEPass();
  static std::vector<std::unique_ptr<mlir::PassPipelineRegistration<>>> phases;
  if (!phases.empty()) return;
  for (Phase phase : {Phase::differentiated, Phase::sharded, Phase::quantized, Phase::fused, Phase::scheduled})
    phases.push_back(std::make_unique<mlir::PassPipelineRegistration<>>(
        "llm-to-" + std::string(phaseName(phase)), "the passes of the phase '" + std::string(phaseName(phase)) + "'",
        [phase](mlir::OpPassManager &passes) { addPhase(passes, phase); }));
}

}  // namespace llc::compiler
