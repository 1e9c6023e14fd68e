#include "runtime/serve/program.h"

#include <dlfcn.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <sstream>

#include "runtime/base/cpu.h"
#include "runtime/base/memory.h"
#include "runtime/threads/limits.h"

namespace llc {

namespace {
std::vector<std::string> splitFeatures(const char *text) {
  std::vector<std::string> names;
  std::istringstream stream(text);
  for (std::string name; std::getline(stream, name, ',');)
    if (!name.empty()) names.push_back(name);
  return names;
}

Error tooOld(const std::string &where, uint64_t version) {
  return diagnose(ErrorKind::unsupported, where)
      .says(fmt::format("its code was compiled for version {} of the interface, this runtime has version {}", version,
                        LLC_ABI_VERSION))
      .toFix("compile the model again with this version of llc-model");
}

Program::Entries entriesOf(const llc_module &module) {
  Program::Entries entries;
  for (const llc_entry_symbol *symbol = module.entries; symbol->name; ++symbol) entries[symbol->name] = symbol->entry;
  return entries;
}

Status checkEntries(const Manifest &manifest, const Program::Entries &entries, const std::string &where) {
  for (const EntrySpec &entry : manifest.entries)
    if (auto place = entries.find(entry.name); place == entries.end() || !place->second)
      return diagnose(ErrorKind::invalidInput, where)
          .says("the manifest lists the entry '" + entry.name + "', which the code does not have")
          .toFix("compile the model again");
  return success();
}

// Programs from memory did not pass parseManifest.
Status checkBounds(const Manifest &m) {
  if (std::min({m.vocabulary, m.maxTokens, m.maxRows, m.maxSequences, m.maxContext}) >= 1) return success();
  return diagnose(ErrorKind::internal, m.name)
      .says("its manifest lacks the vocabulary or one of the bounds of a step")
      .toFix("report this, with the command that you gave");
}

// Copies the payload into memory of its own, in huge pages.
Result<std::shared_ptr<void>> preloaded(const Artifact &artifact) {
  LLC_ASSIGN(auto memory, allocatePages(artifact.payload.size(), "the weights", "start without --preload"));
  copyParallel(memory.get(), artifact.payload.data(), artifact.payload.size(), int(threadLimits().threads));
  artifact.payloadFile.release(0, artifact.payloadFile.size());
  return memory;
}

// Memory for the parameters that the program updates, as zeros. `places` gets an address for each parameter.
Result<std::shared_ptr<void>> allocateUpdated(const Manifest &manifest, std::vector<std::byte *> &places) {
  constexpr uint64_t alignment = 64;
  std::vector<uint64_t> offsets;
  uint64_t total = 0;
  for (const ParameterSpec &parameter : manifest.parameters) {
    offsets.push_back(total);
    if (!parameter.updated) continue;
    if (parameter.bytes > uint64_t(INT64_MAX) - total)
      return diagnose(ErrorKind::invalidInput, parameter.name).says("is too large").toFix("compile the model again");
    total += (parameter.bytes + alignment - 1) / alignment * alignment;
  }
  LLC_ASSIGN(std::shared_ptr<void> memory,
             allocatePages(total + 1, "weights and optimizer state", "train a smaller model"));
  for (uint64_t offset : offsets) places.push_back(static_cast<std::byte *>(memory.get()) + offset);
  return memory;
}

// The system's own message about code for another architecture names no reason.
Status requireArchitecture(const Artifact &artifact) {
  const std::vector<std::string> &levels = artifact.manifest.levels;
  bool elsewhere = !levels.empty() && std::ranges::all_of(levels, [](const std::string &name) {
    auto level = parseIsa(name);
    return level.ok() && architectureOf(*level) != hostArchitecture;
  });
  if (!elsewhere) return success();
  return diagnose(ErrorKind::unsupported, artifact.path)
      .says(fmt::format("has code for {} alone, this machine is {}", fmt::join(levels, ", "),
                        architectureName(hostArchitecture)))
      .toFix(
          fmt::format("run it on such a machine, or compile it again with --target-cpu {}", isaName(hostCpu().level)));
}
}  // namespace

Result<const llc_module *> chooseModule(const llc_module *modules, const std::string &where) {
  LLC_ASSIGN(IsaLevel highest, usableIsa());
  std::optional<Error> whyNot;
  for (const llc_module *module = modules; module->level; ++module) {
    if (module->abi_version != LLC_ABI_VERSION) return tooOld(where, module->abi_version);
    LLC_ASSIGN(IsaLevel level, parseIsa(module->level));
    Status fits = requireFeatures(splitFeatures(module->features));
    if (fits.ok() && contains(highest, level)) return module;
    if (!fits.ok()) whyNot = fits.error();  // the last one needs least
  }
  if (whyNot) {
    whyNot->where = where;
    return *whyNot;
  }
  return diagnose(ErrorKind::unsupported, where)
      .says(fmt::format("has no code for the level {} that LLC_ISA asks for", isaName(highest)))
      .toFix("unset LLC_ISA, or compile with --target-cpu for that level");
}

llc_entry Program::entry(std::string_view name) const {
  auto place = entries_.find(name);
  return place == entries_.end() ? nullptr : place->second;
}

std::optional<std::string_view> Program::file(std::string_view name) const {
  return artifact_ ? artifact_->file(name) : std::nullopt;
}

Result<Program> Program::fromPointers(Manifest manifest, Entries entries, std::vector<const void *> parameters,
                                      std::string level, std::shared_ptr<const void> keepAlive) {
  LLC_TRY(checkBounds(manifest));
  LLC_TRY(checkEntries(manifest, entries, manifest.name));
  assert(parameters.size() == manifest.parameters.size());
  Program program;
  program.manifest_ = std::move(manifest);
  program.entries_ = std::move(entries);
  program.parameters_ = std::move(parameters);
  program.level_ = std::move(level);
  program.keepAlive_.push_back(std::move(keepAlive));
  return program;
}

Result<Program> Program::fromArtifact(std::shared_ptr<Artifact> artifact, const llc_module *modules,
                                      std::shared_ptr<const void> code, const LoadOptions &options) {
  LLC_ASSIGN(const llc_module *module, chooseModule(modules, artifact->path));
  Entries entries = entriesOf(*module);
  LLC_TRY(checkEntries(artifact->manifest, entries, artifact->path));
  Program program;
  const std::byte *payload = artifact->payload.data();
  if (options.preload) {
    LLC_ASSIGN(auto copy, preloaded(*artifact));
    payload = static_cast<const std::byte *>(copy.get());
    program.keepAlive_.push_back(std::move(copy));
  } else {
    artifact->payloadFile.adviseHugePages();
    artifact->payloadFile.adviseWillNeed();
  }
  std::vector<std::byte *> updated;
  LLC_ASSIGN(std::shared_ptr<void> memory, allocateUpdated(artifact->manifest, updated));
  program.keepAlive_.push_back(std::move(memory));
  const std::vector<ParameterSpec> &parameters = artifact->manifest.parameters;
  for (size_t i = 0; i < parameters.size(); ++i)
    program.parameters_.push_back(parameters[i].updated ? updated[i] : payload + parameters[i].offset);
  program.manifest_ = artifact->manifest;
  program.entries_ = std::move(entries);
  program.level_ = module->level;
  program.keepAlive_.push_back(std::move(code));
  program.artifact_ = std::move(artifact);
  return program;
}

Result<Program> Program::open(const std::string &path, const LoadOptions &options) {
  LLC_ASSIGN(Artifact opened, openArtifact(path));
  LLC_TRY(requireArchitecture(opened));
  auto artifact = std::make_shared<Artifact>(std::move(opened));
  // dlopen searches system folders for names without a slash.
  std::error_code ignored;
  std::string file = std::filesystem::absolute(artifact->codePath, ignored).string();
  void *handle = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle)
    return diagnose(ErrorKind::invalidInput, path)
        .says(std::string("its code cannot be loaded: ") + dlerror())
        .toFix("compile the model again, for this system");
  std::shared_ptr<const void> code(handle, [](const void *library) { dlclose(const_cast<void *>(library)); });
  auto *modules = static_cast<const llc_module *>(dlsym(handle, LLC_MODULES_SYMBOL));
  if (!modules)
    return diagnose(ErrorKind::invalidInput, path)
        .says("its code has no table " LLC_MODULES_SYMBOL)
        .toFix("compile the model again with this version of llc-model");
  return fromArtifact(std::move(artifact), modules, std::move(code), options);
}

Result<Program> Program::self(const llc_module *modules, const LoadOptions &options) {
  LLC_ASSIGN(Artifact opened, openArtifact("/proc/self/exe"));
  std::error_code ignored;
  std::string name = std::filesystem::read_symlink("/proc/self/exe", ignored).string();
  if (!name.empty()) opened.path = name;
  return fromArtifact(std::make_shared<Artifact>(std::move(opened)), modules, nullptr, options);
}

}  // namespace llc
