// merge: adapters become part of their model's weights.
#include "tools/cli/merge.h"

#include <fmt/format.h>

#include <filesystem>
#include <map>
#include <set>

#include "runtime/formats/safetensors.h"
#include "tools/cli/adapters.h"
#include "tools/cli/command.h"
#include "tools/cli/tracing.h"

namespace llc::cli {

namespace {
namespace fs = std::filesystem;
using Modules = std::map<const TensorView *, dsl::Projection>;  // by their weights

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

bool holdsWeights(const fs::path &path) {
  static const std::set<std::string> endings = {".safetensors", ".bin",  ".pt",      ".pth",
                                                ".h5",          ".gguf", ".msgpack", ".onnx"};
  return endings.contains(path.extension().string()) || path.filename().string().ends_with(".bin.index.json");
}

Status copyOtherFiles(const fs::path &from, const fs::path &to) {
  std::error_code error;
  for (const auto &entry : fs::directory_iterator(from, error))
    if (entry.is_regular_file(error) && !holdsWeights(entry.path()) && !error)
      fs::copy_file(entry.path(), to / entry.path().filename(), error);
  if (!error) return success();
  return diagnose(ErrorKind::resource, to.string())
      .says("files can't be copied there: " + error.message())
      .toFix("see that there is space");
}

// The weight of a module with all adapters in it; nothing if none changes it.
std::optional<std::vector<std::byte>> merged(const huggingface::ModelSource &source, const TensorView &tensor,
                                             const dsl::Projection &module) {
  std::vector<float> weight(size_t(tensor.elements()));
  for (size_t i = 0; i < weight.size(); ++i) weight[i] = float(loadElement(tensor.bytes.data(), tensor.type, i));
  bool changed = false;
  for (const auto &adapter : source.adapters)
    changed |=
        adapter->adapter.mergeInto(module, [&](const std::string &name) { return adapter->values(name); }, weight);
  if (!changed) return std::nullopt;
  std::vector<std::byte> bytes(tensor.bytes.size());
  for (size_t i = 0; i < weight.size(); ++i) storeElement(bytes.data(), tensor.type, i, weight[i]);
  return bytes;
}

// One file of the checkpoint, under its own name.
Status writeFileOf(const huggingface::ModelSource &source, const std::vector<const TensorView *> &tensors,
                   const Modules &modules, const std::string &folder, Progress &progress) {
  SafeTensorsWriter writer(folder + "/" + fs::path(tensors.front()->file).filename().string());
  writer.setMetadata("format", "pt");
  for (const TensorView *tensor : tensors) LLC_TRY(writer.declare(tensor->name, tensor->type, tensor->shape));
  for (const TensorView *tensor : tensors) {
    auto module = modules.find(tensor);
    auto bytes = module == modules.end() ? std::nullopt : merged(source, *tensor, module->second);
    LLC_TRY(bytes ? writer.write(*bytes) : writer.write(tensor->bytes));
    source.checkpoint.release(*tensor);
    progress.advance();
  }
  return writer.finish();
}

struct MergeFlags {
  std::string model, output;
  std::vector<std::string> adapters;
};

void declareMerge(CLI::App &app, MergeFlags &o) {
  app.add_option("MODEL", o.model, "Directory of the model that the adapters were trained on, or a built-in one")
      ->required();
  addAdapterFlag(app, o.adapters);
  app.get_option("--adapter")->required();
  app.add_option("-o,--output", o.output, "Directory to make: a model that needs no adapter")->required();
}

Status runMerge(Context &context, CLI::App &, MergeFlags &o) {
  Progress progress(context.quiet);
  LLC_TRY(mergeAdapters(o.model, o.adapters, o.output, progress));
  progress.finish();
  fmt::print("{}\n", o.output);
  return success();
}
}  // namespace

Status mergeAdapters(const std::string &model, const std::vector<std::string> &adapters, const std::string &output,
                     Progress &progress) {
  LLC_ASSIGN(ModelPlace place, findModelDirectory(model, "merging"));
  TraceOptions trace;
  trace.adapters = adapters;
  LLC_ASSIGN(TracedModel traced, traceDirectory(place, trace, progress));  // checks that all tensors fit
  const huggingface::ModelSource &source = *traced.source;
  LLC_ASSIGN(std::vector<dsl::Projection> projections, projectionsOf(source.model));
  Modules modules;
  for (const dsl::Projection &module : projections) {
    LLC_ASSIGN(const TensorView *tensor, source.weight(module.name + ".weight"));
    modules.emplace(tensor, module);
  }
  std::map<std::string, std::vector<const TensorView *>> files;
  for (const TensorView &tensor : source.checkpoint.tensors()) files[tensor.file].push_back(&tensor);
  LLC_ASSIGN(NewDirectory directory, NewDirectory::make(output));
  progress.step("merging", int64_t(source.checkpoint.tensors().size()));
  for (const auto &[file, tensors] : files) LLC_TRY(writeFileOf(source, tensors, modules, directory.place(), progress));
  LLC_TRY(copyOtherFiles(place.path, directory.place()));
  return directory.commit();
}

void addMerge(Context &context) {
  addCommand<MergeFlags>(context, "merge", "Makes a model of a model and its adapters", declareMerge, runMerge);
}

}  // namespace llc::cli
