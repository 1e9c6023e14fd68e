// The tables as text, for --target-cpu help and docs/generated/targets.md.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "compiler/targets/target.h"
#include "compiler/targets/tunables.h"

namespace llc {
namespace {

std::string levelTable() {
  std::string text = fmt::format("| {:<13} | {:<12} | {:>5} | {:>9} | {:<10} | {:<20} | {} |\n", "level",
                                 "architecture", "lanes", "registers", "tile", "attention tiles", "features");
  text += "|---|---|---|---|---|---|---|\n";
  for (const Target &target : allTargets()) {
    std::string features = fmt::format("{}", fmt::join(isaFeatures(target.level), " "));
    std::string queries = fmt::format("{}x{}, {}x{}", target.queryRows, target.queryColumns, target.smallQueryRows,
                                      target.smallQueryColumns);
    text += fmt::format("| {:<13} | {:<12} | {:>5} | {:>9} | {:<10} | {:<20} | {} |\n", target.name,
                        architectureName(architectureOf(target.level)), target.lanes, target.registers,
                        fmt::format("{} rows", target.tileRows), queries, features);
  }
  return text;
}

std::string processorTable() {
  std::string text = fmt::format("| {:<14} | {:<13} | {:>8} | {:>8} | {:>9} | {:>8} | {} |\n", "processor", "level",
                                 "L1", "L2", "f32/cycle", "i8/cycle", "own values");
  text += "|---|---|---|---|---|---|---|\n";
  for (const Processor &processor : allProcessors())
    text += fmt::format("| {:<14} | {:<13} | {:>4} KiB | {:>4} KiB | {:>9} | {:>8} | {} |\n", processor.name,
                        isaName(processor.level), processor.l1Bytes >> 10, processor.l2Bytes >> 10,
                        processor.f32PerCycle, processor.i8PerCycle ? std::to_string(processor.i8PerCycle) : "-",
                        processor.tuning.empty() ? "-" : processor.tuning);
  return text;
}

std::string tunableTable() {
  std::string text = fmt::format("| {:<16} | {} |\n|---|---|\n", "value", "one of");
  for (const Tunable &tunable : allTunables())
    text += fmt::format("| {:<16} | {} |\n", tunable.name, fmt::join(tunable.values, " "));
  return text;
}
}  // namespace

std::string describeTargets() {
  return "Levels of instruction sets. Code for a level runs on every processor that has its features.\n\n" +
         levelTable() +
         "\nProcessors: code for the level, scheduled with the processor's timings. Operations of one core per cycle, "
         "a\n"
         "multiply-add counted as two. `native` is the processor that compiles.\n\n" +
         processorTable() +
         "\nBehind a name may stand what `llc-model tune` searches, as in `native:tile_rows=4:k_block=4096`:\n\n" +
         tunableTable();
}

}  // namespace llc
