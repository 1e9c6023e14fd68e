/* The main of every ahead-of-time executable. */
#include "runtime/abi/llc_abi.h"

extern const llc_module llc_modules[];

int main(int argc, char **argv) { return llc_artifact_main(argc, argv, llc_modules); }
