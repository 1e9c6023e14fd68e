// What each architecture's file of runtime/base finds out about the processor; only the host's is compiled.
#pragma once
#include "runtime/base/cpu.h"

namespace llc {

#if defined(__x86_64__)
// What the processor and the operating system say of themselves, and what becomes of it: apart from the asking, so that
// it can be tested.
struct X86Words {
  unsigned leaf1c = 0, leaf1d = 0, leaf7b = 0, leaf7c = 0, leaf7d = 0, leaf71a = 0;  // cpuid leaves 1; 7; 7, 1
  uint64_t savedState = 0;      // XCR0: the register files that are saved at a context switch; 0: none
  bool tilesPermitted = false;  // the system lets this process use the tiles
};
bool hasTiles(const X86Words &);  // there, and saved at a context switch
std::vector<std::string> x86Features(const X86Words &);
#endif

// Fills in vendor, model, features and the caches that are known. Not the level: that follows from
// the features.
void detectCpu(CpuInfo &info);

}  // namespace llc
