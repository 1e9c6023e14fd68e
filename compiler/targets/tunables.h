// What autotuning may change about a target: fields of its row that decide how work is cut and when memory is fetched,
// never what is computed. Every output element is summed in the same order whatever their values, so results stay the
// same bit for bit.
#pragma once
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/targets/target.h"

namespace llc {

struct Tunable {
  std::string_view name;
  int64_t Target::*field;
  std::vector<int64_t> values;  // legal ones, ascending
  bool decode;                  // matters for steps of few rows; else of many
};
const std::vector<Tunable> &allTunables();

using Tuning = std::map<std::string, int64_t, std::less<>>;  // by name; the rest as in the table

// "prefetch_bytes=4096:stream_panels=8", as it may follow a target's name ("native:stream_panels=8").
std::string tuningText(const Tuning &);
// Errors: an unknown name (with the nearest ones), a value that is not legal (with those that are).
Result<Tuning> parseTuning(std::string_view text);
void applyTuning(const Tuning &, Target &);
// What makes the target differ from its level's row.
Tuning tuningOf(const Target &);

}  // namespace llc
