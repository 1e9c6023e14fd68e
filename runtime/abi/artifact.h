// Files that hold compiled programs.
//   executable and shared library:  ELF file, zeros to a page, payload, manifest JSON, footer (the last 64 bytes)
//   bundle (a directory):           code.so, payload.bin, manifest.json
// The payload holds the parameters (64-byte aligned each, the payload itself page-aligned in the file) and the files
// that travel along; ParameterSpec.offset and FilePart.offset count from its beginning. Parameters that the program updates are not
// stored. Nothing depends on time or place, so equal input gives equal bytes.
#pragma once
#include <memory>
#include <optional>
#include <string>

#include "runtime/abi/manifest.h"
#include "runtime/base/mapped_file.h"
#include "runtime/base/output_file.h"
#include "runtime/base/sha256.h"

namespace llc {

enum class ArtifactKind { executable, sharedLibrary, bundle };

// An artifact on disk, its parts checked against the file's length. Holds no code: runtime/serve/program.h loads that.
struct Artifact {
  ArtifactKind kind = ArtifactKind::executable;
  std::string path;      // as given
  std::string codePath;  // what to dlopen: the file itself, or code.so of the bundle
  Manifest manifest;
  MappedFile payloadFile;
  std::span<const std::byte> payload;

  std::span<const std::byte> parameter(size_t number) const;
  std::optional<std::string_view> file(std::string_view name) const;
  // Reads the whole payload and compares it with the hash in the manifest. invalidInput: it was changed or damaged.
  Status verify() const;
};
// Errors: notFound; invalidInput for a file that is no artifact, was cut short or lies about its parts.
Result<Artifact> openArtifact(const std::string &path);
// Whether the file or directory looks like an artifact (ends with a footer's magic, or holds manifest.json and
// code.so).
bool isArtifact(const std::string &path);

// Writes an artifact, streaming: code first, then parameters and files in the order given, then finish(). The target
// appears only when finish() succeeds; nothing is left behind otherwise (a full disk says so).
class ArtifactWriter {
 public:
  // `code`: the linked ELF file's bytes. For a bundle `path` is the directory, which may not exist yet.
  static Result<ArtifactWriter> create(const std::string &path, ArtifactKind kind, std::span<const std::byte> code);
  // Begins parameter `spec` (offset is filled in), then write() its bytes in pieces; the next one may begin when all
  // are there.
  Status beginParameter(ParameterSpec spec);
  Status write(std::span<const std::byte> bytes);
  // One that the program updates: nothing is stored, it begins as zeros.
  void addUpdated(ParameterSpec spec);
  Status addFile(std::string name, std::string_view content);
  // `manifest`: parameters and files are replaced by what was written.
  Status finish(Manifest manifest);

 private:
  // The directory in which a bundle is put together; removed with everything in it unless finish() renamed it.
  struct Staging {
    std::unique_ptr<std::string> path;
    Staging() = default;
    Staging(Staging &&) = default;
    ~Staging();
  };
  ArtifactWriter() = default;
  Status createStaging();
  Status finishBundle(const std::string &manifest);
  ArtifactKind kind_ = ArtifactKind::executable;
  std::string path_, codeHash_;
  Staging staging_;  // before payload_: the payload's file lies in it
  std::optional<OutputFile> payload_;
  Sha256 payloadHash_;
  Status append(std::span<const std::byte> bytes);  // to the payload
  Status align();
  uint64_t payloadBegin_ = 0, missing_ = 0;
  std::vector<ParameterSpec> parameters_;
  std::vector<FilePart> files_;
};

}  // namespace llc
