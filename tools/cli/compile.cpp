// compile: from a model to an artifact, or to the IR after some phase.
#include <fmt/format.h>
#include <sys/stat.h>

#include <charconv>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "compiler/aot/artifact.h"
#include "compiler/targets/target.h"
#include "runtime/base/cpu.h"
#include "runtime/base/memory.h"
#include "runtime/serve/options.h"
#include "tools/cli/adapters.h"
#include "tools/cli/command.h"
#include "tools/cli/targets.h"
#include "tools/cli/tracing.h"
#include "tools/cli/tune.h"

namespace llc::cli {

namespace {
struct CompileFlags {
  std::string model = defaultModel, output, format = "exe", weights;
  TraceOptions trace;
  std::vector<std::string> targets;
  std::string startAt, stopAfter, dumpDirectory, tune;
  bool json = false, timePhases = false, explainFusion = false, deterministic = false;
};

void declareCompile(CLI::App &app, CompileFlags &o) {
  app.add_option("MODEL", o.model, "Directory, name of a built-in model, or a file of IR (with --start-at)")->capture_default_str();
  app.add_option("-o,--output", o.output, "File (or directory of a bundle) to write");
  app.add_option("--format", o.format, "exe: a program; so: a shared library; bundle: a directory")->capture_default_str();
  app.add_flag("--json", o.json, "Prints sizes and times as one JSON object");
  addAdapterFlag(app, o.trace.adapters);
  app.get_option("--adapter")->group("Compilation");
  app.add_option("--dtype", o.trace.dtype, "Element type of weight matrices: f32, f16, bf16 (default: as stored)")->group("Compilation");
  addCacheTypeFlag(app, o.trace.cacheDtype);
  addActivationsFlag(app, o.trace.activations);
  app.add_option("--max-context", o.trace.maxContext, "Tokens of the longest sequence; 0: what the model was made for, up to 4096")
      ->capture_default_str()->check(wholeNumber())->group("Compilation");
  addTargetFlag(app, o.targets);
  addDeterministicFlag(app, o.deterministic);
  app.add_flag("--tune{120}", o.tune,
               "First searches the tiles and prefetch distances that run fastest here (llc-model tune), in so many seconds")
      ->type_name("[=SECONDS]")->group("Compilation");
  constexpr const char *phases = "Phases: traced differentiated sharded quantized fused scheduled vector llvm object";
  app.add_option("--stop-after", o.stopAfter, "Prints the IR after this phase (to --output, if given)")->group(phases);
  app.add_option("--start-at", o.startAt, "The phase in which the file MODEL is")->group(phases);
  app.add_option("--weights", o.weights, "With --start-at: the model directory that weights and tokenizer come from")->group(phases);
  app.add_option("--dump-ir", o.dumpDirectory, "Directory that gets one file of IR per phase")->group(phases);
  app.add_flag("--explain-fusion", o.explainFusion,
               "Says of every two neighbouring ops whether they became one stage, and why; alone, nothing is written")->group(phases);
  app.add_flag("--time-phases", o.timePhases, "Prints what each phase took, on the standard error output")->group(phases);
}

// The report is all that is wanted.
bool explainsOnly(const CompileFlags &o) { return o.explainFusion && o.output.empty() && o.stopAfter.empty(); }

Result<compiler::CompileOptions> compileOptions(const CompileFlags &o) {
  compiler::CompileOptions options;
  options.targets = targetsOrAll(o.targets, FactorTypes());
  options.dumpDirectory = o.dumpDirectory;
  options.timePhases = o.timePhases;
  options.deterministic = o.deterministic;
  options.explainFusion = o.explainFusion;
  if (!o.startAt.empty()) {
    LLC_ASSIGN(options.startAt, compiler::parsePhase(o.startAt));
  }
  if (!o.stopAfter.empty()) {
    LLC_ASSIGN(options.stopAfter, compiler::parsePhase(o.stopAfter));
  } else if (explainsOnly(o)) {
    options.stopAfter = std::max(compiler::Phase::scheduled, options.startAt);
  }
  if (options.startAt <= options.stopAfter) return options;
  return diagnose(ErrorKind::invalidInput, "--stop-after").says(o.stopAfter + " comes before " + o.startAt).toFix("name a later phase");
}

// What an artifact is made of.
struct Input {
  TracedModel traced;
  std::unique_ptr<Tokenizer> tokenizer;
  std::string directory;
};
Result<Input> readInput(const CompileFlags &o, Progress &progress) {
  Input input;
  LLC_ASSIGN(ModelPlace place, findModelDirectory(o.startAt.empty() ? o.model : o.weights, "compiling"));
  input.directory = place.path;
  LLC_ASSIGN(input.traced, traceDirectory(place, o.trace, progress));
  LLC_ASSIGN(input.tokenizer, tokenizerIn(place.path, input.traced.source->model.vocabulary));
  noteVocabulary(input.tokenizer.get(), input.traced.source->model.vocabulary, progress);
  return input;
}

Status checkRequest(const CompileFlags &o, const compiler::CompileOptions &options) {
  bool wantsObject = options.stopAfter == compiler::Phase::object;
  auto refuse = [](const char *where, std::string_view what, std::string_view remedy) {
    return diagnose(ErrorKind::invalidInput, where).says(what).toFix(remedy);
  };
  if (!o.tune.empty() && (!wantsObject || !o.startAt.empty()))
    return refuse("--tune", "is for compiling a model as a whole", "leave out --start-at and --stop-after");
  if (wantsObject && o.output.empty()) return refuse("--output", "nothing says where the artifact goes", "add -o FILE");
  if (auto kind = compiler::parseArtifactKind(o.format); !kind.ok()) return std::move(kind.error());
  std::string folder = std::filesystem::path(o.output).parent_path().string();
  if (std::error_code ignored; !folder.empty() && !std::filesystem::is_directory(folder, ignored))
    return refuse("--output", "there is no folder " + folder, "mkdir -p " + folder);
  if (!o.startAt.empty() && !o.trace.adapters.empty())
    return refuse("--adapter", "a file of IR reads its adapters already, or none",
                  "leave it out, or compile from the model directory");
  if (!o.startAt.empty() && !o.trace.cacheDtype.empty())
    return refuse("--cache-dtype", "a file of IR says it already", "leave it out, or compile from the model directory");
  if (!o.startAt.empty() && o.trace.activations != "auto")
    return refuse("--activations", "a file of IR says it already", "leave it out, or compile from the model directory");
  if (o.deterministic && options.startAt >= compiler::Phase::vector)
    return refuse("--deterministic", "kernels were chosen before this phase", "compile from an earlier one");
  if (o.startAt.empty() && !o.weights.empty())
    return refuse("--weights", "is for files of IR (--start-at)", "leave it out: weights come from MODEL");
  if (o.explainFusion && (options.stopAfter < compiler::Phase::fused || options.startAt > compiler::Phase::scheduled))
    return refuse("--explain-fusion", "ops are fused in the phase 'fused', which is not among the phases asked for",
                  "start before vector and stop after quantized");
  if (o.explainFusion && !o.stopAfter.empty() && o.output.empty())
    return refuse("--explain-fusion", "the IR of --stop-after and the report can't share the standard output", "add -o FILE for the IR");
  if (!o.startAt.empty() && wantsObject && o.weights.empty())
    return refuse("--weights", "a file of IR holds no weights", "name the model directory, or stop earlier with --stop-after");
  return success();
}

Result<compiler::CompiledModule> compileInput(const CompileFlags &o, const compiler::CompileOptions &options,
                                              const Input *input, Progress &progress) {
  progress.step("compiling " + o.model);
  if (o.startAt.empty()) {
    mlir::OwningOpRef<mlir::ModuleOp> copy = input->traced.module.get().clone();  // the caller may compile it once more
    return compiler::compile(*copy, options);
  }
  LLC_ASSIGN(std::string text, readTextFile(o.model));
  return compiler::compileText(text, o.model, options);
}

Status writeText(const std::string &path, std::string_view text) {
  if (path.empty()) return fwrite(text.data(), 1, text.size(), stdout), fflush(stdout), success();
  return writeFile(path, text);
}

uint64_t bytesOf(const std::string &path) {
  struct stat status;
  return stat(path.c_str(), &status) == 0 ? uint64_t(status.st_size) : 0;
}

Status writeResult(const CompileFlags &o, const compiler::CompileOptions &options, compiler::CompiledModule &module,
                   const Input &input, Progress &progress) {
  compiler::ArtifactOptions artifact;
  std::optional<compiler::CompiledModule> preparer;
  LLC_ASSIGN(bool here, runsHere(options.targets));
  if (!here) {
    compiler::CompileOptions native = options;
    native.targets = {"native"};
    native.dumpDirectory.clear();
    LLC_ASSIGN(preparer, compileInput(o, native, &input, progress));
    artifact.preparer = &*preparer;
  }
  artifact.path = o.output;
  LLC_ASSIGN(artifact.kind, compiler::parseArtifactKind(o.format));
  completeManifest(module.manifest, input.traced, input.tokenizer.get());
  if (input.tokenizer) {
    LLC_ASSIGN(auto files, Tokenizer::readFiles(input.directory));
    artifact.files.assign(files.begin(), files.end());
  }
  progress.step("writing " + o.output, int64_t(module.manifest.parameters.size()));
  return compiler::writeArtifact(module, tensorsOf(*input.traced.source, &progress), artifact);
}

// --tune: the target of this machine's level gets what the search finds.
Status tuneTargets(const CompileFlags &o, compiler::CompileOptions &options, const TracedModel &traced,
                   Progress &progress) {
  TuneOptions tune;
  auto [end, problem] = std::from_chars(o.tune.data(), o.tune.data() + o.tune.size(), tune.seconds);
  if (problem != std::errc() || end != o.tune.data() + o.tune.size() || tune.seconds < 1)
    return diagnose(ErrorKind::invalidInput, "--tune").says("'" + o.tune + "' is no number of seconds").toFix("use --tune=120");
  LLC_ASSIGN(Target host, detectHost());
  for (std::string &name : options.targets) {
    LLC_ASSIGN(Target target, findTarget(name));
    if (target.level != host.level) continue;
    LLC_ASSIGN(TunedModel tuned, tuneModel(traced, tune, progress));
    if (!tuned.result.tuning.empty()) name = target.name + ":" + tuningText(tuned.result.tuning);
    progress.info(tuningSummary(tuned.result));
    return success();
  }
  return diagnose(ErrorKind::invalidInput, "--tune")
      .says("code for this machine's level (" + host.name + ") is not asked for, so nothing can be measured")
      .toFix("add it to --target-cpu, or leave --tune out");
}

void reportResult(const CompileFlags &o, const compiler::CompiledModule &module, double seconds) {
  bool bundle = o.format == "bundle";
  uint64_t bytes = bundle ? bytesOf(o.output + "/code.so") + bytesOf(o.output + "/payload.bin") : bytesOf(o.output);
  if (o.json) {
    nlohmann::json json = {{"output", o.output},
                           {"format", o.format},
                           {"bytes", bytes},
                           {"seconds", seconds},
                           {"levels", module.manifest.levels},
                           {"max_context", module.manifest.maxContext},
                           {"made_with", module.manifest.versions}};
    for (auto &[phase, took] : module.phaseSeconds) json["phase_seconds"][phase] = took;
    if (o.explainFusion) json["fusion"] = module.fusion;
    fmt::print("{}\n", json.dump());
  } else {
    fmt::print(stderr, "{}: {}, {} ({:.1f} s)\n", o.output, humanBytes(bytes), fmt::join(module.manifest.levels, ", "), seconds);
  }
}

void printFusion(const CompileFlags &o, const compiler::CompiledModule &module) {
  if (o.json)
    fmt::print("{}\n", nlohmann::json{{"fusion", module.fusion}}.dump());
  else
    fmt::print("{}", module.fusionReport);
}

Status runCompile(Context &context, CLI::App &, CompileFlags &o) {
  if (o.targets == std::vector<std::string>{"help"}) return writeText("", describeTargets());
  Progress progress(context.quiet);
  LLC_ASSIGN(compiler::CompileOptions options, compileOptions(o));
  bool wantsObject = options.stopAfter == compiler::Phase::object;
  LLC_TRY(checkRequest(o, options));
  std::optional<Input> input;
  if (wantsObject || o.startAt.empty()) {
    LLC_ASSIGN(input, readInput(o, progress));
  }
  if (input) options.targets = targetsOrAll(o.targets, {input->traced.activations, input->traced.dtype});
  if (!o.tune.empty()) LLC_TRY(tuneTargets(o, options, input->traced, progress));
  LLC_ASSIGN(compiler::CompiledModule module, compileInput(o, options, input ? &*input : nullptr, progress));
  progress.finish();
  if (o.timePhases && !o.json)
    for (auto &[phase, seconds] : module.phaseSeconds) fmt::print(stderr, "{:>16} {:8.3f} s\n", phase, seconds);
  if (o.explainFusion && !(o.json && wantsObject)) printFusion(o, module);
  if (explainsOnly(o)) return success();
  if (!wantsObject) return writeText(o.output, module.text);
  LLC_TRY(writeResult(o, options, module, *input, progress));
  progress.finish();
  if (o.json || !context.quiet) reportResult(o, module, context.secondsSinceStart());
  return success();
}
}  // namespace

void addCompile(Context &context) {
  addCommand<CompileFlags>(context, "compile", "Makes a native program (or library) of a model", declareCompile,
                           runCompile);
}

}  // namespace llc::cli
