// The kernel says what there is and what programs may use (getauxval); names and caches come from /proc and /sys.
#if defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>

#include <charconv>
#include <fstream>
#include <utility>

#include "runtime/base/cpu_detect.h"

namespace llc {
namespace {

// Names are LLVM's. Headers older than the kernel may lack the newer bits, which never change.
std::vector<std::string> detectFeatures() {
  constexpr unsigned long i8mmBit = 1UL << 13, bf16Bit = 1UL << 14;
  unsigned long first = getauxval(AT_HWCAP), second = getauxval(AT_HWCAP2);
  std::vector<std::string> found;
  auto note = [&](bool present, const char *name) {
    if (present) found.push_back(name);
  };
  note(first & HWCAP_ASIMD, "neon");
  note(first & HWCAP_ATOMICS, "lse");
  note(first & HWCAP_ASIMDHP, "fullfp16");
  note(first & HWCAP_ASIMDDP, "dotprod");
  note(second & i8mmBit, "i8mm");
  note(second & bf16Bit, "bf16");
  note(first & HWCAP_SVE, "sve");
  return found;
}

std::string firstLine(const std::string &path) {
  std::string line;
  std::ifstream stream(path);
  std::getline(stream, line);
  return line;
}

// The value of "CPU part : 0xd0b" in /proc/cpuinfo; -1 if it is not there.
int cpuinfoNumber(std::string_view key) {
  std::ifstream stream("/proc/cpuinfo");
  for (std::string line; std::getline(stream, line);) {
    size_t value = line.find("0x");
    if (!line.starts_with(key) || value == std::string::npos) continue;
    int number = -1;
    std::from_chars(line.data() + value + 2, line.data() + line.size(), number, 16);
    return number;
  }
  return -1;
}

// Arm, "Main ID Register": implementer codes, and the part numbers of their cores.
constexpr std::pair<int, const char *> implementers[] = {{0x41, "ARM"},      {0x46, "Fujitsu"}, {0x48, "HiSilicon"},
                                                         {0x51, "Qualcomm"}, {0x61, "Apple"},   {0xc0, "Ampere"}};
constexpr std::pair<int, const char *> armParts[] = {
    {0xd03, "Cortex-A53"},  {0xd05, "Cortex-A55"},  {0xd08, "Cortex-A72"},  {0xd0b, "Cortex-A76"},
    {0xd0c, "Neoverse N1"}, {0xd40, "Neoverse V1"}, {0xd49, "Neoverse N2"}, {0xd4f, "Neoverse V2"}};

template <size_t count>
std::string lookUp(const std::pair<int, const char *> (&table)[count], int number) {
  for (auto &[code, name] : table)
    if (code == number) return name;
  return "unknown";
}

// "48K" or "1024K"; 0 for what is no size.
int64_t parseSize(const std::string &text) {
  int64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || value < 0 || value > (1 << 30)) return 0;
  if (*end == 'K') return value << 10;
  return *end == 'M' ? value << 20 : value;
}

void detectCaches(CpuInfo &info) {
  for (int i = 0; i < 8; i++) {
    std::string folder = "/sys/devices/system/cpu/cpu0/cache/index" + std::to_string(i) + "/";
    std::string level = firstLine(folder + "level"), type = firstLine(folder + "type");
    int64_t bytes = parseSize(firstLine(folder + "size"));
    if (!bytes || type == "Instruction") continue;
    if (level == "1") info.l1Bytes = bytes;
    if (level == "2") info.l2Bytes = bytes;
    if (level == "3") info.l3Bytes = bytes;
  }
}

}  // namespace

void detectCpu(CpuInfo &info) {
  int implementer = cpuinfoNumber("CPU implementer");
  info.vendor = lookUp(implementers, implementer);
  info.model = implementer == 0x41 ? lookUp(armParts, cpuinfoNumber("CPU part")) : info.vendor;
  info.features = detectFeatures();
  detectCaches(info);
}

}  // namespace llc
#endif
