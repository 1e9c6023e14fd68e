// grad: the loss of a batch and its gradient by every parameter, from file to file.
#include <fmt/format.h>

#include <algorithm>

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "runtime/base/memory.h"
#include "runtime/formats/safetensors.h"
#include "runtime/threads/limits.h"
#include "tools/cli/adapters.h"
#include "tools/cli/command.h"
#include "tools/cli/compiled_training.h"
#include "tools/cli/gradient_checkpointing.h"
#include "tools/cli/interpreted.h"
#include "tools/cli/tracing.h"
#include "tools/cli/training_batch.h"

namespace llc::cli {

namespace {
struct GradFlags {
  std::string model = defaultModel, input, output, dtype, engine = "jit", saving = "everything_saveable", dumpDirectory;
  std::string precision = "f32";
  std::vector<std::string> adapters;
  int64_t threads = 0, repeat = 0;
  bool json = false, profile = false;
};

void declareGrad(CLI::App &app, GradFlags &o) {
  app.add_option("MODEL", o.model, "Directory, or name of a built-in model")->capture_default_str();
  app.add_option(
         "--input", o.input,
         "safetensors with input_ids [B,S], and if there are any attention_mask [B,S] (1: token, 0: padding) and "
         "labels [B,S] (-100: none; default: input_ids without padding) and token_type_ids [B,S], all i64")
      ->required();
  app.add_option(
         "--output", o.output,
         "safetensors to write: loss [1], and grad/NAME for each tensor NAME of the checkpoint in its shape, F32")
      ->required();
  addAdapterFlag(app, o.adapters);
  app.get_option("--adapter")->description("Directory of an adapter: gradients are by its parameters alone; see run");
  app.add_option("--dtype", o.dtype, "Element type of weight matrices: f32, f16, bf16 (default: as stored)");
  app.add_option(
         "--precision", o.precision,
         "What products of matrices read: f32, or values rounded to bf16, f16 or fp8 (e4m3 with a scale for each "
         "tensor, emulated). They accumulate in f32, and the rest is f32")
      ->capture_default_str()
      ->check(CLI::IsMember({"f32", "bf16", "f16", "fp8"}));
  addGradientCheckpointingFlag(app, o.saving, /*budgets=*/false);
  app.add_option("--engine", o.engine, "jit: compiled code; reference: the interpreter, slow and plain")
      ->capture_default_str()
      ->check(CLI::IsMember({"jit", "reference"}));
  app.add_option("--threads", o.threads, "Threads of compiled code; 0: one per core that this process may use")
      ->capture_default_str()
      ->check(CLI::Range(0, LLC_MAX_THREADS));
  app.add_option("--dump-ir", o.dumpDirectory, "Folder for the program after each phase of the compiler");
  auto *repeat = app.add_option("--repeat", o.repeat, "Computes so many times more and prints how long that takes")
                     ->check(CLI::Range(0, 1000000));
  app.add_flag("--profile", o.profile, "Also prints where the time goes, by kernel and by place of the model")
      ->needs(repeat);
  app.add_flag("--json", o.json, "Prints one JSON object instead of text")->needs(repeat);
}

// The loss, then the gradients in the order of the entry's results.
using Results = std::vector<std::vector<float>>;

Result<Results> interpret(TracedModel &traced, const TrainingBatch &batch, Progress &progress) {
  progress.step("computing gradients");
  InterpretedWeights weights(*traced.source, *traced.module);
  llm::Environment environment;
  environment.parameters = [&](llvm::StringRef name) { return weights.get(name); };
  Diagnostics diagnostics(*traced.context);
  auto results = llm::interpret(*traced.module, trainingEntry, batchArguments(batch), environment);
  if (mlir::failed(results)) return diagnostics.error(trainingEntry);
  Results values;
  for (const llm::Datum &result : *results)
    values.emplace_back(result.tensor.values().begin(), result.tensor.values().end());
  return values;
}

Status writeResults(TracedModel &traced, const Results &results, const std::string &path) {
  auto function = traced.module->lookupSymbol<mlir::func::FuncOp>(trainingEntry);
  SafeTensorsWriter writer(path);
  LLC_TRY(writer.declare("loss", DType::f32, {1}));
  for (unsigned place = 1; place < results.size(); ++place) {
    auto parameter = function.getResultAttrOfType<mlir::StringAttr>(place, "llm.gradient");
    LLC_ASSIGN(const TensorView *stored, traced.source->weight(std::string_view(parameter.getValue())));
    LLC_TRY(writer.declare("grad/" + stored->name, DType::f32, stored->shape));
  }
  for (const std::vector<float> &values : results) LLC_TRY(writer.write(values.data(), values.size() * sizeof(float)));
  return writer.finish();
}

void print(const TrainingMeasures &measures, const TrainingBatch &batch, bool json) {
  if (measures.seconds.empty()) return;
  double seconds = median(measures.seconds), tokens = double(batch.rows * batch.width);
  nlohmann::json object = {{"gradients_ms", seconds * 1e3},
                           {"min_ms", *std::min_element(measures.seconds.begin(), measures.seconds.end()) * 1e3},
                           {"tok_s", tokens / seconds},
                           {"compile_s", measures.compileSeconds},
                           {"planned_gb", double(measures.plannedBytes) / 1e9},
                           {"peak_rss_gb", double(peakResidentBytes()) / 1e9}};
  if (measures.profile) object["profile"] = toJson(*measures.profile);
  std::string text = object.dump() + "\n";
  if (!json) {
    text = fmt::format("{:.1f} ms, {:.1f} tokens/s; compiled in {:.2f} s; planned {}, at most {} resident\n",
                       seconds * 1e3, tokens / seconds, measures.compileSeconds, humanBytes(measures.plannedBytes),
                       humanBytes(peakResidentBytes()));
    if (measures.profile) text += describe(*measures.profile, false);
  }
  std::fwrite(text.data(), 1, text.size(), stdout);
}

Status checkEngine(const GradFlags &o) {
  if (o.engine == "jit" || (!o.repeat && o.dumpDirectory.empty())) return success();
  return diagnose(ErrorKind::invalidInput, "--engine reference")
      .says("has no times and no phases of a compiler")
      .toFix("leave out --repeat and --dump-ir, or use --engine jit");
}

Status runGrad(Context &context, CLI::App &, GradFlags &o) {
  LLC_TRY(checkEngine(o));
  Progress progress(context.quiet);
  LLC_ASSIGN(ModelPlace place, findModelDirectory(o.model, "training"));
  LLC_ASSIGN(TracedModel traced, openDirectory(place, o.dtype, progress, o.adapters));
  LLC_ASSIGN(TrainingBatch batch, readTrainingBatch(o.input, traced.source->model));
  addVirtualTokens(batch, traced.source->model.vocabulary, traced.source->model.virtualTokens);
  huggingface::TrainingOptions training{.batch = batch.rows,
                                        .sequence = batch.width,
                                        .tokenTypes = !batch.types.empty(),
                                        .saving = o.saving,
                                        .products = o.precision};
  LLC_TRY(traceTraining(traced, training, progress));
  TrainingRun options{o.threads ? o.threads : threadLimits().threads, o.repeat, o.profile, o.dumpDirectory};
  TrainingMeasures measures;
  LLC_ASSIGN(Results results, o.engine == "jit" ? runCompiledTraining(traced, batch, options, measures, progress)
                                                : interpret(traced, batch, progress));
  progress.finish();
  print(measures, batch, o.json);
  return writeResults(traced, results, o.output);
}
}  // namespace

void addGrad(Context &context) {
  addCommand<GradFlags>(context, "grad", "Loss of a batch and its gradient by every parameter, from file to file",
                        declareGrad, runGrad);
}

}  // namespace llc::cli
