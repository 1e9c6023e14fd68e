// trainers: what a model can be trained for, with the settings of each.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "models/trainer_registry.h"
#include "tools/cli/command.h"

namespace llc::cli {

namespace {
struct TrainersFlags {
  std::string name;
  bool json = false;
};

void declareTrainers(CLI::App &app, TrainersFlags &o) {
  app.add_option("NAME", o.name, "Only this one");
  app.add_flag("--json", o.json, "One JSON object instead of lines for people");
}

const char *examplesName(models::Examples examples) {
  switch (examples) {
    case models::Examples::text:
      return "text";
    case models::Examples::completions:
      return "prompt with completion, messages, or text";
    case models::Examples::preferences:
      return "prompt, chosen, rejected";
    case models::Examples::comparisons:
      return "prompt, chosen, rejected, margin";
  }
  return "";
}

nlohmann::ordered_json toJson(const models::Trainer &trainer) {
  nlohmann::ordered_json json = {{"help", trainer.help}, {"data", examplesName(trainer.examples)}};
  json["teacher"] = trainer.hasTeacher;
  json["settings"] = nlohmann::ordered_json::object();
  for (const models::TrainerSetting &setting : trainer.settings) {
    nlohmann::ordered_json &one = json["settings"][setting.name];
    if (setting.choices.empty())
      one = {{"default", setting.initial}, {"least", setting.least}, {"most", setting.most}};
    else
      one = {{"default", setting.choices.front()}, {"choices", setting.choices}};
    one["help"] = setting.help;
  }
  json["defaults"] = nlohmann::ordered_json::object();
  for (const auto &[key, value] : trainer.defaults) json["defaults"][key] = value;
  return json;
}

void print(const models::Trainer &trainer) {
  fmt::print("{}: {}\n  data: {}{}\n", trainer.name, trainer.help, examplesName(trainer.examples),
             trainer.hasTeacher ? "; and --teacher" : "");
  for (const models::TrainerSetting &setting : trainer.settings) {
    std::string choices;
    for (const std::string &choice : setting.choices) choices += (choices.empty() ? "" : ", ") + choice;
    fmt::print("  {} = {}: {}{}\n", setting.name,
               choices.empty() ? fmt::format("{:g}", setting.initial) : setting.choices.front(), setting.help,
               choices.empty() ? "" : " (" + choices + ")");
  }
  for (const auto &[key, value] : trainer.defaults) fmt::print("  by default {} is {:g}\n", key, value);
}

Status runTrainers(Context &, CLI::App &, TrainersFlags &o) {
  std::vector<const models::Trainer *> chosen;
  for (const models::Trainer &trainer : models::trainers()) chosen.push_back(&trainer);
  if (!o.name.empty()) {
    LLC_ASSIGN(const models::Trainer *one, models::trainerNamed(o.name));
    chosen = {one};
  }
  nlohmann::ordered_json all;
  for (const models::Trainer *trainer : chosen) {
    all[trainer->name] = toJson(*trainer);
    if (!o.json) print(*trainer);
  }
  if (o.json) fmt::print("{}\n", all.dump());
  return success();
}
}  // namespace

void addTrainers(Context &context) {
  addCommand<TrainersFlags>(context, "trainers", "What a model can be trained for, and the settings of each",
                            declareTrainers, runTrainers);
}

}  // namespace llc::cli
