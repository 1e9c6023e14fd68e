#include "frontends/dsl/config.h"

#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "runtime/base/json_read.h"

namespace llc::dsl {
namespace {
constexpr size_t maxBytes = 16 << 20;
constexpr int64_t maxSize = std::numeric_limits<int32_t>::max();

// Python writes Infinity and NaN as bare words, which is not JSON: they become the spelling {"__float__": "Infinity"}.
std::string withoutBareNumbers(std::string_view text) {
  std::string out;
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    std::string_view word;
    for (std::string_view name : {"-Infinity", "Infinity", "NaN"})
      if (!quoted && word.empty() && text.substr(i, name.size()) == name) word = name;
    if (!word.empty()) {
      out += "{\"__float__\": \"" + std::string(word) + "\"}";
      i += word.size() - 1;
      continue;
    }
    out += text[i];
    if (quoted && text[i] == '\\' && i + 1 < text.size())
      out += text[++i];
    else if (text[i] == '"')
      quoted = !quoted;
  }
  return out;
}

std::optional<double> specialNumber(const Json &value) {
  if (!value.is_object() || value.size() != 1 || !value.contains("__float__")) return std::nullopt;
  const Json &name = value["__float__"];
  if (name == "Infinity") return std::numeric_limits<double>::infinity();
  if (name == "-Infinity") return -std::numeric_limits<double>::infinity();
  if (name == "NaN") return std::nan("");
  return std::nullopt;
}
}  // namespace

bool matchesPattern(std::string_view pattern, std::string_view text) {
  size_t star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == text;
  if (!text.starts_with(pattern.substr(0, star))) return false;
  text.remove_prefix(star), pattern.remove_prefix(star + 1);
  // Of what stands between two of them the first place is as good as any.
  while ((star = pattern.find('*')) != std::string_view::npos) {
    size_t at = text.find(pattern.substr(0, star));
    if (at == std::string_view::npos) return false;
    text.remove_prefix(at + star), pattern.remove_prefix(star + 1);
  }
  return text.ends_with(pattern);
}

struct Config::State {
  Json json = Json::object();
  std::string where, prefix;
  std::set<std::string, std::less<>> read;
  std::map<std::string, Config, std::less<>> children;
  std::vector<std::pair<std::string, int64_t>> origins;
  std::optional<Error> error;

  // The value under `key`, ticked off; null if absent.
  const Json *find(std::string_view key) {
    auto found = json.find(key);
    if (found == json.end()) return nullptr;
    read.emplace(key);
    return found->is_null() ? nullptr : &*found;
  }
};

Config::Config(std::unique_ptr<State> state) : state_(std::move(state)) {}
Config::Config(Config &&) noexcept = default;
Config &Config::operator=(Config &&) noexcept = default;
Config::~Config() = default;

Result<Config> Config::parse(std::string_view json, std::string where) {
  if (json.size() > maxBytes)
    return diagnose(ErrorKind::invalidInput, where)
        .says("the file has " + std::to_string(json.size()) + " bytes")
        .toFix("a configuration has a few kB: download it again");
  auto state = std::make_unique<State>();
  state->where = where;
  LLC_ASSIGN(state->json, parseJson(withoutBareNumbers(json), where));
  if (!state->json.is_object())
    return diagnose(ErrorKind::invalidInput, where)
        .expected("a JSON object")
        .found(state->json.type_name())
        .toFix("download the file again");
  return Config(std::move(state));
}

std::string Config::where(std::string_view key) const {
  return state_->where + ": " + state_->prefix + std::string(key);
}

void Config::refuse(std::string_view key, std::string_view why, std::string_view remedy) {
  if (!state_->error) state_->error = diagnose(ErrorKind::invalidInput, where(key)).says(why).toFix(remedy);
}

bool Config::has(std::string_view key) const {
  auto found = state_->json.find(key);
  return found != state_->json.end() && !found->is_null();
}

bool Config::isWritten(std::string_view key) const { return state_->json.contains(key); }

bool Config::isBoolean(std::string_view key) const {
  auto found = state_->json.find(key);
  return found != state_->json.end() && found->is_boolean();
}
bool Config::asksForNothing(std::string_view key) {
  const Json *value = state_->find(key);
  if (!value || *value == false) return true;
  return (value->is_structured() && value->empty()) || *value == "";
}

std::optional<double> Config::optionalNumber(std::string_view key) {
  const Json *value = state_->find(key);
  if (!value) return std::nullopt;
  if (value->is_number()) return value->get<double>();
  if (auto special = specialNumber(*value)) return special;
  refuse(key, "expected a number, found " + value->dump().substr(0, 40),
         "compare the file with the model's own repository");
  return std::nullopt;
}
double Config::number(std::string_view key, double fallback) {
  double value = optionalNumber(key).value_or(fallback);
  if (std::isfinite(value)) return value;
  refuse(key, "must be finite", "compare the file with the model's own repository");
  return fallback;
}

int64_t Config::integer(std::string_view key, int64_t fallback) {
  const Json *value = state_->find(key);
  if (!value) return fallback;
  // 4096.0 is written by some tools; a fraction is a mistake.
  bool whole = value->is_number_integer() && !(value->is_number_unsigned() && value->get<uint64_t>() > INT64_MAX);
  if (value->is_number_float())
    whole = std::abs(value->get<double>()) < 9e15 && std::floor(value->get<double>()) == value->get<double>();
  if (!whole) {
    refuse(key, "expected an integer, found " + value->dump().substr(0, 40),
           "compare the file with the model's own repository");
    return fallback;
  }
  int64_t number = value->is_number_float() ? int64_t(value->get<double>()) : value->get<int64_t>();
  state_->origins.emplace_back(state_->prefix + std::string(key), number);
  return number;
}

