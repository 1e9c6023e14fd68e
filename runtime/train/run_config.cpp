#include "runtime/train/run_config.h"

namespace llc::train {

const OrderedJson *findKey(const OrderedJson &config, std::string_view path) {
  size_t dot = path.find('.');
  const OrderedJson *at = &config;
  if (dot != path.npos) {
    auto section = config.find(std::string(path.substr(0, dot)));
    if (section == config.end()) return nullptr;
    at = &*section;
    path = path.substr(dot + 1);
  }
  auto found = at->find(std::string(path));
  return found == at->end() || found->is_null() ? nullptr : &*found;
}

OrderedJson &keyAt(OrderedJson &config, std::string_view path) {
  size_t dot = path.find('.');
  if (dot == path.npos) return config[std::string(path)];
  return config[std::string(path.substr(0, dot))][std::string(path.substr(dot + 1))];
}

RunConfig::RunConfig(OrderedJson given, OrderedJson effective, std::string where)
    : given_(std::move(given)), effective_(std::move(effective)), where_(std::move(where)) {}

bool RunConfig::given(std::string_view path) const { return findKey(given_, path) != nullptr; }
const OrderedJson *RunConfig::find(std::string_view path) const { return findKey(effective_, path); }
int64_t RunConfig::integer(std::string_view path) const { return find(path)->get<int64_t>(); }
double RunConfig::number(std::string_view path) const { return find(path)->get<double>(); }
bool RunConfig::flag(std::string_view path) const { return find(path) && find(path)->get<bool>(); }
std::string RunConfig::text(std::string_view path) const { return find(path)->get<std::string>(); }
std::vector<std::string> RunConfig::texts(std::string_view path) const {
  const OrderedJson *value = find(path);
  if (!value) return {};
  if (value->is_string()) return {value->get<std::string>()};
  return value->get<std::vector<std::string>>();
}
Error RunConfig::unavailable(const std::string &path, const std::string &remedy) const {
  return diagnose(ErrorKind::unsupported, where_)
      .says(fmt::format("{} {} is not available yet", path, find(path)->dump()))
      .toFix(remedy);
}
void RunConfig::set(std::string_view path, OrderedJson value) { keyAt(effective_, path) = std::move(value); }

}  // namespace llc::train
