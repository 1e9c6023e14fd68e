// What each architecture's file of runtime/base finds out about the processor; only the host's is compiled.
#pragma once
#include "runtime/base/cpu.h"

namespace llc {

// Fills in vendor, model, features and the caches that are known. Not the level: that follows from the features.
void detectCpu(CpuInfo &info);

}  // namespace llc
