#include "runtime/abi/artifact.h"

#include <unistd.h>

#include <cstring>
#include <filesystem>

namespace llc {

namespace {
namespace fs = std::filesystem;
constexpr char magic[8] = {'L', 'L', 'C', 'M', 'O', 'D', 'E', 'L'};
constexpr uint64_t pageBytes = 4096, parameterAlignment = 64;
constexpr std::string_view codeName = "code.so", payloadName = "payload.bin", manifestName = "manifest.json";

// The last bytes of an executable or shared library; little-endian, as everything on the targets there are.
struct Footer {
  char magic[8];
  uint32_t version;
  uint32_t kind;  // ArtifactKind
  uint64_t payloadBegin, payloadBytes;
  uint64_t manifestBegin, manifestBytes;
  uint64_t fileBytes;  // of the whole file, this footer included
  uint64_t reserved;
};
static_assert(sizeof(Footer) == 64);
constexpr uint32_t footerVersion = 1;

Error damaged(const std::string &path, std::string_view what) {
  return diagnose(ErrorKind::invalidInput, path)
      .says(what)
      .toFix("the artifact was cut short or is damaged: compile or copy it again");
}

std::optional<Footer> footerOf(const MappedFile &file) {
  if (file.size() < sizeof(Footer)) return std::nullopt;
  Footer footer;
  std::memcpy(&footer, file.bytes().data() + file.size() - sizeof(Footer), sizeof(Footer));
  if (std::memcmp(footer.magic, magic, sizeof(magic)) != 0) return std::nullopt;
  return footer;
}

Status checkPart(const Artifact &artifact, const std::string &name, uint64_t offset, uint64_t bytes,
                 uint64_t alignment) {
  uint64_t size = artifact.payload.size();
  if (offset <= size && bytes <= size - offset && offset % alignment == 0) return success();
  return damaged(artifact.path, fmt::format("the part '{}' should take the bytes {}+{} of the payload, which has {}",
                                            name, offset, bytes, size));
}

Status checkParts(const Artifact &artifact) {
  for (const ParameterSpec &parameter : artifact.manifest.parameters)
    if (!parameter.updated)
      LLC_TRY(checkPart(artifact, parameter.name, parameter.offset, parameter.bytes, parameterAlignment));
  for (const FilePart &file : artifact.manifest.files)
    LLC_TRY(checkPart(artifact, file.name, file.offset, file.bytes, 1));
  return success();
}

Result<Artifact> openBundle(const std::string &path) {
  Artifact artifact;
  artifact.kind = ArtifactKind::bundle;
  artifact.path = path;
  artifact.codePath = (fs::path(path) / codeName).string();
  std::string manifestPath = (fs::path(path) / manifestName).string();
  LLC_ASSIGN(std::string text, readTextFile(manifestPath));
  LLC_ASSIGN(artifact.manifest, parseManifest(text, manifestPath));
  LLC_ASSIGN(artifact.payloadFile, MappedFile::open((fs::path(path) / payloadName).string()));
  artifact.payload = artifact.payloadFile.bytes();
  LLC_TRY(checkParts(artifact));
  return artifact;
}

Result<Artifact> openFile(const std::string &path) {
  Artifact artifact;
  artifact.path = artifact.codePath = path;
  LLC_ASSIGN(artifact.payloadFile, MappedFile::open(path));
  auto footer = footerOf(artifact.payloadFile);
  if (!footer)
    return diagnose(ErrorKind::invalidInput, path)
        .says("is no compiled model (it does not end with the mark of one)")
        .toFix("make one with `llc-model compile MODEL -o OUT`; if this is one, it was cut short: copy it again");
  if (footer->version != footerVersion)
    return diagnose(ErrorKind::unsupported, path)
        .says(fmt::format("has the artifact format {}, this runtime reads {}", footer->version, footerVersion))
        .toFix("compile the model again with this version of llc-model");
  if (footer->fileBytes != artifact.payloadFile.size() || footer->kind > uint32_t(ArtifactKind::sharedLibrary))
    return damaged(path,
                   fmt::format("should have {} bytes and has {}", footer->fileBytes, artifact.payloadFile.size()));
  artifact.kind = ArtifactKind(footer->kind);
  LLC_ASSIGN(artifact.payload, artifact.payloadFile.slice(footer->payloadBegin, footer->payloadBytes, "the payload"));
  LLC_ASSIGN(auto text, artifact.payloadFile.slice(footer->manifestBegin, footer->manifestBytes, "the manifest"));
  LLC_ASSIGN(artifact.manifest,
             parseManifest({reinterpret_cast<const char *>(text.data()), text.size()}, path + ":manifest"));
  LLC_TRY(checkParts(artifact));
  return artifact;
}
}  // namespace

std::span<const std::byte> Artifact::parameter(size_t number) const {
  const ParameterSpec &spec = manifest.parameters[number];
  return payload.subspan(spec.offset, spec.bytes);
}

std::optional<std::string_view> Artifact::file(std::string_view name) const {
  for (const FilePart &part : manifest.files)
    if (part.name == name)
      return std::string_view(reinterpret_cast<const char *>(payload.data()) + part.offset, part.bytes);
  return std::nullopt;
}

Status Artifact::verify() const {
  auto expected = manifest.hashes.find("payload");
  if (expected == manifest.hashes.end()) return damaged(path, "has no hash of its payload");
  Sha256 hash;
  constexpr size_t piece = 64 << 20;
  uint64_t begin = uint64_t(payload.data() - payloadFile.bytes().data());
  for (size_t at = 0; at < payload.size(); at += piece) {
    hash.update(payload.subspan(at, std::min(piece, payload.size() - at)));
    payloadFile.release(begin + at, std::min(piece, payload.size() - at));  // reading all need not take memory for all
  }
  std::string found = hash.hex();
  if (found == expected->second) return success();
  return damaged(path, fmt::format("the payload's SHA-256 is {}, the manifest says {}", found, expected->second));
}

Result<Artifact> openArtifact(const std::string &path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored) ? openBundle(path) : openFile(path);
}

