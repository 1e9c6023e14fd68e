#include "compiler/aot/artifact.h"

#include "compiler/aot/module_table.h"

namespace llc::compiler {
namespace {
// Parameters are prepared on this machine, by the same kernels that a JIT would use, one after the other.
Status streamParameters(const CompiledModule &module, const TensorSource &source, ArtifactWriter &writer) {
  if (module.manifest.parameters.empty()) return success();
  LLC_ASSIGN(std::unique_ptr<LoadedCode> code, loadCode(module));
  std::vector<std::byte> buffer;
  for (size_t i = 0; i < module.manifest.parameters.size(); ++i) {
    const ParameterSpec &parameter = module.manifest.parameters[i];
    if (parameter.updated) {
      writer.addUpdated(parameter);
      continue;
    }
    // Freed before it grows: the largest tensor is held once, not twice.
    if (buffer.capacity() < parameter.bytes) std::vector<std::byte>().swap(buffer);
    buffer.resize(parameter.bytes);
    LLC_TRY(prepareParameter(module, *code, source, i, buffer, 1));
    LLC_TRY(writer.beginParameter(parameter));
    LLC_TRY(writer.write(buffer));
    if (source.release)
      for (const TensorSpec &tensor : module.prepare[i].sources) source.release(tensor.name);
  }
  return success();
}
}  // namespace

Result<ArtifactKind> parseArtifactKind(std::string_view name) {
  if (name == "exe") return ArtifactKind::executable;
  if (name == "so") return ArtifactKind::sharedLibrary;
  if (name == "bundle") return ArtifactKind::bundle;
  return diagnose(ErrorKind::invalidInput, "--format")
      .found("'" + std::string(name) + "'")
      .toFix("use exe, so or bundle");
}

Result<std::string> linkCode(const CompiledModule &module, ArtifactKind kind, const std::string &runtimeArchive,
                             ProgramKind program) {
  std::string archive = runtimeArchive;
  LLC_ASSIGN(Architecture architecture, architectureOf(module));
  if (kind == ArtifactKind::executable && archive.empty()) {
    LLC_ASSIGN(archive, findRuntimeArchive(architecture));
  }
  std::vector<std::string> entries;
  for (const EntrySpec &entry : module.manifest.entries) entries.push_back(entry.name);
  LLC_ASSIGN(std::string table, emitModuleTable(module, entries));
  std::vector<LinkInput> inputs = {{"module table", std::move(table)}};
  for (const TargetObject &object : module.objects) inputs.push_back({"code for " + object.target, object.bytes});
  return linkElf(inputs, kind, archive, architecture, program);
}

Status writeArtifact(const CompiledModule &module, const TensorSource &source, const ArtifactOptions &options) {
  LLC_ASSIGN(std::string code, linkCode(module, options.kind, options.runtimeArchive, options.program));
  LLC_ASSIGN(ArtifactWriter writer, ArtifactWriter::create(options.path, options.kind, std::as_bytes(std::span(code))));
  LLC_TRY(streamParameters(options.preparer ? *options.preparer : module, source, writer));
  for (const auto &[name, content] : options.files) LLC_TRY(writer.addFile(name, content));
  for (const auto &[name, path] : options.largeFiles) {
    LLC_ASSIGN(MappedFile file, MappedFile::open(path));
    LLC_TRY(writer.addFile(name, {reinterpret_cast<const char *>(file.bytes().data()), file.size()}));
  }
  return writer.finish(module.manifest);
}

}  // namespace llc::compiler
