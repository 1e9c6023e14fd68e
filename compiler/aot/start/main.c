/* The main of every ahead-of-time executable. What it does is named when it is linked: llc_artifact_main serves,
   llc_trainer_main trains. */
#include "runtime/abi/llc_abi.h"

extern const llc_module llc_modules[];
extern int llc_program_main(int argc, char **argv, const llc_module *modules);

int main(int argc, char **argv) { return llc_program_main(argc, argv, llc_modules); }

/* Identifies this program to __cxa_atexit. */
__attribute__((visibility("hidden"))) void *const __dso_handle = (void *)&__dso_handle;

/* What crtbegin.o does otherwise: destructors of static objects run when the program is unloaded from another one, not
   after its code is gone. At the end of the program itself they have run before this, and are not run again. */
extern void __cxa_finalize(void *);
__attribute__((destructor)) static void finalize(void) { __cxa_finalize(__dso_handle); }
