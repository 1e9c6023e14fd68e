// The way of a module through the compiler: the only place where the order of phases is written.
//
//   traced -> differentiated -> sharded -> quantized -> fused -> scheduled -> vector -> llvm -> object
//
// Every phase name is a real stop: its result is textual IR that this compiler reads again (`startAt`). Up to and
// including `scheduled` one module serves all targets; from `vector` on there is one module per target (ISA level).
#pragma once
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/lowering/kernel_uses.h"
#include "runtime/abi/manifest.h"
#include "runtime/abi/stage_table.h"
#include "runtime/base/status.h"

namespace mlir {
class DialectRegistry;
class MLIRContext;
class ModuleOp;
template <typename>
class OwningOpRef;
}  // namespace mlir

namespace llc::compiler {

enum class Phase { traced, differentiated, sharded, quantized, fused, scheduled, vector, llvm, object };
inline constexpr Phase allPhases[] = {Phase::traced,    Phase::differentiated, Phase::sharded,
                                      Phase::quantized, Phase::fused,          Phase::scheduled,
                                      Phase::vector,    Phase::llvm,           Phase::object};
std::string_view phaseName(Phase);
// Unknown names get the nearest ones.
Result<Phase> parsePhase(std::string_view name);

struct CompileOptions {
  // What to make code for: levels or processors of one architecture (compiler/targets), or "native" (the best level
  // this machine has). The JIT takes {"native"}; an artifact for other machines takes all levels.
  std::vector<std::string> targets = {"native"};
  Phase startAt = Phase::traced;  // the phase that the given module is in already
  Phase stopAfter = Phase::object;
  std::string dumpDirectory =
      {};                      // if not empty: one file per phase, NN-phase.mlir (NN-phase.TARGET.mlir from vector on)
  bool verifyEach = false;     // verify the IR after every pass (always after every phase)
  bool timePhases = false;     // fill CompiledModule::phaseSeconds
  bool explainFusion = false;  // fill CompiledModule::fusion and fusionReport (startAt, stopAfter: see there)
  // Results of a row never depend on the other rows of its step: no code for the tile unit, which is the only part
  // whose results differ from those of fewer rows. startAt < vector.
  bool deterministic = false;
  bool profile = false;        // code that writes down when each stage runs; fills CompiledModule::stages
};

struct TargetObject {
  std::string target;    // ISA level
  std::string features;  // CPU features it needs, as the manifest lists them: "avx2,fma,f16c"
  std::string bytes;     // an ELF relocatable object
};

// How a parameter of the compiled program comes from the checkpoint: `function` (an llc_entry of the objects) reads the
// tensors `sources` (context.parameters) and writes the parameter (context.outputs[0]). An empty function: the bytes of
// the one source as they are (converted if the checkpoint has another element type).
struct PrepareStep {
  std::string function;
  std::vector<TensorSpec> sources;  // names, types and shapes as the module declares them
  int64_t arenaBytes = 0;
  std::string meaning = {};  // hash of the function's text in tensor form: equal for equal work, whatever the target
};

struct CompiledModule {
  std::vector<TargetObject> objects;  // empty if stopAfter < object
  // What the runtime needs to know, complete but for the places of weights in a file, files that travel along,
  // generation defaults and the model's name: the caller's to fill in.
  Manifest manifest;
  std::vector<PrepareStep> prepare;  // one per manifest.parameters, same order
  nlohmann::json memoryPlan;         // {"arena_bytes": ..., "functions": [{"name", "bytes", "values": [...]}]}
  std::string memoryReport;          // the same for people
  std::string text;  // the IR after `stopAfter` (all targets one after the other), for --stop-after; else empty
  std::vector<std::pair<std::string, double>> phaseSeconds;
  std::vector<StageSpec> stages;  // with CompileOptions::profile; not kept in files and caches
  std::vector<KernelUse> kernels;  // of the first target, if its code was made; not kept in files and caches
  // Which neighbouring ops became one stage, and why not the others, if asked for: transforms/fusion/explain.h. Empty
  // if stopAfter < fused or startAt > scheduled.
  nlohmann::json fusion;
  std::string fusionReport;  // the same for people
};

// Registers every dialect that a module of any phase may use.
void registerDialects(mlir::DialectRegistry &);
// A context that has all of them loaded; single-threaded (a compile uses one core).
std::unique_ptr<mlir::MLIRContext> makeContext();

// Makes a traced program round what its products with bf16 weights read (transforms/precision/Passes.td): no phase,
// since it changes what the program means.
Status roundActivations(mlir::ModuleOp);

// Compiles the module in place (it is in phase `stopAfter`, or `scheduled` if that is later, when this returns).
// Errors: a pass or verifier that refused (the diagnostics are in the message, with the model's own names).
Result<CompiledModule> compile(mlir::ModuleOp, const CompileOptions &);

// The same for a file of IR text in phase options.startAt.
Result<CompiledModule> compileText(std::string_view text, const std::string &fileName, const CompileOptions &);

}  // namespace llc::compiler
