#include "compiler/pipelines/pipeline.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <future>

#include "compiler/jit/object.h"
#include "compiler/lowering/lower_program.h"
#include "compiler/memory/frames.h"
#include "compiler/pipelines/passes.h"
#include "compiler/pipelines/program_text.h"
#include "compiler/targets/tunables.h"
#include "compiler/transforms/fusion/explain.h"
#include "compiler/transforms/precision/Passes.h"
#include "dialect/ops/llm.h"
#include "mlir/IR/Verifier.h"
#include "runtime/base/output_file.h"

namespace llc::compiler {
namespace {
using namespace mlir;

constexpr const char *programAttribute = "llm.program", *targetAttribute = "llm.target";

// Collects what passes and verifiers say while it lives.
class Diagnostics {
 public:
  explicit Diagnostics(MLIRContext *context)
      : handler_(context, [this](Diagnostic &diagnostic) {
          if (diagnostic.getSeverity() != DiagnosticSeverity::Error) return;
          llvm::raw_string_ostream stream(text_);
          if (!text_.empty()) stream << "; ";
          stream << diagnostic.getLocation() << ": " << diagnostic;
          for (Diagnostic &note : diagnostic.getNotes()) stream << " (" << note << ")";
        }) {}
  Error failure(const std::string &where) const {
    return diagnose(ErrorKind::invalidInput, where)
        .says(text_.empty() ? "failed without a message" : text_)
        .toFix("see the message; --dump-ir=DIR shows the program before this phase");
  }

 private:
  std::string text_;
  ScopedDiagnosticHandler handler_;
};

std::string print(ModuleOp module) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  module.print(stream, OpPrintingFlags().enableDebugInfo());
  stream << "\n";
  return text;
}

class Compilation {
 public:
  Compilation(MLIRContext *context, const CompileOptions &options) : context_(context), options_(options) {}

  // Phases in which one module serves all targets.
  Status tensorPhases(ModuleOp module) {
    Diagnostics diagnostics(context_);
    if (failed(verify(module))) return diagnostics.failure(std::string(phaseName(options_.startAt)));
    if (options_.startAt == Phase::traced) LLC_TRY(dump(module, Phase::traced, ""));
    for (Phase phase : {Phase::differentiated, Phase::sharded, Phase::quantized, Phase::fused, Phase::scheduled}) {
      if (phase <= options_.startAt || phase > options_.stopAfter) continue;
      auto begin = std::chrono::steady_clock::now();
      PassManager passes(context_);
      passes.enableVerifier(options_.verifyEach);
      addPhase(passes, phase);
      if (failed(passes.run(module)) || failed(verify(module)))
        return diagnostics.failure(std::string(phaseName(phase)));
      timed(phase, begin);
      LLC_TRY(dump(module, phase, ""));
    }
    if (options_.explainFusion && options_.stopAfter >= Phase::fused) {
      std::vector<FusionNote> notes = explainFusion(module);
      compiled_.fusion = toJson(notes);
      compiled_.fusionReport = report(notes);
    }
    if (options_.stopAfter <= Phase::scheduled) compiled_.text = print(module);
    return success();
  }

  Status describe(ModuleOp scheduled, ProgramLayout &layout) {
    LLC_ASSIGN(layout, layoutOf(scheduled));
    LLC_ASSIGN(std::vector<FramePlan> plans, describeMemory(scheduled));
    compiled_.manifest = layout.manifest;
    compiled_.prepare = layout.prepare;
    auto functions = nlohmann::json::array();
    for (const FramePlan &plan : plans) {
      functions.push_back(toJson(plan));
      compiled_.memoryReport += report(plan);
    }
    int64_t arena = static_cast<int64_t>(layout.manifest.arenaBytes);
    compiled_.memoryPlan = {{"arena_bytes", arena}, {"functions", functions}};
    compiled_.memoryReport += fmt::format("arena: {} for {} tokens and {} wanted rows a step; it is never exceeded\n",
                                          humanBytes(arena), layout.manifest.maxTokens, layout.manifest.maxRows);
    return success();
  }

