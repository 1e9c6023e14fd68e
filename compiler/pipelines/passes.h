// All passes of the compiler, for llc-opt and the tests, and the pipeline of each phase.
#pragma once
#include "compiler/pipelines/pipeline.h"
#include "mlir/Pass/PassManager.h"

namespace llc::compiler {

// Makes every pass known by its flag, and every phase of the tensor form by "llm-to-PHASE".
void registerPasses();
// Adds the passes that lead from the phase before to `phase`; nothing for phases after `scheduled`, which are no
// passes.
void addPhase(mlir::OpPassManager &, Phase phase);

}  // namespace llc::compiler
