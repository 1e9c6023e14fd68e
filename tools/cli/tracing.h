// A Hugging Face directory, traced: what compiling, verifying and inspecting begin with.
#pragma once
#include <CLI/CLI.hpp>
#include <memory>
#include <optional>
#include <string>

#include "compiler/jit/engine.h"
#include "frontends/huggingface/import.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"
#include "runtime/serve/program.h"
#include "runtime/text/tokenizer.h"
#include "tools/cli/model.h"
#include "runtime/base/progress.h"

namespace llc::cli {

struct TraceOptions {
  std::string dtype;       // of weight matrices; empty: as the checkpoint holds them
  std::string cacheDtype;  // of cached keys and values; empty: f16 where weights have 16 bits, else f32
  std::string activations = "auto";  // what products with bf16 weights read: f32, or bf16 (auto)
  int64_t maxContext = 0;  // 0: what the model was made for, but at most defaultMaxContext
  std::vector<std::string> adapters;  // attachAdapters
  bool adapterSharesAtRunTime = false;
};
inline constexpr int64_t defaultMaxContext = 4096;
void addCacheTypeFlag(CLI::App &app, std::string &cacheDtype);
void addActivationsFlag(CLI::App &app, std::string &activations);

struct TracedModel {
  std::unique_ptr<mlir::MLIRContext> context;
  std::unique_ptr<huggingface::ModelSource> source;
  std::shared_ptr<huggingface::ModelSource> teacher = nullptr;  // that a training program reads, too
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::string name, dtype, activations;  // activations: "f32", "bf16"; empty in programs that train
  std::optional<DType> weightType;  // of matrices, where it was asked for
};
// Prints the front end's warnings.
Result<TracedModel> traceDirectory(const ModelPlace &place, const TraceOptions &options, Progress &progress);
// The same without its module: what traceTraining goes on from.
Result<TracedModel> openDirectory(const ModelPlace &place, const std::string &dtype, Progress &progress,
                                  const std::vector<std::string> &adapters = {}, bool adapterSharesAtRunTime = false);
// Makes products beside bf16 weights read what --activations asks for, and notes it.
Status roundAsAsked(TracedModel &traced, const std::string &activations);
// Whether it is a directory with a model that sees whole texts at once.
Result<bool> isBidirectional(const ModelPlace &place);
// Sets the module to the program that trains it: the entries loss and loss_and_gradients (phase differentiated). The
// loss is of next tokens, of a bidirectional model that of hidden ones. The weights' type is that of `traced`.
Status traceTraining(TracedModel &traced, huggingface::TrainingOptions options, Progress &progress);

// Reads the checkpoint's tensors under the names of the module; advances `progress` (may be null) for each.
compiler::TensorSource tensorsOf(const huggingface::ModelSource &source, Progress *progress = nullptr);

// The program that runs what was compiled and loaded; `also` (may be null) lives as long as it.
Result<std::shared_ptr<Program>> programOf(compiler::JitProgram, std::shared_ptr<const void> also = nullptr);

// The tokenizer of a model directory. Null when there is none. Errors: a damaged one, or one with more tokens than the
// model's vocabulary has.
Result<std::unique_ptr<Tokenizer>> tokenizerIn(const std::string &directory, int64_t vocabulary);

// Warns where a tokenizer is so much smaller than the vocabulary that it must be another model's.
void noteVocabulary(const Tokenizer *, int64_t vocabulary, Progress &);

// What the compiler leaves open in a manifest: name, element type, generation defaults.
void completeManifest(Manifest &manifest, const TracedModel &traced, const Tokenizer *tokenizer);

}  // namespace llc::cli
