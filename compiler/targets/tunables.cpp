#include "compiler/targets/tunables.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>

namespace llc {

const std::vector<Tunable> &allTunables() {
  static const std::vector<Tunable> table = {
      {"prefetch_bytes", &Target::prefetchBytes, {512, 1024, 2048, 4096, 8192}, true},
      {"stream_panels", &Target::streamPanels, {1, 2, 4, 8}, true},
      {"tile_rows", &Target::tileRows, {2, 4, 8, 16}, false},
      {"k_block", &Target::kBlock, {1024, 2048, 4096, 8192, 16384}, false},
      {"row_block", &Target::rowBlock, {32, 64, 128, 256}, false},
      {"tile_unit_k", &Target::tileUnitK, {256, 512, 1024}, false},
      {"tile_unit_panels", &Target::tileUnitPanels, {16, 32, 64}, false},
      {"expand_rows", &Target::expandRows, {0, 8, 16, 32, 64}, false}};
  return table;
}

std::string tuningText(const Tuning &tuning) {
  std::string text;
  for (auto &[name, value] : tuning) text += fmt::format("{}{}={}", text.empty() ? "" : ":", name, value);
  return text;
}

Result<Tuning> parseTuning(std::string_view text) {
  Tuning tuning;
  while (!text.empty()) {
    std::string_view part = text.substr(0, text.find(':'));
    text.remove_prefix(std::min(text.size(), part.size() + 1));
    size_t equals = std::min(part.find('='), part.size());
    std::string name(part.substr(0, equals)), digits(part.substr(std::min(equals + 1, part.size())));
    std::vector<std::string> known;
    const Tunable *found = nullptr;
    for (const Tunable &tunable : allTunables()) {
      known.emplace_back(tunable.name);
      if (tunable.name == name) found = &tunable;
    }
    if (!found) {
      std::string near = nearestNames(name, known);
      return diagnose(ErrorKind::invalidInput, "tuning")
          .says("'" + name + "' can't be tuned" + (near.empty() ? "" : ": did you mean " + near + "?"))
          .toFix(fmt::format("use NAME=VALUE with one of {}", fmt::join(known, ", ")));
    }
    int64_t value = 0;
    auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    bool whole = problem == std::errc() && end == digits.data() + digits.size();
    if (!whole || std::find(found->values.begin(), found->values.end(), value) == found->values.end())
      return diagnose(ErrorKind::invalidInput, "tuning")
          .says(fmt::format("{} can't be '{}'", name, digits))
          .toFix(fmt::format("use one of {}", fmt::join(found->values, ", ")));
    tuning[name] = value;
  }
  return tuning;
}

void applyTuning(const Tuning &tuning, Target &target) {
  for (const Tunable &tunable : allTunables())
    if (auto found = tuning.find(tunable.name); found != tuning.end()) target.*tunable.field = found->second;
}

Tuning tuningOf(const Target &target) {
  Tuning tuning;
  const Target &row = targetOf(target.level);
  for (const Tunable &tunable : allTunables())
    if (target.*tunable.field != row.*tunable.field) tuning[std::string(tunable.name)] = target.*tunable.field;
  return tuning;
}

}  // namespace llc
