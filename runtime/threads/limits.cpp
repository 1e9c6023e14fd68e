#include "runtime/threads/limits.h"

#include <sched.h>

#include <cmath>
#include <fstream>
#include <set>
#include <sstream>

#include "runtime/base/memory.h"

namespace llc {

namespace {
// The first line of a small system file; nothing when it can't be read.
std::optional<std::string> lineOf(const std::string &path) {
  std::ifstream stream(path);
  std::string line;
  if (!std::getline(stream, line)) return std::nullopt;
  return line;
}

std::optional<double> numberOf(const std::optional<std::string> &text) {
  if (!text) return std::nullopt;
  std::istringstream stream(*text);
  double value;
  return stream >> value ? std::optional(value) : std::nullopt;
}

// Where this process's control group lies for `controller`: directories from its own group up to the root, best first.
// Version 2 has the empty controller name. Inside a container the path of /proc/self/cgroup may not exist below the
// mount, which shows the group's own directory as its root: walking up ends there.
std::vector<std::string> groupDirectories(const std::string &root, const std::string &controller) {
  std::ifstream groups(root + "/proc/self/cgroup");
  std::string line, path;
  bool found = false;
  while (!found && std::getline(groups, line)) {
    size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    std::istringstream names(line.substr(first + 1, second - first - 1));
    std::string name;
    bool matches = controller.empty() && second == first + 1;
    while (std::getline(names, name, ',')) matches |= name == controller;
    if (matches) path = line.substr(second + 1), found = true;
  }
  std::string mount = root + "/sys/fs/cgroup" + (controller.empty() ? "" : "/" + controller);
  std::vector<std::string> directories;
  while (!path.empty() && path != "/") {
    directories.push_back(mount + path);
    path.resize(path.rfind('/'));
  }
  directories.push_back(mount);
  return directories;
}

struct Quota {
  double cpus;
  std::string source;
};

// "max 100000" or "150000 100000" (microseconds of CPU time per period).
std::optional<double> quotaOfVersion2(const std::string &directory) {
  auto line = lineOf(directory + "/cpu.max");
  if (!line) return std::nullopt;
  std::istringstream stream(*line);
  double quota, period;
  if (stream >> quota >> period && period > 0) return quota / period;
  return std::nullopt;
}
std::optional<double> quotaOfVersion1(const std::string &directory) {
  auto quota = numberOf(lineOf(directory + "/cpu.cfs_quota_us")),
       period = numberOf(lineOf(directory + "/cpu.cfs_period_us"));
  if (quota && period && *quota > 0 && *period > 0) return *quota / *period;
  return std::nullopt;
}

// Every group from ours up to the root limits us: the smallest counts.
std::optional<Quota> cpuQuota(const std::string &root) {
  std::optional<Quota> smallest;
  auto consider = [&](std::optional<double> cpus, const std::string &source) {
    if (cpus && (!smallest || *cpus < smallest->cpus)) smallest = Quota{*cpus, source};
  };
  for (const std::string &directory : groupDirectories(root, ""))
    consider(quotaOfVersion2(directory), directory + "/cpu.max");
  for (const std::string &directory : groupDirectories(root, "cpu"))
    consider(quotaOfVersion1(directory), directory + "/cpu.cfs_quota_us");
  return smallest;
}

int64_t physicalCores(const std::string &root, const std::vector<int> &cpus) {
  std::set<std::string> cores;
  for (int cpu : cpus) {
    auto siblings = lineOf(fmt::format("{}/sys/devices/system/cpu/cpu{}/topology/thread_siblings_list", root, cpu));
    cores.insert(siblings.value_or(fmt::format("cpu {}", cpu)));
  }
  return int64_t(cores.size());
}

std::vector<int> affinityMask() {
  std::vector<int> cpus;
  // Machines with more CPUs than cpu_set_t holds need a larger set: grow it until the system accepts it.
  for (int count = CPU_SETSIZE; count <= 1 << 20; count *= 2) {
    cpu_set_t *set = CPU_ALLOC(size_t(count));
    size_t size = CPU_ALLOC_SIZE(size_t(count));
    bool fits = sched_getaffinity(0, size, set) == 0;
    for (int cpu = 0; fits && cpu < count; ++cpu)
      if (CPU_ISSET_S(size_t(cpu), size, set)) cpus.push_back(cpu);
    CPU_FREE(set);
    if (fits) break;
  }
  if (cpus.empty()) cpus.push_back(0);
  return cpus;
}

// Bytes that a memory control group still allows: its limit less what is used, without the page cache it can drop.
std::optional<uint64_t> memoryLeft(const std::string &directory, const char *limitName, const char *usageName) {
  auto limit = numberOf(lineOf(directory + "/" + limitName)), usage = numberOf(lineOf(directory + "/" + usageName));
  if (!limit || !usage || *limit > 0x1p60) return std::nullopt;  // "max", or version 1's way of saying so
  double cached = 0;
  std::ifstream statistics(directory + "/memory.stat");
  std::string key;
  double value;
  while (statistics >> key >> value)
    if (key == "inactive_file" || key == "active_file") cached += value;
  return uint64_t(std::max(0.0, *limit - *usage + std::min(cached, *usage)));
}
}  // namespace

ThreadLimits threadLimitsFrom(const std::string &root, const std::vector<int> &cpus) {
  ThreadLimits limits;
  limits.affinity = int64_t(cpus.size());
  limits.cores = physicalCores(root, cpus);
  limits.threads = limits.cores;
  limits.reason = fmt::format("{} may be used (affinity mask), on {}", counted(limits.affinity, "CPU"),
                              counted(limits.cores, "physical core"));
  if (auto quota = cpuQuota(root)) {
    limits.quota = quota->cpus;
    limits.quotaSource = quota->source;
    limits.threads = std::min(limits.threads, int64_t(std::floor(quota->cpus)));
    limits.reason += fmt::format(", the control group allows the time of {:.4g} ({})", quota->cpus, quota->source);
  }
  limits.threads = std::clamp<int64_t>(limits.threads, 1, 256);
  return limits;
}

ThreadLimits threadLimits() { return threadLimitsFrom("", affinityMask()); }

MemoryLimits memoryLimitsFrom(const std::string &root) {
  MemoryLimits limits{UINT64_MAX, "no limit is known"};
  auto consider = [&](std::optional<uint64_t> bytes, const std::string &source) {
    if (bytes && *bytes < limits.availableBytes) limits = {*bytes, source};
  };
  std::ifstream meminfo(root + "/proc/meminfo");
  std::string key;
  double kibibytes;
  while (meminfo >> key >> kibibytes) {
    if (key == "MemAvailable:") consider(uint64_t(kibibytes * 1024), "MemAvailable");
    meminfo.ignore(64, '\n');
  }
  for (const std::string &directory : groupDirectories(root, ""))
    consider(memoryLeft(directory, "memory.max", "memory.current"), directory + "/memory.max");
  for (const std::string &directory : groupDirectories(root, "memory"))
    consider(memoryLeft(directory, "memory.limit_in_bytes", "memory.usage_in_bytes"),
             directory + "/memory.limit_in_bytes");
  return limits;
}

MemoryLimits memoryLimits() { return memoryLimitsFrom(""); }

}  // namespace llc
