// merge: adapters become part of their model's weights, which may become those of another type.
#include "tools/cli/merge.h"

#include <fmt/format.h>

#include <cmath>
#include <filesystem>
#include <map>
#include <set>

#include "runtime/base/convert.h"
#include "runtime/formats/safetensors.h"
#include "runtime/train/run_start.h"
#include "tools/cli/adapters.h"
#include "tools/cli/command.h"
#include "tools/cli/tracing.h"

namespace llc::cli {

namespace {
namespace fs = std::filesystem;
struct Place {
  dsl::Projection module;
  bool isBias = false;
};
using Modules = std::map<const TensorView *, Place>;  // by their weights and biases

// A directory that is renamed when it is finished, and goes away if that never happens.
class NewDirectory {
 public:
  static Result<NewDirectory> make(const std::string &path) {
    std::error_code error;
    if (fs::exists(path, error) && !(fs::is_directory(path, error) && fs::is_empty(path, error)))
      return diagnose(ErrorKind::invalidInput, path).says("exists").toFix("give a new directory");
    NewDirectory made;
    made.path_ = fs::path(path).lexically_normal().string();
    while (made.path_.size() > 1 && made.path_.ends_with('/')) made.path_.pop_back();
    made.temporary_ = made.path_ + ".tmp-merge";
    fs::remove_all(made.temporary_, error);
    if (fs::create_directories(made.temporary_, error)) return made;
    return diagnose(ErrorKind::resource, made.temporary_)
        .says("can't be made: " + error.message())
        .toFix("give another place");
  }
  NewDirectory(NewDirectory &&other) noexcept {
    std::swap(path_, other.path_), std::swap(temporary_, other.temporary_);
  }
  NewDirectory &operator=(NewDirectory &&other) noexcept {
    std::swap(path_, other.path_), std::swap(temporary_, other.temporary_);
    return *this;
  }
  ~NewDirectory() {
    std::error_code error;
    if (!temporary_.empty()) fs::remove_all(temporary_, error);
  }

  const std::string &place() const { return temporary_; }
  Status commit() {
    std::error_code error;
    fs::remove(path_, error);  // an empty one
    fs::rename(temporary_, path_, error);
    if (error)
      return diagnose(ErrorKind::resource, path_).says("can't be made: " + error.message()).toFix("give another place");
    temporary_.clear();
    return success();
  }

 private:
  NewDirectory() = default;
  std::string path_, temporary_;
};

// Weights, and what a checkpoint knows of the training that goes on from just them.
bool isOfOldWeights(const fs::path &path) {
  static const std::set<std::string> endings = {".safetensors", ".bin",  ".pt",      ".pth",
                                                ".h5",          ".gguf", ".msgpack", ".onnx"};
  static const std::set<std::string> names = {"manifest.json", "trainer_state.json", "data_state.json", "rng.json"};
  std::string name = path.filename().string();
  return endings.contains(path.extension().string()) || name.ends_with(".bin.index.json") || names.contains(name);
}

Status copyOtherFiles(const fs::path &from, const fs::path &to) {
  std::error_code error;
  for (const auto &entry : fs::directory_iterator(from, error))
    if (entry.is_regular_file(error) && !isOfOldWeights(entry.path()) && !error)
      fs::copy_file(entry.path(), to / entry.path().filename(), error);
  if (!error) return success();
  return diagnose(ErrorKind::resource, to.string())
      .says("files can't be copied there: " + error.message())
      .toFix("see that there is space");
}

bool isFloat(DType type) {
  return type == DType::f32 || type == DType::f16 || type == DType::bf16 || type == DType::f64;
}

// Writes a model's tensors with their adapters in them, as another type if one is given.
class MergedWeights {
 public:
  MergedWeights(const huggingface::ModelSource &source, Modules modules, std::optional<DType> type)
      : source_(source), modules_(std::move(modules)), type_(type) {
    for (const auto &adapter : source.adapters)
      for (const auto &[name, tensor] : adapter->parameters)
        if (const TensorView *own = source.ownWeight(name)) replacements_[own] = tensor;
  }

  // One file of the checkpoint, under its own name.
  Status writeFile(const std::vector<const TensorView *> &tensors, const std::string &folder, Progress &progress) {
    SafeTensorsWriter writer(folder + "/" + fs::path(tensors.front()->file).filename().string());
    writer.setMetadata("format", "pt");
    for (const TensorView *tensor : tensors) LLC_TRY(writer.declare(tensor->name, typeOf(*tensor), tensor->shape));
    for (const TensorView *tensor : tensors) {
      LLC_ASSIGN(std::optional<std::vector<std::byte>> bytes, changed(*tensor));
      LLC_TRY(writer.write(bytes ? std::span<const std::byte>(*bytes) : tensor->bytes));
      bytes_ += uint64_t(tensor->elements()) * byteSize(typeOf(*tensor));
      source_.checkpoint.release(*tensor);
      progress.advance();
    }
    return writer.finish();
  }
  uint64_t bytes() const { return bytes_; }  // written so far

 private:
  // Masks and the like stay what they are.
  DType typeOf(const TensorView &tensor) const { return type_ && isFloat(tensor.type) ? *type_ : tensor.type; }

  // A tensor as it is written; nothing where it stays as it is.
  Result<std::optional<std::vector<std::byte>>> changed(const TensorView &tensor) const {
    using Bytes = std::optional<std::vector<std::byte>>;
    auto module = modules_.find(&tensor);
    auto replaced = replacements_.find(&tensor);
    DType type = typeOf(tensor);
    bool isReplaced = replaced != replacements_.end();
    if (type == tensor.type && !isReplaced && (module == modules_.end() || source_.adapters.empty())) return Bytes();
    const TensorView &from = isReplaced ? *replaced->second : tensor;
    std::vector<float> values(size_t(tensor.elements()));
    convertElements(from.bytes.data(), from.type, values.data(), DType::f32, values.size());
    bool merged = (module != modules_.end() && merge(module->second, values)) || isReplaced;
    if (type == tensor.type && !merged) return Bytes();
    if (type == DType::f16) LLC_TRY(checkRange(tensor, values));
    std::vector<std::byte> bytes(values.size() * byteSize(type));
    convertElements(values.data(), DType::f32, bytes.data(), type, values.size());
    return Bytes(std::move(bytes));
  }

