#include "models/objectives/trainer.h"

#include <algorithm>

#include "models/objectives/sequences.h"
#include "models/trainer_registry.h"

namespace llc::models {
namespace {
constexpr const char *place = "trainer";

std::string joined(const std::vector<std::string> &names) {
  std::string all;
  for (const std::string &name : names) all += (all.empty() ? "" : ", ") + name;
  return all;
}

const TrainerSetting *find(const Trainer &trainer, const std::string &name) {
  for (const TrainerSetting &setting : trainer.settings)
    if (setting.name == name) return &setting;
  return nullptr;
}

Error unknownSetting(const Trainer &trainer, const std::string &name) {
  std::vector<std::string> names;
  for (const TrainerSetting &setting : trainer.settings) names.push_back(setting.name);
  std::string near = nearestNames(name, names);
  return diagnose(ErrorKind::invalidInput, std::string(place) + "." + name)
      .says(trainer.name + " has no such setting")
      .toFix(!near.empty()   ? "did you mean " + near + "?"
             : names.empty() ? "leave it out"
                             : "use " + joined(names));
}

Error wrongValue(const TrainerSetting &setting, const std::string &value, const std::string &remedy) {
  return diagnose(ErrorKind::invalidInput, std::string(place) + "." + setting.name)
      .says(value + " is none of its values")
      .toFix(remedy);
}
}  // namespace

Result<const Trainer *> trainerNamed(const std::string &name) {
  std::vector<std::string> names;
  for (const Trainer &trainer : trainers()) {
    if (trainer.name == name) return &trainer;
    names.push_back(trainer.name);
  }
  return diagnose(ErrorKind::invalidInput, place)
      .says("there is no trainer '" + name + "'")
      .toFix("use one of " + joined(names));
}

Result<TrainerSettings> completeSettings(const Trainer &trainer, const TrainerSettings &given) {
  TrainerSettings complete;
  for (const TrainerSetting &setting : trainer.settings) {
    if (setting.choices.empty())
      complete.numbers[setting.name] = setting.initial;
    else
      complete.texts[setting.name] = setting.choices.front();
  }
  for (const auto &[name, value] : given.numbers) {
    const TrainerSetting *setting = find(trainer, name);
    if (!setting) return unknownSetting(trainer, name);
    if (!setting->choices.empty())
      return wrongValue(*setting, std::to_string(value), "use one of " + joined(setting->choices));
    if (!(value >= setting->least && value <= setting->most))
      return wrongValue(*setting, std::to_string(value),
                        "use a number from " + std::to_string(setting->least) + " to " + std::to_string(setting->most));
    complete.numbers[name] = value;
  }
  for (const auto &[name, value] : given.texts) {
    const TrainerSetting *setting = find(trainer, name);
    if (!setting) return unknownSetting(trainer, name);
    if (setting->choices.empty()) return wrongValue(*setting, "'" + value + "'", "use a number");
    if (std::find(setting->choices.begin(), setting->choices.end(), value) == setting->choices.end())
      return wrongValue(*setting, "'" + value + "'", "use one of " + joined(setting->choices));
    complete.texts[name] = value;
  }
  return complete;
}

bool isLikelihood(const Trainer &trainer, const TrainerSettings &complete) {
  return trainer.likelihood &&
         std::ranges::all_of(trainer.additions, [&](const std::string &name) { return complete.number(name) == 0; });
}

std::vector<TrainerSetting> additionSettings() {
  return {{"label_smoothing", 0, 0, 0.99, "share of a label's probability that all other tokens have"},
          {"z_loss", 0, 0, 1e3, "weight of the square of log Z, which keeps logits near 0 (1e-4)"}};
}

std::vector<std::string> additionNames() {
  std::vector<std::string> names;
  for (const TrainerSetting &setting : additionSettings()) names.push_back(setting.name);
  return names;
}

dsl::LossTerms nextTokenLossWithAdditions(const dsl::LossInput &in, const TrainerSettings &settings) {
  return nextTokenLoss(in, {settings.number("label_smoothing"), settings.number("z_loss")});
}

dsl::Objective objectiveOf(const Trainer &trainer, const TrainerSettings &complete) {
  dsl::Objective objective;
  objective.loss = [loss = trainer.loss, complete](const dsl::LossInput &in) { return loss(in, complete); };
  objective.reference = trainer.reference;
  objective.columns = trainer.columns;
  if (trainer.reference) objective.columns.push_back(dsl::referenceColumn);
  return objective;
}

}  // namespace llc::models
