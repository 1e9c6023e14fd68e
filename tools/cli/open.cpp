#include "tools/cli/open.h"

#include <future>

#include "compiler/jit/engine.h"
#include "compiler/tuning/store.h"
#include "runtime/base/clock.h"
#include "runtime/serve/options.h"
#include "runtime/threads/limits.h"
#include "runtime/train/trainer_plan.h"
#include "tools/cli/adapters.h"
#include "tools/cli/cache_flags.h"
#include "tools/cli/targets.h"
#include "tools/cli/tracing.h"

namespace llc::cli {

namespace {
// Shares are to be changed, so the program has to read them where they are.
Result<std::vector<float *>> sharesOf(const huggingface::ModelSource &source, const compiler::JitProgram &program) {
  std::vector<float *> shares;
  for (const auto &adapter : source.adapters) {
    shares.push_back(&adapter->share->value);
    for (size_t i = 0; i < program.parameters.size(); ++i) {
      const std::string &name = program.manifest.parameters[i].name;
      auto found = adapter->parameters.find(name);
      bool isShare = found != adapter->parameters.end() && found->second == &adapter->share->tensor;
      if (isShare && program.parameters[i] != shares.back())
        return diagnose(ErrorKind::internal, name).says("was copied into the program").toFix("please report this");
    }
  }
  return shares;
}

Result<OpenedModel> compileDirectory(const ModelPlace &place, const OpenOptions &options, Progress &progress) {
  OpenedModel opened;
  LLC_ASSIGN(TracedModel traced, traceDirectory(place, traceOptionsOf(options), progress));
  // Large vocabularies take some tenths of a second to read: meanwhile the rest goes on.
  auto tokenizer = std::async(std::launch::async, tokenizerIn, place.path, traced.source->model.vocabulary);
  progress.step("compiling " + place.name);
  auto begin = Clock::now();
  compiler::CacheOptions cache;
  cache.directory = options.cache;
  compiler::CompileOptions compileOptions{.deterministic = options.deterministic, .profile = options.profile};
  LLC_ASSIGN(Target host, detectHost());
  auto tuning = compiler::readTuning(compiler::tuningFile(*traced.module, host, options.tuningCache));
  if (tuning && !tuning->empty()) compileOptions.targets = {"native:" + tuningText(*tuning)};
  LLC_ASSIGN(compiler::CachedCompile compiled, compiler::compileCached(*traced.module, compileOptions, cache));
  opened.stages = std::move(compiled.module.stages);
  opened.compileSeconds = secondsSince(begin);
  progress.step("loading weights", int64_t(compiled.module.manifest.parameters.size()));
  int64_t threads = options.session.threads ? options.session.threads : threadLimits().threads;
  LLC_ASSIGN(compiler::JitProgram jit, compiler::loadProgram(compiled.module, tensorsOf(*traced.source, &progress),
                                                             {int(threads), {options.weightCache}, options.preload}));
  LLC_ASSIGN(opened.tokenizer, tokenizer.get());
  noteVocabulary(opened.tokenizer.get(), traced.source->model.vocabulary, progress);
  completeManifest(jit.manifest, traced, opened.tokenizer.get());
  if (options.adapterSharesAtRunTime) {
    LLC_ASSIGN(opened.adapterShares, sharesOf(*traced.source, jit));
  }
  // The checkpoint stays mapped as long as the program: parameters may be used where they lie in the file.
  std::shared_ptr<const void> source = std::move(traced.source);
  LLC_ASSIGN(opened.program, programOf(std::move(jit), std::move(source)));
  return opened;
}

Result<OpenedModel> loadArtifact(const ModelPlace &place, const OpenOptions &options, Progress &progress) {
  for (const auto &[flag, value] : {std::pair("--dtype", &options.dtype),
                                    {"--cache-dtype", &options.cacheDtype},
                                    {"--code-cache", &options.cache},
                                    {"--weight-cache", &options.weightCache},
                                    {"--tuning-cache", &options.tuningCache}})
    if (!value->empty())
      return diagnose(ErrorKind::invalidInput, flag)
          .says(place.path + " is compiled already")
          .toFix("leave the option out, or give the directory that it was compiled from");
  if (options.activations != "auto")
    return diagnose(ErrorKind::invalidInput, "--activations")
        .says(place.path + " is compiled already")
        .toFix("leave the option out, or compile with it");
  if (options.deterministic)
    return diagnose(ErrorKind::invalidInput, "--deterministic")
        .says(place.path + " is compiled already")
        .toFix("give the directory that it was compiled from, or compile it again with --deterministic");
  if (!options.adapters.empty())
    return diagnose(ErrorKind::invalidInput, "--adapter")
        .says(place.path + " is compiled already")
        .toFix("give the directory that it was compiled from, or compile it again with --adapter");
  progress.step("loading " + place.name);
  OpenedModel opened;
  LLC_ASSIGN(Program program, Program::open(place.path, {options.preload}));
  if (program.file(train::planFile))
    return diagnose(ErrorKind::unsupported, place.path)
        .says("is a trainer of compile-train, and generates nothing")
        .toFix("run it by itself, then give one of its checkpoints");
  opened.program = std::make_shared<Program>(std::move(program));
  if (!opened.program->manifest().files.empty()) {
    LLC_ASSIGN(opened.tokenizer, tokenizerOf(*opened.program));
  }
  return opened;
}
}  // namespace

TraceOptions traceOptionsOf(const OpenOptions &options) {
  return {options.dtype,           options.cacheDtype, options.activations,
          options.session.context, options.adapters,   options.adapterSharesAtRunTime};
}

void addOpenFlags(CLI::App &app, OpenOptions &options) {
  app.add_option("MODEL", options.model, "Directory, artifact, or name of a built-in model")->capture_default_str();
  app.add_option("--model-path", options.model, "The same as MODEL, as training has it")->excludes("MODEL");
  addAdapterFlag(app, options.adapters);
  addSessionFlags(app, options.session);
  for (const char *flag : {"--threads", "--context"}) app.get_option(flag)->group("Execution");
  app.get_option("--context")
      ->description("Tokens of the longest sequence; 0: what the model was made for, up to 4096");
  app.add_flag("--preload", options.preload, "Copies mapped weights into huge pages: faster steps, slower start")
      ->group("Execution");
  app.add_option("--dtype", options.dtype, "Element type of weight matrices: f32, f16, bf16 (default: as stored)")
      ->group("Compilation");
  addCacheTypeFlag(app, options.cacheDtype);
  addActivationsFlag(app, options.activations);
  addDeterministicFlag(app, options.deterministic);
  addCacheFlag(app, compiler::codeCache, options.cache);
  addCacheFlag(app, compiler::weightCache, options.weightCache);
  addCacheFlag(app, compiler::tuningCache, options.tuningCache);
}

Result<OpenedModel> openModel(const ModelPlace &place, const OpenOptions &options, Progress &progress) {
  bool isDirectory = place.kind == ModelKind::directory;
  LLC_ASSIGN(OpenedModel opened,
             isDirectory ? compileDirectory(place, options, progress) : loadArtifact(place, options, progress));
  LLC_ASSIGN(opened.session, Session::create(opened.program, options.session));
  progress.finish();
  progress.info(threadsAndReason(opened.program->manifest(), options.session.threads, opened.session->threads()));
  return opened;
}

}  // namespace llc::cli
