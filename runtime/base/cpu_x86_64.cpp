// cpuid says what there is, xgetbv which registers the operating system saves.
#if defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "runtime/base/cpu_detect.h"

namespace llc {
namespace {

struct Registers {
  unsigned a = 0, b = 0, c = 0, d = 0;
};
Registers cpuid(unsigned leaf, unsigned subleaf = 0) {
  Registers r;
  __get_cpuid_count(leaf, subleaf, &r.a, &r.b, &r.c, &r.d);  // leaves the registers zero for an unknown leaf
  return r;
}
bool bit(unsigned word, int number) { return word >> number & 1; }

// Which register files the operating system saves at a context switch (XCR0); 0 if it saves none.
uint64_t savedState() {
  if (!bit(cpuid(1).c, 27)) return 0;
  unsigned low = 0, high = 0;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return uint64_t(high) << 32 | low;
}

// The tiles' 8 KiB are saved only for processes that have asked for them; using them without is SIGILL.
bool requestTiles() {
  constexpr long requestPermission = 0x1023, tileData = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
  return syscall(SYS_arch_prctl, requestPermission, tileData) == 0;
}

void detectFeatures(CpuInfo &info) {
  Registers one = cpuid(1), seven = cpuid(7), sevenOne = cpuid(7, 1);
  X86Words words{.leaf1c = one.c,
                 .leaf1d = one.d,
                 .leaf7b = seven.b,
                 .leaf7c = seven.c,
                 .leaf7d = seven.d,
                 .leaf71a = sevenOne.a,
                 .savedState = savedState(),
                 .tilesPermitted = false};
  if (hasTiles(words)) {
    words.tilesPermitted = requestTiles();
    if (!words.tilesPermitted)
      info.notes.push_back(std::string("AMX is there, but the system refuses its tiles: ") + std::strerror(errno));
  }
  info.features = x86Features(words);
}

std::string vendorName() {
  Registers r = cpuid(0);
  char text[13] = {};
  std::memcpy(text, &r.b, 4);
  std::memcpy(text + 4, &r.d, 4);
  std::memcpy(text + 8, &r.c, 4);
  return text;
}

std::string modelName() {
  char text[49] = {};
  for (unsigned i = 0; i < 3; i++) {
    Registers r = cpuid(0x80000002 + i);
    std::memcpy(text + 16 * i, &r, 16);
  }
  std::string name = text;
  size_t first = name.find_first_not_of(' '), last = name.find_last_not_of(' ');
  return first == std::string::npos ? "unknown" : name.substr(first, last - first + 1);
}

// Deterministic cache parameters: leaf 4 on Intel, 0x8000001d on AMD, the same format.
void detectCaches(CpuInfo &info) {
  unsigned leaf = info.vendor == "AuthenticAMD" || info.vendor == "HygonGenuine" ? 0x8000001d : 4;
  for (unsigned i = 0; i < 8; i++) {
    Registers r = cpuid(leaf, i);
    unsigned type = r.a & 31, level = r.a >> 5 & 7;
    if (type == 0) break;
    if (type == 2) continue;  // instructions only
    int64_t ways = (r.b >> 22) + 1, partitions = (r.b >> 12 & 0x3ff) + 1, line = (r.b & 0xfff) + 1,
            sets = int64_t(r.c) + 1;
    int64_t bytes = ways * partitions * line * sets;
    if (level == 1) info.l1Bytes = bytes;
    if (level == 2) info.l2Bytes = bytes;
    if (level == 3) info.l3Bytes = bytes;
  }
}

}  // namespace

bool hasTiles(const X86Words &words) {
  constexpr uint64_t tileState = 0x60000;
  return (words.savedState & tileState) == tileState && bit(words.leaf7d, 24);
}

std::vector<std::string> x86Features(const X86Words &x) {
  constexpr uint64_t ymmState = 0x6, zmmState = 0xe6;
  bool ymm = (x.savedState & ymmState) == ymmState, zmm = (x.savedState & zmmState) == zmmState;
  bool tiles = zmm && hasTiles(x) && x.tilesPermitted;
  std::vector<std::string> found;
  auto note = [&](bool present, const char *name) {
    if (present) found.push_back(name);
  };
  note(bit(x.leaf1d, 26), "sse2");
  note(ymm && bit(x.leaf1c, 28), "avx");
  note(ymm && bit(x.leaf7b, 5), "avx2");
  note(ymm && bit(x.leaf1c, 12), "fma");
  note(ymm && bit(x.leaf1c, 29), "f16c");
  note(zmm && bit(x.leaf7b, 16), "avx512f");
  note(zmm && bit(x.leaf7b, 30), "avx512bw");
  note(zmm && bit(x.leaf7b, 17), "avx512dq");
  note(zmm && bit(x.leaf7b, 31), "avx512vl");
  note(zmm && bit(x.leaf7c, 11), "avx512vnni");
  note(zmm && bit(x.leaf71a, 5), "avx512bf16");
  note(zmm && bit(x.leaf7d, 23), "avx512fp16");
  note(tiles, "amx-tile");
  note(tiles && bit(x.leaf7d, 22), "amx-bf16");
  note(tiles && bit(x.leaf7d, 25), "amx-int8");
  return found;
}

void detectCpu(CpuInfo &info) {
  info.vendor = vendorName();
  info.model = modelName();
  detectFeatures(info);
  detectCaches(info);
}

}  // namespace llc
#endif
