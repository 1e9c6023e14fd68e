#include "compiler/aot/link.h"

#include <lld/Common/Driver.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "runtime/base/temporary_folder.h"

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

// What differs between architectures when an executable is linked.
struct Platform {
  std::vector<const char *> folders;  // where its C library may be, of this machine or of a cross compiler
  const char *loaderName;             // its path on the machine that runs the program is in start/
  const char *packages;  // Debian's, that bring the C library
};
const Platform &platformOf(Architecture architecture) {
  static const Platform x86{{"/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/usr/x86_64-linux-gnu/lib",
                             "/lib64", "/usr/lib64", "/usr/lib"},
                            "ld-linux-x86-64.so.2",
                            "libc6:amd64 (or libc6-amd64-cross)"};
  static const Platform arm{{"/lib/aarch64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/aarch64-linux-gnu/lib"},
                            "ld-linux-aarch64.so.1",
                            "libc6:arm64 (or libc6-arm64-cross)"};
  return architecture == Architecture::x86_64 ? x86 : arm;
}

Result<std::string> systemLibrary(Architecture architecture, const std::string &name) {
  const Platform &platform = platformOf(architecture);
  for (const char *folder : platform.folders) {
    std::string path = std::string(folder) + "/" + name;
    if (fs::exists(path)) return path;
  }
  return diagnose(ErrorKind::notFound, name)
      .says("the C library for " + std::string(architectureName(architecture)) + " is not in any of the usual folders")
      .toFix(std::string("install glibc (on Debian ") + platform.packages +
             "), or make a shared library with --format so");
}

// The table alone is exported: kernels (and runtimes) of several programs in one process stay apart, unused ones are
// dropped.
constexpr const char *exportsScript = "{ global: llc_modules; local: *; };\n";

Result<std::vector<std::string>> arguments(ArtifactKind kind, Architecture architecture, ProgramKind program,
                                           const std::string &archive, const std::string &output,
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
  list.insert(list.end(), {"-shared", "--no-undefined", "-Bsymbolic", "--version-script", exports});
  if (kind != ArtifactKind::executable) return list;
  LLC_ASSIGN(std::string libc, systemLibrary(architecture, "libc.so.6"));
  LLC_ASSIGN(std::string libm, systemLibrary(architecture, "libm.so.6"));
  LLC_ASSIGN(std::string loader, systemLibrary(architecture, platformOf(architecture).loaderName));
  // Not -pie: that would tie thread-local variables to the main program, and the loader refuses to load it into another.
  // The name of the loader, which makes a shared object a program, is in start/.
  const char *main = program == ProgramKind::serving ? "llc_artifact_main" : "llc_trainer_main";
  list.push_back(std::string("--defsym=llc_program_main=") + main);
  list.insert(list.end(), {"-e", "_start", archive, libc, libm, "--as-needed", loader});
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

Result<std::string> linkElf(const std::vector<LinkInput> &objects, ArtifactKind kind, const std::string &runtimeArchive,
                            Architecture architecture, ProgramKind program) {
  LLC_ASSIGN(TemporaryFolder folder, TemporaryFolder::make("20 MB"));
  std::string output = folder.path() + "/linked";
  LLC_ASSIGN(MemoryFile exports, MemoryFile::create({"exports", exportsScript}));
  LLC_ASSIGN(std::vector<std::string> list, arguments(kind, architecture, program, runtimeArchive, output, exports.path()));
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

Result<std::string> findRuntimeArchive(Architecture architecture) {
  if (const char *given = std::getenv("LLC_ARTIFACT_ARCHIVE"); given && *given) return std::string(given);
  std::error_code error;
  fs::path program = fs::read_symlink("/proc/self/exe", error);
  bool native = architecture == hostArchitecture;
  std::string name =
      native ? "libllc_artifact.a" : "libllc_artifact_" + std::string(architectureName(architecture)) + ".a";
  std::string looked;
  for (const char *place : {"../lib", "../lib/llc-model"}) {
    fs::path path = (program.parent_path() / place / name).lexically_normal();
    if (fs::exists(path, error)) return path.string();
    looked += (looked.empty() ? "" : " and ") + path.string();
  }
  return diagnose(native ? ErrorKind::notFound : ErrorKind::unsupported, name)
      .says("the runtime that executables are linked with is missing; looked for " + looked)
      .toFix(native ? "install llc-model whole, set LLC_ARTIFACT_ARCHIVE to its path, or use --format so"
                    : "build llc-model on a machine that has the C and C++ libraries of " +
                          std::string(architectureName(architecture)) +
                          " (docs/guides/cross-compile.md), set LLC_ARTIFACT_ARCHIVE to its path, or use --format so");
}

}  // namespace llc::compiler
