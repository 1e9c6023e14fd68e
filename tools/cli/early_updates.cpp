#include "tools/cli/early_updates.h"

namespace llc::cli {

void addEarlyUpdatesFlags(CLI::App &app, StepOptions &step) {
  app.add_option("--max-grad-norm", step.maxGradNorm, "Gradients are clipped at this global norm; 0: never")
      ->check(CLI::Range(0.0, 1e6))
      ->capture_default_str();
  app.add_option("--early-updates", step.earlyUpdates,
                 "Each weight moves as soon as its gradient is complete, which saves memory: always, never, or auto "
                 "(without clipping, accumulation and f16)")
      ->check(CLI::IsMember({"auto", "always", "never"}))
      ->capture_default_str();
}

Result<bool> updatesEarly(const StepOptions &options) {
  struct Obstacle {
    bool stands;
    const char *what, *remedy;
  };
  const Obstacle obstacles[] = {
      {options.maxGradNorm > 0, "clipping needs the norm of all gradients", "set max_grad_norm to 0"},
      {options.accumulate, "gradients are summed over micro-batches", "set gradient_accumulation_steps to 1"},
      {options.precision == "f16", "whether the scale of the loss was too large shows in all gradients",
       "use precision f32 or bf16"}};
  if (options.earlyUpdates != "auto" && options.earlyUpdates != "always" && options.earlyUpdates != "never")
    return diagnose(ErrorKind::invalidInput, "early_updates")
        .says("there is no '" + options.earlyUpdates + "'")
        .toFix("use auto, always or never");
  for (const Obstacle &obstacle : obstacles) {
    if (!obstacle.stands) continue;
    if (options.earlyUpdates != "always") return false;
    return diagnose(ErrorKind::invalidInput, "early_updates")
        .says(std::string("weights can't move as soon as their gradients are complete: ") + obstacle.what)
        .toFix(std::string(obstacle.remedy) + ", or early_updates to auto");
  }
  return options.earlyUpdates != "never";
}

}  // namespace llc::cli