std::optional<int64_t> Config::optionalSize(std::string_view key) {
  if (!has(key)) {
    state_->find(key);
    return std::nullopt;
  }
  int64_t value = integer(key, 1);
  if (value >= 1 && value <= maxSize) return value;
  refuse(key, "expected a size from 1 to 2147483647, found " + std::to_string(value),
         "compare the file with the model's own repository");
  return 1;  // a size that is safe to compute with until the error is reported
}
int64_t Config::size(std::string_view key, int64_t fallback) { return optionalSize(key).value_or(fallback); }

int64_t Config::requiredSize(std::string_view key) {
  if (auto value = optionalSize(key)) return *value;
  refuse(key, "is missing", "add \"" + std::string(key) + "\" as in the model's own repository");
  return 1;
}

bool Config::boolean(std::string_view key, bool fallback) {
  const Json *value = state_->find(key);
  if (!value) return fallback;
  if (value->is_boolean()) return value->get<bool>();
  refuse(key, "expected true or false, found " + value->dump().substr(0, 40),
         "compare the file with the model's own repository");
  return fallback;
}

std::string Config::text(std::string_view key, std::string_view fallback) {
  const Json *value = state_->find(key);
  if (!value) return std::string(fallback);
  if (value->is_string()) return value->get<std::string>();
  refuse(key, "expected a text, found " + value->dump().substr(0, 40),
         "compare the file with the model's own repository");
  return std::string(fallback);
}

std::vector<std::string> Config::texts(std::string_view key) {
  const Json *value = state_->find(key);
  std::vector<std::string> list;
  if (!value) return list;
  for (const Json &item : value->is_array() ? *value : Json::array({*value})) {
    if (!item.is_string()) {
      refuse(key, "expected a list of texts, found " + value->dump().substr(0, 60),
             "compare the file with the model's own repository");
      return {};
    }
    list.push_back(item.get<std::string>());
  }
  return list;
}

std::vector<double> Config::numbers(std::string_view key) {
  const Json *value = state_->find(key);
  std::vector<double> list;
  if (!value) return list;
  for (const Json &item : value->is_array() ? *value : Json::array({*value})) {
    if (!item.is_number()) {
      refuse(key, "expected a list of numbers, found " + value->dump().substr(0, 60),
             "compare the file with the model's own repository");
      return {};
    }
    list.push_back(item.get<double>());
  }
  return list;
}

std::vector<int64_t> Config::integers(std::string_view key) {
  std::vector<int64_t> list;
  for (double value : numbers(key)) {
    if (std::floor(value) != value || std::abs(value) > 9e15) {
      refuse(key, "expected integers, found " + std::to_string(value),
             "compare the file with the model's own repository");
      return {};
    }
    list.push_back(int64_t(value));
  }
  return list;
}

Config &Config::object(std::string_view key) {
  auto found = state_->children.find(key);
  if (found != state_->children.end()) return found->second;
  auto child = std::make_unique<State>();
  child->where = state_->where;
  child->prefix = state_->prefix + std::string(key) + ".";
  if (const Json *value = state_->find(key)) {
    if (value->is_object())
      child->json = *value;
    else
      refuse(key, "expected an object, found " + value->dump().substr(0, 40),
             "compare the file with the model's own repository");
  }
  return state_->children.emplace(std::string(key), Config(std::move(child))).first->second;
}

std::vector<std::string> Config::keys() const {
  std::vector<std::string> names;
  for (auto &[key, value] : state_->json.items()) names.push_back(key);
  return names;
}

void Config::irrelevant(std::initializer_list<std::string_view> patterns) {
  for (auto &[key, value] : state_->json.items())
    for (std::string_view pattern : patterns)
      if (matchesPattern(pattern, key)) state_->read.insert(key);
}

Status Config::status() const {
  if (state_->error) return *state_->error;
  for (auto &[key, child] : state_->children) LLC_TRY(child.status());
  return success();
}

std::vector<std::string> Config::unreadKeys() const {
  std::vector<std::string> unread;
  for (auto &[key, value] : state_->json.items())
    if (!state_->read.contains(key)) unread.push_back(state_->prefix + key);
  for (auto &[key, child] : state_->children)
    for (std::string &inner : child.unreadKeys()) unread.push_back(std::move(inner));
  return unread;
}

std::string Config::originOf(int64_t value) const {
  const auto &origins = state_->origins;
  for (auto &[key, number] : origins)
    if (number == value) return key;
  // The products that shapes have are heads times head size.
  auto isHead = [](const std::string &key) { return key.find("head") != key.npos; };
  for (auto &[first, count] : origins)
    for (auto &[second, size] : origins)
      if (isHead(first) && isHead(second) && first != second && count > 1 && value % count == 0 &&
          value / count == size)
        return first + " x " + second;
  for (auto &[key, number] : origins)
    if (number > 1 && value % number == 0 && value / number <= 4) return std::to_string(value / number) + " x " + key;
  return "";
}

}  // namespace llc::dsl
