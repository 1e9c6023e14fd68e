// cpuid says what there is, xgetbv which registers the operating system saves.
#if defined(__x86_64__)
#include <cpuid.h>

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

std::vector<std::string> detectFeatures() {
  Registers one = cpuid(1), seven = cpuid(7), sevenOne = cpuid(7, 1);
  uint64_t saved = savedState();
  bool ymm = (saved & 0x6) == 0x6, zmm = (saved & 0xe6) == 0xe6;
  std::vector<std::string> found;
  auto note = [&](bool present, const char *name) {
    if (present) found.push_back(name);
  };
  note(bit(one.d, 26), "sse2");
  note(ymm && bit(one.c, 28), "avx");
  note(ymm && bit(seven.b, 5), "avx2");
  note(ymm && bit(one.c, 12), "fma");
  note(ymm && bit(one.c, 29), "f16c");
  note(zmm && bit(seven.b, 16), "avx512f");
  note(zmm && bit(seven.b, 30), "avx512bw");
  note(zmm && bit(seven.b, 17), "avx512dq");
  note(zmm && bit(seven.b, 31), "avx512vl");
  note(zmm && bit(seven.c, 11), "avx512vnni");
  note(zmm && bit(sevenOne.a, 5), "avx512bf16");
  return found;
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

void detectCpu(CpuInfo &info) {
  info.vendor = vendorName();
  info.model = modelName();
  info.features = detectFeatures();
  detectCaches(info);
}

}  // namespace llc
#endif