  // From scheduled to one module of code per target.
  Status codePhases(ModuleOp scheduled) {
    if (options_.stopAfter < Phase::scheduled) return success();
    ProgramLayout layout;
    LLC_TRY(describe(scheduled, layout));
    if (options_.stopAfter == Phase::scheduled) return success();
    LLC_ASSIGN(std::vector<Target> targets, findTargets(options_.targets));
    if (options_.deterministic)
      for (Target &target : targets)
        if (target.tileUnitRows) target.tileUnitRows = target.pairRows = 0;  // the code of the level avx512
    std::vector<LoweredProgram> programs;
    Diagnostics diagnostics(context_);
    for (const Target &target : targets) {
      auto begin = std::chrono::steady_clock::now();
      LLC_ASSIGN(LoweredProgram program, lowerProgram(scheduled, layout, target, options_.profile));
      if (failed(verify(*program.module))) return diagnostics.failure("vector");
      timed(Phase::vector, begin);
      compiled_.manifest.scratchBytes =
          std::max(compiled_.manifest.scratchBytes, static_cast<uint64_t>(program.scratchBytes));
      if (compiled_.stages.empty()) compiled_.stages = program.stages;
      if (compiled_.kernels.empty()) compiled_.kernels = std::move(program.uses);
      programs.push_back(std::move(program));
    }
    nameLevels(targets);
    std::vector<PendingObject> pending;
    for (size_t i = 0; i < targets.size(); ++i) {
      ModuleOp module = *programs[i].module;
      if (isPrinted()) describeCode(module, targets[i]);
      LLC_TRY(dump(module, Phase::vector, targets[i].name));
      LLC_TRY(lowerCode(module, targets[i], Phase::vector, pending));
    }
    return emitObjects(pending);
  }

  // Code of one target, ready for LLVM.
  struct PendingObject {
    Target target;
    TranslatedModule module;
  };
  // From a module of code in phase `from` to LLVM IR.
  Status lowerCode(ModuleOp module, const Target &target, Phase from, std::vector<PendingObject> &pending) {
    if (options_.stopAfter == Phase::vector) return addText(module);
    Diagnostics diagnostics(context_);
    auto begin = std::chrono::steady_clock::now();
    if (from < Phase::llvm) {
      LLC_TRY(lowerToLlvm(module));
      if (failed(verify(module))) return diagnostics.failure("llvm");
      timed(Phase::llvm, begin);
      LLC_TRY(dump(module, Phase::llvm, target.name));
    }
    if (options_.stopAfter == Phase::llvm) return addText(module);
    begin = std::chrono::steady_clock::now();
    LLC_ASSIGN(auto translated, TranslatedModule::translate(
                                    module, target, {.symbolSuffix = target.suffix(), .verify = options_.verifyEach}));
    timed(Phase::object, begin);
    pending.push_back({target, std::move(translated)});
    return success();
  }

  // The objects of all targets, in the order given; each target in a thread of its own.
  Status emitObjects(std::vector<PendingObject> &pending) {
    if (pending.empty()) return success();
    auto begin = std::chrono::steady_clock::now();
    std::vector<std::future<Result<std::vector<char>>>> running;
    for (size_t i = 1; i < pending.size(); ++i)
      running.push_back(std::async(std::launch::async, [&, i] { return pending[i].module.emit(); }));
    std::vector<Result<std::vector<char>>> emitted;
    emitted.push_back(pending[0].module.emit());
    for (auto &future : running) emitted.push_back(future.get());
    timed(Phase::object, begin);
    for (size_t i = 0; i < pending.size(); ++i) {
      LLC_ASSIGN(std::vector<char> bytes, std::move(emitted[i]));
      const Target &target = pending[i].target;
      compiled_.objects.push_back({target.name, fmt::format("{}", fmt::join(isaFeatures(target.level), ",")),
                                   std::string(bytes.begin(), bytes.end())});
    }
    return success();
  }

  // Goes on with a module of phase vector or llvm that was read from text.
  Status resumeCode(ModuleOp module) {
    auto description = module->getAttrOfType<StringAttr>(programAttribute);
    auto name = module->getAttrOfType<StringAttr>(targetAttribute);
    if (!description || !name)
      return diagnose(ErrorKind::invalidInput, std::string(phaseName(options_.startAt)))
          .says("the module lacks the attributes llm.program and llm.target")
          .toFix("give a file that --dump-ir or --stop-after wrote for this phase");
    LLC_ASSIGN(Target target, findTarget(name.str()));
    auto json = nlohmann::json::parse(description.str(), nullptr, /*allow_exceptions=*/false);
    LLC_ASSIGN(CompiledModule parsed, parseProgram(json, "llm.program"));
    if (compiled_.objects.empty() && compiled_.text.empty()) compiled_ = std::move(parsed);
    std::vector<PendingObject> pending;
    LLC_TRY(lowerCode(module, target, options_.startAt, pending));
    return emitObjects(pending);
  }

  CompiledModule take() { return std::move(compiled_); }

