// Runs calls of a compiled library on the architecture that this is built for:  runner LIBRARY CALLS RESULTS
// CALLS is a file of call images; RESULTS gets the same images after the calls. The library's code is that of $LLC_ISA.
#include <cstdio>
#include <exception>

#include "runtime/base/mapped_file.h"
#include "runtime/base/output_file.h"
#include "runtime/serve/program.h"
#include "tests/conformance/call_image.h"

namespace llc::conformance {
namespace {
Status runAll(const std::string &library, const std::string &calls, const std::string &results) {
  LLC_ASSIGN(Program program, Program::open(library));
  LLC_ASSIGN(MappedFile file, MappedFile::open(calls));
  std::vector<CallImage> images = fromBytes(file.text());
  for (CallImage &image : images) {
    llc_entry code = program.entry(image.entry);
    if (!code) return diagnose(ErrorKind::notFound, image.entry).says("is no entry").toFix("mend the test");
    image.run(code, program.manifest(), program.parameters());
    image.caches.clear();  // nobody looks at them
  }
  return writeFile(results, toBytes(images));
}
}  // namespace
}  // namespace llc::conformance

int main(int argc, char **argv) {
  if (argc != 4) return fputs("usage: runner LIBRARY CALLS RESULTS\n", stderr), 2;
  try {
    llc::Status status = llc::conformance::runAll(argv[1], argv[2], argv[3]);
    if (status) return 0;
    fprintf(stderr, "%s\n", status.error().text().c_str());
  } catch (const std::exception &error) {
    fprintf(stderr, "%s\n", error.what());
  }
  return 1;
}
