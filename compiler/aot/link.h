// The linker, in process.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "runtime/abi/artifact.h"
#include "runtime/base/cpu.h"
#include "runtime/base/status.h"

namespace llc::compiler {

struct LinkInput {
  std::string name;   // for messages
  std::string bytes;  // an ELF relocatable object
};
// What an executable is for: its main in the runtime.
enum class ProgramKind { serving, training };

// Links objects into a shared library that exports llc_modules and needs nothing, or, with the runtime's archive, into
// an executable that needs libc.so.6 and libm.so.6 alone. Executables export llc_modules as well, and can be loaded
// like libraries. Gives the file's bytes. Deterministic. Errors: an executable for an architecture whose C library is not
// on this machine.
Result<std::string> linkElf(const std::vector<LinkInput> &objects, ArtifactKind kind, const std::string &runtimeArchive,
                            Architecture architecture = hostArchitecture,
                            ProgramKind program = ProgramKind::serving);

// The archive that executables are linked from, beside this program: ../lib or ../lib/llc-model. The environment
// variable LLC_ARTIFACT_ARCHIVE overrides. Error: not there, and where it was looked for.
Result<std::string> findRuntimeArchive(Architecture architecture = hostArchitecture);

}  // namespace llc::compiler