 private:
  void nameLevels(const std::vector<Target> &targets) {
    for (auto target = targets.rbegin(); target != targets.rend(); ++target)
      compiled_.manifest.levels.push_back(target->name);
    for (const Target &target : targets)
      if (std::string text = tuningText(tuningOf(target)); !text.empty())
        compiled_.manifest.versions["tuning of " + target.name] = text;
  }
  // Somebody may go on from the text of a module of code: what else the program is must be in it.
  bool isPrinted() const { return options_.stopAfter < Phase::object || !options_.dumpDirectory.empty(); }
  void describeCode(ModuleOp module, const Target &target) {
    Builder builder(context_);
    module->setAttr(programAttribute, builder.getStringAttr(describeProgram(compiled_).dump()));
    module->setAttr(targetAttribute, builder.getStringAttr(target.key()));
  }
  Status addText(ModuleOp module) {
    if (!compiled_.text.empty()) compiled_.text += "// -----\n";
    compiled_.text += print(module);
    return success();
  }
  void timed(Phase phase, std::chrono::steady_clock::time_point begin) {
    double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    if (!options_.timePhases) return;
    auto &all = compiled_.phaseSeconds;  // phases of several targets add up
    auto known = llvm::find_if(all, [&](const auto &entry) { return entry.first == phaseName(phase); });
    if (known == all.end())
      all.emplace_back(phaseName(phase), seconds);
    else
      known->second += seconds;
  }
  Status dump(ModuleOp module, Phase phase, const std::string &target) {
    if (options_.dumpDirectory.empty()) return success();
    std::error_code error;
    std::filesystem::create_directories(options_.dumpDirectory, error);
    std::string path = fmt::format("{}/{:02}-{}{}{}.mlir", options_.dumpDirectory, static_cast<int>(phase),
                                   phaseName(phase), target.empty() ? "" : ".", target);
    return writeFile(path, print(module));
  }

  MLIRContext *context_;
  const CompileOptions &options_;
  CompiledModule compiled_;
};

Status checkOrder(const CompileOptions &options) {
  if (options.stopAfter >= options.startAt && options.startAt < Phase::object) return success();
  return diagnose(ErrorKind::invalidInput, "--stop-after=" + std::string(phaseName(options.stopAfter)))
      .says("comes before --start-at=" + std::string(phaseName(options.startAt)) + ", or there is nothing left to do")
      .toFix("start at an earlier phase or stop at a later one");
}
}  // namespace

void registerDialects(DialectRegistry &registry) {
  llm::registerDialect(registry);
  registerCodeDialects(registry);
}

std::unique_ptr<MLIRContext> makeContext() {
  DialectRegistry registry;
  registerDialects(registry);
  auto context = std::make_unique<MLIRContext>(registry, MLIRContext::Threading::DISABLED);
  context->loadAllAvailableDialects();
  return context;
}

Status roundActivations(ModuleOp module) {
  Diagnostics diagnostics(module.getContext());
  PassManager passes(module.getContext());
  passes.addPass(createRoundActivations());
  if (failed(passes.run(module))) return diagnostics.failure("rounding activations");
  return success();
}

Result<CompiledModule> compile(ModuleOp module, const CompileOptions &options) {
  LLC_TRY(checkOrder(options));
  Compilation compilation(module.getContext(), options);
  if (options.startAt >= Phase::vector) {
    LLC_TRY(compilation.resumeCode(module));
    return compilation.take();
  }
  LLC_TRY(compilation.tensorPhases(module));
  LLC_TRY(compilation.codePhases(module));
  return compilation.take();
}

Result<CompiledModule> compileText(std::string_view text, const std::string &fileName, const CompileOptions &options) {
  LLC_TRY(checkOrder(options));
  auto context = makeContext();
  Compilation compilation(context.get(), options);
  llvm::SmallVector<StringRef> parts;
  StringRef(text.data(), text.size()).split(parts, "// -----\n");
  for (StringRef part : parts) {
    Diagnostics diagnostics(context.get());
    OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(part, ParserConfig(context.get()), fileName);
    if (!module) return diagnostics.failure(fileName);
    if (options.startAt >= Phase::vector) {
      LLC_TRY(compilation.resumeCode(*module));
      continue;
    }
    if (parts.size() > 1)
      return diagnose(ErrorKind::invalidInput, fileName)
          .says("holds several modules")
          .toFix("give one module: only phases from vector on have one per target");
    LLC_TRY(compilation.tensorPhases(*module));
    LLC_TRY(compilation.codePhases(*module));
  }
  return compilation.take();
}

}  // namespace llc::compiler
