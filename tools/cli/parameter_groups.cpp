#include "tools/cli/parameter_groups.h"

namespace llc::cli {

namespace {
using recipe::OrderedJson;

Result<models::ParameterGroup> parameterGroup(const std::string &pattern, const OrderedJson &given, double peak) {
  auto refuse = [&](const std::string &what) -> Error {
    return diagnose(ErrorKind::invalidInput, "training.parameter_groups." + pattern)
        .says(what)
        .toFix("write for instance {\"*.bias\": {\"lr\": 1e-4, \"weight_decay\": 0}}");
  };
  models::ParameterGroup group{pattern};
  if (!given.is_object()) return refuse("is no object");
  for (const auto &[key, value] : given.items()) {
    if (key != "lr" && key != "weight_decay") return refuse("has no '" + key + "'");
    if (!value.is_number() || !(value.get<double>() >= 0)) return refuse(key + " is no number from 0 on");
    if (key == "weight_decay")
      group.weightDecay = value.get<double>();
    else if (peak > 0)
      group.rateScale = value.get<double>() / peak;
    else
      return refuse("has a learning rate, and training.lr is 0");
  }
  return group;
}
}  // namespace

Result<std::vector<models::ParameterGroup>> parameterGroups(const TrainConfig &config) {
  std::vector<models::ParameterGroup> groups;
  if (const OrderedJson *given = config.find("training.parameter_groups"))
    for (const auto &[pattern, value] : given->items()) {
      LLC_ASSIGN(models::ParameterGroup group, parameterGroup(pattern, value, config.number("training.lr")));
      groups.push_back(std::move(group));
    }
  return groups;
}

}  // namespace llc::cli
