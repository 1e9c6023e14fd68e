#include "compiler/aot/link.h"

#include <lld/Common/Driver.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace lld::elf {
bool link(llvm::ArrayRef<const char *> arguments, llvm::raw_ostream &out, llvm::raw_ostream &errors, bool exitEarly,
          bool disableOutput);
}

namespace llc::compiler {
namespace {
namespace fs = std::filesystem;

// An object in memory that lld can open by name.
class MemoryFile {
 public:
  static Result<MemoryFile> create(const LinkInput &input) {
    int descriptor = memfd_create("llc-object", MFD_CLOEXEC);
    if (descriptor < 0) return failure(input);
    MemoryFile file(descriptor);
    for (size_t done = 0; done < input.bytes.size();) {
      ssize_t n = ::write(descriptor, input.bytes.data() + done, input.bytes.size() - done);
      if (n <= 0) return failure(input);
      done += static_cast<size_t>(n);
    }
    return file;
  }
  MemoryFile(MemoryFile &&other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  MemoryFile &operator=(MemoryFile &&) = delete;
  ~MemoryFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  std::string path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }

 private:
  explicit MemoryFile(int descriptor) : descriptor_(descriptor) {}
  static Error failure(const LinkInput &input) {
    return diagnose(ErrorKind::resource, input.name)
        .says("no memory for an object file of " + std::to_string(input.bytes.size()) + " bytes")
        .toFix("free some memory and compile again");
  }
  int descriptor_ = -1;
};

// A folder of our own for the linker's output, removed with all that is in it.
struct TemporaryFolder {
  std::string path;
  TemporaryFolder() {
    std::error_code error;
    std::string pattern = (fs::temp_directory_path(error) / "llc-link-XXXXXX").string();
    if (!error && mkdtemp(pattern.data())) path = pattern;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    if (!path.empty()) fs::remove_all(path, ignored);
  }
};

Result<std::string> systemLibrary(const std::string &name) {
  for (const char *folder :
       {"/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib64", "/usr/lib64", "/usr/lib"}) {
    std::string path = std::string(folder) + "/" + name;
    if (fs::exists(path)) return path;
  }
  return diagnose(ErrorKind::notFound, name)
      .says("the C library is not in any of the usual folders")
      .toFix("install glibc, or make a shared library with --format so");
}

// Shared libraries export the table alone: kernels of several programs in one process stay apart, unused ones are
// dropped.
constexpr const char *exportsScript = "{ global: llc_modules; local: *; };\n";

Result<std::vector<std::string>> arguments(ArtifactKind kind, const std::string &archive, const std::string &output,
                                           const std::string &exports) {
  std::vector<std::string> list = {"ld.lld",
                                   "-o",
                                   output,
                                   "--build-id=none",
                                   "-z",
                                   "noexecstack",
                                   "-z",
                                   "relro",
                                   "-z",
                                   "now",
                                   "--gc-sections",
                                   "--eh-frame-hdr",
                                   "--hash-style=gnu",
                                   "-s",
                                   "--threads=1",
                                   "-O1",
                                   "--icf=none"};
  if (kind != ArtifactKind::executable) {
    list.insert(list.end(), {"-shared", "--no-undefined", "-Bsymbolic", "--version-script", exports});
    return list;
  }
  LLC_ASSIGN(std::string libc, systemLibrary("libc.so.6"));
  LLC_ASSIGN(std::string libm, systemLibrary("libm.so.6"));
  LLC_ASSIGN(std::string loader, systemLibrary("ld-linux-x86-64.so.2"));
  list.insert(list.end(),
              {"-pie", "--dynamic-linker", "/lib64/ld-linux-x86-64.so.2", archive, libc, libm, "--as-needed", loader});
  return list;
}

Result<std::string> readAll(const std::string &path) {
  std::ifstream stream(path, std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(stream)), {});
  if (!stream || bytes.empty())
    return diagnose(ErrorKind::resource, path)
        .says("the linked program can't be read back")
        .toFix("check the space left in the temporary folder (TMPDIR)");
  return bytes;
}
}  // namespace

Result<std::string> linkElf(const std::vector<LinkInput> &objects, ArtifactKind kind,
                            const std::string &runtimeArchive) {
  TemporaryFolder folder;
  if (folder.path.empty())
    return diagnose(ErrorKind::resource, "temporary folder")
        .says("can't be made")
        .toFix("set TMPDIR to a folder that can be written and has 20 MB free");
  std::string output = folder.path + "/linked";
  LLC_ASSIGN(MemoryFile exports, MemoryFile::create({"exports", exportsScript}));
  LLC_ASSIGN(std::vector<std::string> list, arguments(kind, runtimeArchive, output, exports.path()));
  std::vector<MemoryFile> files;
  for (const LinkInput &input : objects) {
    LLC_ASSIGN(MemoryFile file, MemoryFile::create(input));
    list.insert(list.begin() + 3, file.path());
    files.push_back(std::move(file));
  }
  std::vector<const char *> pointers;
  for (const std::string &argument : list) pointers.push_back(argument.c_str());
  std::string messages;
  llvm::raw_string_ostream stream(messages);
  lld::Result result = lld::lldMain(pointers, stream, stream, {{lld::Gnu, &lld::elf::link}});
  std::replace(messages.begin(), messages.end(), '\n', ' ');
  if (result.retCode != 0)
    return diagnose(ErrorKind::internal, "linker")
        .says(messages.substr(0, 2000))
        .toFix("check that " + (runtimeArchive.empty() ? std::string("the module") : runtimeArchive) +
               " belongs to this version of llc-model and that TMPDIR has space");
  return readAll(output);
}

Result<std::string> findRuntimeArchive() {
  if (const char *given = std::getenv("LLC_ARTIFACT_ARCHIVE"); given && *given) return std::string(given);
  std::error_code error;
  fs::path program = fs::read_symlink("/proc/self/exe", error);
  std::string looked;
  for (const char *place : {"../lib/libllc_artifact.a", "../lib/llc-model/libllc_artifact.a"}) {
    fs::path path = (program.parent_path() / place).lexically_normal();
    if (fs::exists(path, error)) return path.string();
    looked += (looked.empty() ? "" : " and ") + path.string();
  }
  return diagnose(ErrorKind::notFound, "libllc_artifact.a")
      .says("the runtime that executables are linked with is missing; looked for " + looked)
      .toFix("install llc-model whole, set LLC_ARTIFACT_ARCHIVE to its path, or use --format so");
}

}  // namespace llc::compiler