bool isArtifact(const std::string &path) {
  std::error_code ignored;
  if (fs::is_directory(path, ignored))
    return fs::exists(fs::path(path) / manifestName, ignored) && fs::exists(fs::path(path) / codeName, ignored);
  auto file = MappedFile::open(path);
  return file.ok() && footerOf(*file).has_value();
}

// ---- writing -------------------------------------------------------------------------------------------------------
Result<ArtifactWriter> ArtifactWriter::create(const std::string &path, ArtifactKind kind,
                                              std::span<const std::byte> code) {
  ArtifactWriter writer;
  writer.kind_ = kind;
  writer.path_ = path;
  writer.codeHash_ = sha256(code);
  if (kind != ArtifactKind::bundle) {
    LLC_ASSIGN(writer.payload_, OutputFile::create(path, true));
    LLC_TRY(writer.payload_->write(code));
    LLC_TRY(writer.payload_->padTo(pageBytes));
    writer.payloadBegin_ = writer.payload_->size();
    return writer;
  }
  LLC_TRY(writer.createStaging());
  LLC_ASSIGN(OutputFile codeFile, OutputFile::create((fs::path(*writer.staging_.path) / codeName).string(), true));
  LLC_TRY(codeFile.write(code));
  LLC_TRY(codeFile.commit());
  LLC_ASSIGN(writer.payload_, OutputFile::create((fs::path(*writer.staging_.path) / payloadName).string()));
  return writer;
}

