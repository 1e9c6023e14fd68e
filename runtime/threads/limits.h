// How many threads this process may use with profit, and why: CPUs in the affinity mask, hyper-threads that share a
// core, the CPU quota of the cgroup (version 1 or 2), rounded down.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace llc {

struct ThreadLimits {
  int64_t affinity = 1;         // CPUs in the mask
  int64_t cores = 1;            // physical cores among them
  std::optional<double> quota;  // CPUs' worth of time, when a cgroup limits it
  std::string quotaSource;      // the file that says so
  int64_t threads = 1;          // the default
  std::string reason;           // one sentence
};
ThreadLimits threadLimits();

// The memory a process may still take: what the machine has available, or what the cgroup leaves, whichever is less.
struct MemoryLimits {
  uint64_t availableBytes = 0;
  std::string source;  // "MemAvailable", or the cgroup's file
};
MemoryLimits memoryLimits();

// For tests: the same from the files below `root` ("/" is the machine), with the CPUs of the mask given.
ThreadLimits threadLimitsFrom(const std::string &root, const std::vector<int> &cpus);
MemoryLimits memoryLimitsFrom(const std::string &root);

}  // namespace llc
