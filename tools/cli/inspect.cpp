// inspect: what a model or an artifact is made of.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "runtime/abi/artifact.h"
#include "runtime/base/memory.h"
#include "runtime/serve/commands.h"
#include "runtime/serve/options.h"
#include "runtime/threads/limits.h"
#include "runtime/train/training_memory.h"
#include "tools/cli/command.h"
#include "tools/cli/inspect_training.h"
#include "tools/cli/kernel_report.h"
#include "tools/cli/work_report.h"

namespace llc::cli {

namespace {
using nlohmann::json;

struct InspectFlags {
  std::string model = defaultModel;
  TraceOptions trace;
  SessionOptions session;
  StepOptions step;
  bool memory = false, kernels = false, ops = false, parameters = false, work = false, explainFusion = false, json = false;
};

void declareInspect(CLI::App &app, InspectFlags &o) {
  app.add_option("MODEL", o.model, "Directory, artifact, or name of a built-in model")->capture_default_str();
  app.add_flag("--memory", o.memory, "Where activations live, and what a session takes")->group("Sections");
  app.add_flag("--kernels", o.kernels, "Which kernel computes which op, and what is copied to another layout for it")
      ->group("Sections");
  app.add_flag("--explain-fusion", o.explainFusion, "Which neighbouring ops became one stage, and why not the others")->group("Sections");
  app.add_flag("--ops", o.ops, "The model's ops by function, as traced")->group("Sections");
  app.add_flag("--work", o.work, "Counted work of a decode and a prefill step: stages, operations, bytes, code")->group("Sections");
  app.add_flag("--params", o.parameters, "Every parameter: type, shape, layout, bytes")->group("Sections");
  app.add_flag("--json", o.json, "One JSON object instead of text");
  app.add_option("--dtype", o.trace.dtype, "Element type of weight matrices (default: as stored)")->group("Compilation");
  addCacheTypeFlag(app, o.trace.cacheDtype);
  addActivationsFlag(app, o.trace.activations);
  app.add_option("--max-context", o.trace.maxContext, "Tokens of the longest sequence; 0: what the model was made for, up to 4096")
      ->capture_default_str()->check(wholeNumber())->group("Compilation");
  CLI::Option *training = addTrainingFlags(app, o.step);
  for (const char *serving : {"--work", "--dtype", "--max-context", "--cache-dtype", "--activations"})
    training->excludes(app.get_option(serving));
  app.add_option("-t,--threads", o.session.threads, "With --memory: threads; 0: what this machine allows")
      ->capture_default_str()
      ->check(CLI::Range(0, LLC_MAX_THREADS));
}

json parametersOf(const Manifest &manifest) {
  json list = json::array();
  for (const ParameterSpec &p : manifest.parameters)
    list.push_back({{"name", p.name}, {"type", dtypeName(p.type)}, {"shape", p.shape}, {"layout", p.layout}, {"bytes", p.bytes}});
  return list;
}

nlohmann::ordered_json servingMemory(const MemoryPlan &plan) {
  return {{"parameters", plan.parameters}, {"arena", plan.arena}, {"scratch", plan.scratch}, {"caches", plan.caches},
          {"results", plan.results},       {"total", plan.total()}};
}

Result<nlohmann::ordered_json> memoryOf(const Manifest &manifest, const InspectFlags &o, int64_t threads) {
  if (o.step.rows) return train::trainingMemory(manifest, threads);
  LLC_ASSIGN(MemoryPlan plan, planMemory(manifest, o.session, threads));
  return servingMemory(plan);
}

void printParameters(const Manifest &manifest) {
  for (const ParameterSpec &p : manifest.parameters)
    fmt::print("{:60} {:5} {:>16} {:6} {:>10}\n", p.name, dtypeName(p.type), fmt::format("{}", fmt::join(p.shape, "x")), p.layout,
               humanBytes(p.bytes));
}

void printMemory(const nlohmann::ordered_json &memory) {
  for (const auto &[name, bytes] : memory.items()) fmt::print("{:20} {:>12}\n", name, humanBytes(bytes.get<uint64_t>()));
}

// What a directory tells beyond its manifest; empty for artifacts.
Result<ProgramReport> reportOf(const ModelPlace &place, const InspectFlags &o, Progress &progress) {
  if (o.step.rows) return reportTraining(o.model, o.step, progress);
  if (place.kind == ModelKind::directory) {
    LLC_ASSIGN(TracedModel traced, traceDirectory(place, o.trace, progress));
    return reportProgram(std::move(traced), {.countWork = o.work}, progress);
  }
  auto refuse = [&](const char *flag, std::string_view what) {
    return diagnose(ErrorKind::invalidInput, flag).says(what).toFix("give the directory that it was compiled from");
  };
  if (o.kernels) return refuse("--kernels", "an artifact does not list its kernels");
  if (o.work) return refuse("--work", "an artifact does not say what its stages compute");
  if (o.explainFusion) return refuse("--explain-fusion", "an artifact holds machine code, not ops");
  if (o.ops) return refuse("--ops", "an artifact holds machine code, not ops");
  if (!o.trace.dtype.empty()) return refuse("--dtype", place.path + " is compiled already");
  if (!o.trace.cacheDtype.empty()) return refuse("--cache-dtype", place.path + " is compiled already");
  if (o.trace.activations != "auto") return refuse("--activations", place.path + " is compiled already");
  if (o.trace.maxContext) return refuse("--max-context", place.path + " is compiled already");
  LLC_ASSIGN(Artifact artifact, openArtifact(place.path));
  ProgramReport report;
  report.manifest = artifact.manifest;
  return report;
}

Status runInspect(Context &context, CLI::App &, InspectFlags &o) {
  Progress progress(context.quiet);
  LLC_ASSIGN(ModelPlace place, findModel(o.model));
  LLC_ASSIGN(ProgramReport report, reportOf(place, o, progress));
  progress.finish();
  int64_t threads = o.session.threads ? o.session.threads : threadLimits().threads;
  LLC_ASSIGN(nlohmann::ordered_json memory, memoryOf(report.manifest, o, threads));
  bool sections = o.memory || o.kernels || o.ops || o.parameters || o.work || o.explainFusion;
  if (o.json) {
    json out = sections ? json::object() : json::parse(toJson(report.manifest));
    if (o.parameters) out["parameters"] = parametersOf(report.manifest);
    if (o.memory) out["memory"] = memory, out["memory"]["functions"] = report.memoryPlan;
    if (o.memory && o.step.rows) out["early_updates"] = train::movesEarly(report.manifest);
    if (o.kernels) out["kernels"] = report.kernels, out["copied"] = report.copied;
    if (o.explainFusion) out["fusion"] = report.fusion;
    if (o.ops) out["ops"] = report.ops;
    if (o.work) out["work"] = report.work;
    fmt::print("{}\n", out.dump());
    return success();
  }
  if (!sections) infoCommand(report.manifest, false);
  if (o.parameters) printParameters(report.manifest);
  if (o.memory) {
    printMemory(memory);
    if (train::movesEarly(report.manifest)) fmt::print("each weight moves as soon as its gradient is complete\n");
    fmt::print("{}", report.memoryText);
  }
  if (o.kernels) fmt::print("{}", kernelText(report.kernels, report.copied));
  if (o.explainFusion) fmt::print("{}", report.fusionText);
  if (o.ops) fmt::print("{}", tableOf(report.ops));
  if (o.work) fmt::print("{}", workText(report.work));
  return success();
}
}  // namespace

void addInspect(Context &context) {
  addCommand<InspectFlags>(context, "inspect",
                           "What a model or an artifact is made of: memory, kernels, ops, parameters", declareInspect,
                           runInspect);
}

}  // namespace llc::cli