Status ArtifactWriter::createStaging() {
  std::string pattern = path_ + ".partial-XXXXXX";
  if (!mkdtemp(pattern.data()))
    return diagnose(ErrorKind::invalidInput, path_)
        .says(std::string("cannot be written: ") + std::strerror(errno))
        .toFix("choose a directory that exists and that you may write to");
  staging_.path = std::make_unique<std::string>(pattern);
  std::error_code ignored;
  // mkdtemp makes the directory private; a result should be as readable as any new directory.
  fs::permissions(pattern, fs::perms(0755), ignored);
  return success();
}

ArtifactWriter::Staging::~Staging() {
  std::error_code ignored;
  if (path) fs::remove_all(*path, ignored);
}

Status ArtifactWriter::append(std::span<const std::byte> bytes) {
  payloadHash_.update(bytes);
  return payload_->write(bytes);
}

Status ArtifactWriter::align() {
  static constexpr std::byte zeros[parameterAlignment] = {};
  uint64_t beyond = (payload_->size() - payloadBegin_) % parameterAlignment;
  return append(std::span(zeros).first(beyond ? parameterAlignment - beyond : 0));
}

Status ArtifactWriter::beginParameter(ParameterSpec spec) {
  assert(missing_ == 0 && "the parameter before is not complete");
  LLC_TRY(align());
  spec.offset = payload_->size() - payloadBegin_;
  missing_ = spec.bytes;
  parameters_.push_back(std::move(spec));
  return success();
}

void ArtifactWriter::addUpdated(ParameterSpec spec) {
  assert(missing_ == 0 && spec.updated && "the parameter before is not complete");
  spec.offset = 0;
  parameters_.push_back(std::move(spec));
}

Status ArtifactWriter::write(std::span<const std::byte> bytes) {
  assert(bytes.size() <= missing_ && "more bytes than the parameter has");
  missing_ -= bytes.size();
  return append(bytes);
}

Status ArtifactWriter::addFile(std::string name, std::string_view content) {
  assert(missing_ == 0 && "the parameter before is not complete");
  auto bytes = std::as_bytes(std::span(content.data(), content.size()));
  files_.push_back({std::move(name), payload_->size() - payloadBegin_, content.size(), sha256(bytes)});
  return append(bytes);
}

Status ArtifactWriter::finish(Manifest manifest) {
  assert(missing_ == 0 && "the last parameter is not complete");
  manifest.parameters = std::move(parameters_);
  manifest.files = std::move(files_);
  manifest.hashes["code"] = codeHash_;
  manifest.hashes["payload"] = payloadHash_.hex();
  std::string text = toJson(manifest);
  if (kind_ == ArtifactKind::bundle) return finishBundle(text);
  Footer footer = {};
  std::memcpy(footer.magic, magic, sizeof(magic));
  footer.version = footerVersion;
  footer.kind = uint32_t(kind_);
  footer.payloadBegin = payloadBegin_;
  footer.payloadBytes = payload_->size() - payloadBegin_;
  footer.manifestBegin = payload_->size();
  footer.manifestBytes = text.size();
  LLC_TRY(payload_->write(text));
  LLC_TRY(payload_->padTo(sizeof(Footer)));
  footer.fileBytes = payload_->size() + sizeof(Footer);
  LLC_TRY(payload_->write(std::as_bytes(std::span(&footer, 1))));
  return payload_->commit();
}

Status ArtifactWriter::finishBundle(const std::string &manifest) {
  LLC_TRY(payload_->commit());
  LLC_TRY(writeFile((fs::path(*staging_.path) / manifestName).string(), manifest));
  std::error_code code;
  // A directory can only be replaced by a rename when it is empty; an older bundle is removed first.
  if (isArtifact(path_)) fs::remove_all(path_, code);
  fs::rename(*staging_.path, path_, code);
  if (code)
    return diagnose(ErrorKind::invalidInput, path_)
        .says("cannot be replaced: " + code.message())
        .toFix("name a directory that does not exist yet, or an older bundle");
  staging_.path.reset();
  return success();
}

}  // namespace llc
