// Which layers a new adapter is for, and its adapter_config.json.
#include <nlohmann/json.hpp>
#include <set>

#include "frontends/huggingface/adapter.h"
#include "runtime/text/regex.h"

namespace llc::huggingface {
using dsl::Projection;
namespace {
constexpr const char *place = "target modules";

std::string lastPart(const std::string &name) { return name.substr(name.rfind('.') + 1); }

std::vector<std::string> lastParts(const std::vector<Projection> &all) {
  std::vector<std::string> parts;
  std::set<std::string> seen;
  for (const Projection &module : all)
    if (seen.insert(lastPart(module.name)).second) parts.push_back(lastPart(module.name));
  return parts;
}

bool endsIn(const std::string &name, const std::string &target) {
  return name == target || name.ends_with("." + target);
}

Error fitsNone(const std::string &target, const std::vector<Projection> &all) {
  std::vector<std::string> parts = lastParts(all);
  std::string near = nearestNames(target, parts), known;
  for (const std::string &part : parts) known += (known.empty() ? "" : ", ") + part;
  return diagnose(ErrorKind::invalidInput, place)
      .says("no linear layer of the model fits '" + target + "'" + (near.empty() ? "" : ", near are " + near))
      .toFix("use some of " + known + "; or all-linear, or re:REGEX for whole names like " + all.front().name);
}

Result<AdapterTargets> chooseByExpression(const std::string &expression, const std::vector<Projection> &all) {
  AdapterTargets chosen;
  chosen.expression = expression;
  LLC_ASSIGN(text::Regex regex, text::Regex::compile("\\A(?:" + expression + ")\\z"));
  for (const Projection &module : all) {
    LLC_ASSIGN(auto matches, regex.findAll(module.name));
    if (!matches.empty()) chosen.modules.push_back(module);
  }
  if (chosen.modules.empty()) return fitsNone(expression, all);
  return chosen;
}
}  // namespace

Result<AdapterTargets> chooseTargets(const std::vector<std::string> &targets, const std::vector<Projection> &all) {
  if (targets.empty() || all.empty())
    return diagnose(ErrorKind::invalidInput, place)
        .says(all.empty() ? "the model has no linear layer" : "there are none")
        .toFix("name some, for instance q_proj,v_proj");
  if (targets.size() == 1 && targets[0] == "all-linear") return AdapterTargets{all, lastParts(all), ""};
  if (targets.size() == 1 && targets[0].starts_with("re:")) return chooseByExpression(targets[0].substr(3), all);
  AdapterTargets chosen{{}, targets, ""};
  std::set<std::string> fitting;
  for (const Projection &module : all) {
    bool wanted = false;
    for (const std::string &target : targets)
      if (endsIn(module.name, target)) fitting.insert(target), wanted = true;
    if (wanted) chosen.modules.push_back(module);
  }
  for (const std::string &target : targets)
    if (!fitting.contains(target)) return fitsNone(target, all);
  return chosen;
}

std::string adapterConfig(const std::string &kind, const dsl::NewAdapter &made, const AdapterTargets *targets,
                          const std::string &base) {
  nlohmann::ordered_json json = {
      {"peft_type", kind},      {"task_type", "CAUSAL_LM"}, {"base_model_name_or_path", base},
      {"inference_mode", true}, {"revision", nullptr},      {"auto_mapping", nullptr}};
  for (const auto &[key, value] : made.config) std::visit([&](const auto &plain) { json[key] = plain; }, value);
  if (targets && targets->expression.empty()) json["target_modules"] = targets->endings;
  if (targets && !targets->expression.empty()) json["target_modules"] = targets->expression;
  return json.dump(2) + "\n";
}

}  // namespace llc::huggingface
