// What the generators know about machines, in two tables: instruction set levels (widths, registers, tiles) and
// processors by name (which level, caches, timings). A new chip is a new row.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/cpu.h"
#include "runtime/base/status.h"

namespace llc {

struct Target {
  std::string name;  // as isaName(level): "generic", "avx2", "avx512", ...; also the symbol suffix of the level
  IsaLevel level = IsaLevel::generic;
  std::string triple = "x86_64-unknown-linux-gnu";
  std::string processor = {};  // the name of a Processor's row; empty: any of this level
  std::string cpu;       // LLVM's -mcpu: what all of the architecture have; never more than isaFeatures() promises
  std::string features;  // LLVM's -mattr: isaFeatures(level) and nothing else, so that a check of those is enough
  std::string tune;      // LLVM's -mtune: whose timings to schedule for
  int64_t lanes = 4;     // f32 values in a vector register
  int64_t registers = 16;
  bool fma = false, f16c = false;  // fused multiply-add; conversion of halves in hardware

  // Products: rows of the largest register tile (a power of two; its panels follow from the registers).
  int64_t tileRows = 2;
  int64_t kBlock = 8192;     // longest sum in one go: a tile's panels stay in L2 that far
  int64_t rowBlock = 128;    // rows of a chunk
  int64_t streamPanels = 4;  // panels read side by side for few rows: more streams for the prefetchers
  int64_t prefetchBytes = 2048;
  int64_t expandRows = 0;  // rows from which halves are copied to f32 before they are multiplied; 0: never
  // The unit for products of bf16 tiles: from so many rows on products with bf16 weights go through it (0: none).
  // Chunks are then as wide as tileUnitPanels panels, which share the activations' way there; k goes in blocks of
  // tileUnitK (a multiple of 32; twice that for activations that are bf16 numbers): a pair of tiles of activations, in
  // two terms, and of weights stay in the first level that far.
  int64_t tileUnitRows = 0, tileUnitPanels = 32, tileUnitK = 256;
  // Vectors have dot products of two bf16 with f32 sums (vdpbf16ps). Products with bf16 weights use them, if
  // activations are bf16 numbers, too: fewer than pairRows rows as weights come from memory, more by blocks (0: never).
  bool pairDots = false;
  int64_t pairRows = 0;
  // Attention: queries x columns (slots or value dimensions, a divisor of the page length) of a register tile, and of
  // the tile for the queries that are left.
  int64_t queryRows = 2, queryColumns = 16, smallQueryRows = 1, smallQueryColumns = 32;

  int64_t l1Bytes = 32 << 10, l2Bytes = 512 << 10;
  std::string suffix() const { return "." + name; }  // appended to every symbol of an object for this level
  // What findTarget() finds this target by again.
  const std::string &key() const { return processor.empty() ? name : processor; }
};

// A processor by LLVM's name for it, which is also its -mtune.
struct Processor {
  std::string_view name;
  IsaLevel level;            // the highest one that it has
  int64_t l1Bytes, l2Bytes;  // data caches of one core (of one cluster, where cores share the second level)
  // Operations per cycle of one core, a multiply-add counted as two: f32 multiply-adds, dot products of 8-bit integers
  // (0: no instruction for them). From the makers' optimization guides.
  int64_t f32PerCycle, i8PerCycle;
  std::string_view tuning = {};  // where it differs from its level's row: NAME=VALUE:... of tunables.h
};

// All rows, lowest level first, one architecture after the other.
const std::vector<Target> &allTargets();
const std::vector<Processor> &allProcessors();
const Target &targetOf(IsaLevel level);
// By the name of a level or a processor; "native" is the host's. Errors: an unknown name with the nearest ones.
Result<Target> findTarget(std::string_view name);
// The targets of a compilation, lowest level first, each level once. Errors: an unknown name; levels of several
// architectures; one level tuned for several processors.
Result<std::vector<Target>> findTargets(const std::vector<std::string> &names);
// Both tables as Markdown, which people can read on a terminal too.
std::string describeTargets();
// The row of usableIsa() with the host's cache sizes, and what its processor's row says if that has the same level.
Result<Target> detectHost();

}  // namespace llc
