// What generated code exports: the table of modules and, in an executable, main.
#include "tests/runtime/serve/fake_program.h"

namespace {
const llc_entry_symbol entries[] = {
    {"step", llc::fakeStep}, {"score", llc::fakeScore}, {"embed", llc::fakeEmbed}, {nullptr, nullptr}};
}

extern "C" {
extern const llc_module llc_modules[];
const llc_module llc_modules[] = {{"avx512", "no-machine-has-this", entries, LLC_ABI_VERSION},
                                  {"generic", "", entries, LLC_ABI_VERSION},
                                  {nullptr, nullptr, nullptr, 0}};
}

int main(int argc, char **argv) { return llc_artifact_main(argc, argv, llc_modules); }
