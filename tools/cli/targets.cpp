#include "tools/cli/targets.h"

#include <algorithm>

#include "compiler/targets/target.h"
#include "runtime/base/cpu.h"

namespace llc::cli {

void addTargetFlag(CLI::App &app, std::vector<std::string> &targets) {
  app.add_option("--target-cpu", targets,
                 "What to make code for, the best is chosen at start: instruction set levels, processors, native; help "
                 "lists them "
                 "(default: generic,avx2,avx512, amx for bf16 weights, and avx512bf16 if both factors of products are "
                 "rounded to bf16)")
      ->delimiter(',')
      ->group("Compilation");
}

void addDeterministicFlag(CLI::App &app, bool &deterministic) {
  app.add_flag("--deterministic", deterministic,
               "The same bits whatever else is in a step and however a text is cut into steps: leaves out the "
               "tiles of AMX, without which that holds anyway")
      ->group("Compilation");
}

std::vector<std::string> targetsOrAll(const std::vector<std::string> &targets, const FactorTypes &factors) {
  if (!targets.empty()) return targets;
  std::vector<std::string> all = {"generic", "avx2", "avx512"};
  bool bf16 = factors.weights == "bf16";
  if (bf16 && factors.activations == "bf16") all.emplace_back("avx512bf16");
  if (bf16) all.emplace_back("amx");
  return all;
}

Result<bool> runsHere(const std::vector<std::string> &targets) {
  LLC_ASSIGN(IsaLevel host, usableIsa());
  LLC_ASSIGN(std::vector<Target> found, findTargets(targets));
  return std::ranges::any_of(found, [&](const Target &target) { return contains(host, target.level); });
}

}  // namespace llc::cli
