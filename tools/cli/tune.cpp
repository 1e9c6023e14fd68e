// tune: searches the tiles, block sizes and prefetch distances with which a model runs fastest on this machine.
#include "tools/cli/tune.h"

#include <fmt/format.h>

#include <atomic>
#include <csignal>
#include <nlohmann/json.hpp>

#include "compiler/jit/engine.h"
#include "runtime/base/clock.h"
#include "runtime/base/memory.h"
#include "runtime/serve/bench.h"
#include "runtime/serve/options.h"
#include "runtime/serve/session.h"
#include "runtime/threads/limits.h"
#include "tools/cli/cache_flags.h"
#include "tools/cli/command.h"

namespace llc::cli {

namespace {
std::atomic<bool> interrupted = false;
// Ctrl-C ends the search while one of these lives; a second one ends the program.
struct InterruptGuard {
  InterruptGuard() {
    interrupted = false;
    std::signal(SIGINT, [](int) {
      interrupted = true;
      std::signal(SIGINT, SIG_DFL);
    });
  }
  ~InterruptGuard() { std::signal(SIGINT, SIG_DFL); }
};

// One candidate, ready to be measured.
class Candidate {
 public:
  static Result<std::shared_ptr<Candidate>> make(compiler::JitProgram jit, std::shared_ptr<const void> code,
                                                 int64_t threads) {
    auto candidate = std::make_shared<Candidate>();
    LLC_ASSIGN(std::shared_ptr<Program> program, programOf(std::move(jit), std::move(code)));
    const Manifest &m = program->manifest();
    candidate->prompt_ = benchTokens(m, std::min({promptTokens, m.maxTokens, std::max<int64_t>(1, m.maxContext / 2)}));
    SessionOptions options;
    options.threads = threads;
    options.context = std::min<int64_t>(m.maxContext, 4 * promptTokens);
    LLC_ASSIGN(candidate->session_, Session::create(std::move(program), options));
    return candidate;
  }

  Result<compiler::StepSeconds> run(bool decode, bool prefill) {
    LLC_ASSIGN(int64_t sequence, session_->open());
    compiler::StepSeconds seconds;
    Status status = measure(sequence, decode, prefill, seconds);
    session_->close(sequence);
    LLC_TRY(std::move(status));
    return seconds;
  }

 private:
  static constexpr int64_t promptTokens = 64;
  static constexpr int steps = 6;

  Result<double> step(int64_t sequence, size_t tokens) {
    SequenceTokens batch{sequence, std::span(prompt_).first(tokens), Wanted::last};
    auto begin = Clock::now();
    LLC_ASSIGN(Rows rows, session_->step({&batch, 1}));
    (void)rows;
    return secondsSince(begin);
  }
  Status measure(int64_t sequence, bool decode, bool prefill, compiler::StepSeconds &seconds) {
    if (prefill) {
      LLC_ASSIGN(seconds.prefill, step(sequence, prompt_.size()));
    }
    for (int i = 0; decode && i < steps; ++i) {
      LLC_ASSIGN(double took, step(sequence, 1));
      seconds.decode = i == 0 ? took : std::min(seconds.decode, took);
    }
    return success();
  }

  std::unique_ptr<Session> session_;
  std::vector<int32_t> prompt_;
};

// Compiles candidates. Their weights are the same whatever the tuning, so they share those of the first one.
class CandidateMaker {
 public:
  CandidateMaker(const TracedModel &traced, const TuneOptions &options, int64_t threads)
      : traced_(traced), options_(options), threads_(threads) {}

  Result<compiler::TuningRun> make(const Tuning &tuning) {
    mlir::OwningOpRef<mlir::ModuleOp> copy = traced_.module.get().clone();
    compiler::CompileOptions compileOptions;
    compileOptions.targets = {tuning.empty() ? "native" : "native:" + tuningText(tuning)};
    LLC_ASSIGN(compiler::CompiledModule module, compiler::compile(*copy, compileOptions));
    if (!base_) {
      LLC_ASSIGN(base_, compiler::loadProgram(module, tensorsOf(*traced_.source),
                                              {int(threads_), {options_.weightCache}, false}));
    }
    LLC_ASSIGN(std::shared_ptr<compiler::LoadedCode> code, compiler::loadCode(module));
    compiler::JitProgram jit = *base_;
    jit.manifest = module.manifest;
    jit.entries.clear();
    for (const EntrySpec &entry : module.manifest.entries) jit.entries[entry.name] = code->entry(entry.name);
    LLC_ASSIGN(std::shared_ptr<Candidate> candidate, Candidate::make(std::move(jit), code, threads_));
    return compiler::TuningRun([candidate](bool decode, bool prefill) { return candidate->run(decode, prefill); });
  }