  // Whether an adapter changes the weight.
  bool merge(const Place &place, std::vector<float> &weight) const {
    bool changed = false;
    for (const auto &adapter : source_.adapters) {
      const auto &mergeInto = place.isBias ? adapter->adapter.mergeIntoBias : adapter->adapter.mergeInto;
      if (!mergeInto) continue;
      changed |= mergeInto(place.module, [&](const std::string &name) { return adapter->values(name); }, weight);
    }
    return changed;
  }

  static Status checkRange(const TensorView &tensor, const std::vector<float> &values) {
    constexpr float tooLarge = 65520;  // the least number that rounds to infinity
    for (float value : values)
      if (std::isfinite(value) && std::abs(value) >= tooLarge)
        return diagnose(ErrorKind::unsupported, tensor.file + ": " + tensor.name)
            .says(fmt::format("holds {}, more than f16 can (65504)", value))
            .toFix("use --dtype bf16");
    return success();
  }

  const huggingface::ModelSource &source_;
  Modules modules_;
  std::map<const TensorView *, const TensorView *> replacements_;  // whole weights of adapters, by the model's
  std::optional<DType> type_;
  uint64_t bytes_ = 0;
};

// What the copied files say about the weights' type and size.
Status describeWeights(const fs::path &folder, DType type, uint64_t bytes) {
  auto edit = [&](const char *name, const std::function<void(train::OrderedJson &)> &change) -> Status {
    std::string path = (folder / name).string();
    if (!fs::exists(path)) return success();
    LLC_ASSIGN(train::OrderedJson json, train::readOrderedJson(path));
    change(json);
    return writeFile(path, json.dump(2) + "\n");
  };
  const char *typeName = type == DType::f32 ? "float32" : type == DType::f16 ? "float16" : "bfloat16";
  LLC_TRY(edit("config.json",
               [&](auto &config) { config[config.contains("dtype") ? "dtype" : "torch_dtype"] = typeName; }));
  return edit("model.safetensors.index.json", [&](auto &index) { index["metadata"] = {{"total_size", bytes}}; });
}

struct MergeFlags {
  std::string model, output;
  MergeOptions options;
};

void declareMerge(CLI::App &app, MergeFlags &o) {
  app.add_option("MODEL", o.model, "Directory of the model that the adapters were trained on, or a built-in one")
      ->required();
  addAdapterFlag(app, o.options.adapters);
  app.add_option("--dtype", o.options.dtype,
                 "Type of the new model's weights: f32, bf16, f16 (default: as stored); also without an adapter");
  app.add_option("-o,--output", o.output, "Directory to make: a model that needs no adapter")->required();
}

Status runMerge(Context &context, CLI::App &, MergeFlags &o) {
  if (o.options.adapters.empty() && o.options.dtype.empty())
    return diagnose(ErrorKind::invalidInput, "merge")
        .says("there is nothing to do")
        .toFix("give --adapter DIR, --dtype TYPE, or both");
  Progress progress(context.quiet);
  LLC_TRY(mergeAdapters(o.model, o.options, o.output, progress));
  progress.finish();
  fmt::print("{}\n", o.output);
  return success();
}
}  // namespace

Status mergeAdapters(const std::string &model, const MergeOptions &options, const std::string &output,
                     Progress &progress) {
  LLC_ASSIGN(ModelPlace place, findModelDirectory(model, "merging"));
  TraceOptions trace;
  trace.adapters = options.adapters, trace.dtype = options.dtype;
  LLC_ASSIGN(TracedModel traced, traceDirectory(place, trace, progress));  // checks that all tensors fit
  const huggingface::ModelSource &source = *traced.source;
  for (const auto &adapter : source.adapters)
    if (!adapter->adapter.mergeInto)
      return diagnose(ErrorKind::unsupported, adapter->directory.string())
          .says("this kind of adapter can't become part of weights")
          .toFix("run it beside the model, with --adapter");
  LLC_ASSIGN(std::vector<dsl::Projection> projections, projectionsOf(source.model));
  Modules modules;
  for (const dsl::Projection &module : projections) {
    for (bool isBias : {false, true})
      if (const TensorView *tensor = source.ownWeight(module.name + (isBias ? ".bias" : ".weight")))
        modules.emplace(tensor, Place{module, isBias});
  }
  std::map<std::string, std::vector<const TensorView *>> files;
  for (const TensorView &tensor : source.checkpoint.tensors()) files[tensor.file].push_back(&tensor);
  LLC_ASSIGN(NewDirectory directory, NewDirectory::make(output));
  progress.step("merging", int64_t(source.checkpoint.tensors().size()));
  MergedWeights weights(source, std::move(modules), traced.weightType);
  for (const auto &[file, tensors] : files) LLC_TRY(weights.writeFile(tensors, directory.place(), progress));
  LLC_TRY(copyOtherFiles(place.path, directory.place()));
  if (traced.weightType) LLC_TRY(describeWeights(directory.place(), *traced.weightType, weights.bytes()));
  return directory.commit();
}

void addMerge(Context &context) {
  addCommand<MergeFlags>(context, "merge", "Makes a model of a model and its adapters, or of one in another type",
                         declareMerge, runMerge);
}

}  // namespace llc::cli
