// Artifact files: footer, manifest and parts. What opens must lie inside the file, and reading all of it must be safe.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>

#include "runtime/abi/artifact.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  int descriptor = memfd_create("fuzz", MFD_CLOEXEC);
  if (write(descriptor, data, size) != ssize_t(size)) abort();
  auto artifact = llc::openArtifact("/proc/self/fd/" + std::to_string(descriptor));
  if (artifact) {
    unsigned sum = 0;
    for (size_t i = 0; i < artifact->manifest.parameters.size(); ++i)
      for (std::byte value : artifact->parameter(i)) sum += unsigned(value);
    for (const llc::FilePart &file : artifact->manifest.files) sum += unsigned(artifact->file(file.name)->size());
    (void)artifact->verify().ok();
    asm volatile("" : : "r"(sum));
  } else if (artifact.error().remedy.empty()) {
    abort();
  }
  close(descriptor);
  return 0;
}