 private:
  const TracedModel &traced_;
  const TuneOptions &options_;
  int64_t threads_;
  std::optional<compiler::JitProgram> base_;
};

struct TuneFlags {
  std::string model = defaultModel;
  TraceOptions trace;
  TuneOptions tune;
  bool json = false;
};

void declareTune(CLI::App &app, TuneFlags &o) {
  app.add_option("MODEL", o.model, "Directory or name of a built-in model")->capture_default_str();
  app.add_option("--seconds", o.tune.seconds, "Time for the search; Ctrl-C ends it early, too")
      ->capture_default_str()
      ->check(wholeNumber());
  app.add_option("-t,--threads", o.tune.threads, "Threads; 0: what affinity and CPU quota allow")
      ->capture_default_str()
      ->check(CLI::Range(0, LLC_MAX_THREADS));
  app.add_option("--dtype", o.trace.dtype, "Element type of weight matrices: f32, f16, bf16 (default: as stored)")
      ->group("Compilation");
  addCacheTypeFlag(app, o.trace.cacheDtype);
  addActivationsFlag(app, o.trace.activations);
  addCacheFlag(app, compiler::weightCache, o.tune.weightCache);
  addCacheFlag(app, compiler::tuningCache, o.tune.tuningCache);
  app.add_flag("--json", o.json, "One JSON object instead of lines for people");
}

Status runTune(Context &context, CLI::App &, TuneFlags &o) {
  Progress progress(context.quiet);
  LLC_ASSIGN(ModelPlace place, findModelDirectory(o.model, "tuning"));
  LLC_ASSIGN(TracedModel traced, traceDirectory(place, o.trace, progress));
  LLC_ASSIGN(TunedModel tuned, tuneModel(traced, o.tune, progress));
  progress.finish();
  const compiler::TuningResult &result = tuned.result;
  if (o.json) {
    nlohmann::json json = {{"level", tuned.target.name},
                           {"tuning", nlohmann::json::object()},
                           {"decode_s", {result.before.decode, result.after.decode}},
                           {"prefill_s", {result.before.prefill, result.after.prefill}},
                           {"tried", result.tried},
                           {"complete", result.complete},
                           {"file", tuned.file}};
    for (auto &[name, value] : result.tuning) json["tuning"][name] = value;
    fmt::print("{}\n", json.dump());
    return success();
  }
  fmt::print("tuning    {}\n", result.tuning.empty() ? "as in the table" : tuningText(result.tuning));
  fmt::print("decode    {:.3f} ms a step, was {:.3f}\n", result.after.decode * 1e3, result.before.decode * 1e3);
  fmt::print("prefill   {:.3f} ms, was {:.3f}\n", result.after.prefill * 1e3, result.before.prefill * 1e3);
  fmt::print("tried     {}{}\n", counted(result.tried, "candidate"), result.complete ? "" : " (stopped early)");
  fmt::print("kept in   {}\n", !tuned.file.empty()            ? tuned.file
                               : o.tune.tuningCache == "none" ? "no folder, as --tuning-cache asks"
                                                              : noCacheFolder);
  return success();
}
}  // namespace

std::string tuningSummary(const compiler::TuningResult &result) {
  if (result.tuning.empty()) return "tuning: nothing is faster than the table's values";
  return fmt::format("tuning: {}: {:.2f} x the speed of the table's values in decode, {:.2f} x in prefill",
                     tuningText(result.tuning), result.before.decode / result.after.decode,
                     result.before.prefill / result.after.prefill);
}

Result<TunedModel> tuneModel(const TracedModel &traced, const TuneOptions &options, Progress &progress) {
  TunedModel tuned;
  LLC_ASSIGN(tuned.target, detectHost());
  tuned.file = compiler::tuningFile(*traced.module, tuned.target, options.tuningCache);
  int64_t threads = options.threads ? options.threads : threadLimits().threads;
  CandidateMaker maker(traced, options, threads);
  InterruptGuard guard;
  auto begin = Clock::now();
  compiler::TuningSearch search;
  search.from = compiler::readTuning(tuned.file).value_or(Tuning());
  search.compile = [&](const Tuning &tuning) { return maker.make(tuning); };
  search.report = [&](const std::string &line) { progress.step("tuning: " + line); };
  search.stop = [&] { return interrupted || secondsSince(begin) > double(options.seconds); };
  progress.step("tuning " + traced.name);
  LLC_ASSIGN(tuned.result, compiler::searchTuning(tuned.target, search));
  if (tuned.file.empty()) return tuned;
  if (Status written = compiler::writeTuning(tuned.file, tuned.target, tuned.result); !written.ok()) {
    progress.note("warning: the result is not kept: " + written.error().text());
    tuned.file.clear();
  }
  return tuned;
}

void addTune(Context &context) {
  addCommand<TuneFlags>(context, "tune", "Searches the tiles and prefetch distances that run a model fastest here",
                        declareTune, runTune);
}

}  // namespace llc::cli
