#include "runtime/base/json_read.h"

#include <cmath>
#include <set>

#include "runtime/base/mapped_file.h"

namespace llc {

namespace {
constexpr size_t deepest = 200;

// Builds a Json from parser events, refusing what the library's own DOM builder lets pass: duplicate keys (it keeps the
// last one) and nesting without end.
class StrictBuilder : public nlohmann::json_sax<Json> {
 public:
  Json root;
  std::string problem;
  size_t position = 0;

  bool null() override { return put(nullptr); }
  bool boolean(bool value) override { return put(value); }
  bool number_integer(number_integer_t value) override { return put(value); }
  bool number_unsigned(number_unsigned_t value) override { return put(value); }
  bool number_float(number_float_t value, const string_t &) override { return put(value); }
  bool string(string_t &value) override { return put(std::move(value)); }
  bool binary(binary_t &) override { return false; }
  bool start_object(size_t) override { return descend(Json::object()); }
  bool start_array(size_t) override { return descend(Json::array()); }
  bool end_object() override { return ascend(); }
  bool end_array() override { return ascend(); }
  bool key(string_t &name) override {
    auto [place, isNew] = open_.back()->get_ref<Json::object_t &>().emplace(name, nullptr);
    slot_ = &place->second;
    if (!isNew) problem = fmt::format("the key \"{}\" appears twice in one object", name);
    return isNew;
  }
  bool parse_error(size_t at, const std::string &, const nlohmann::detail::exception &error) override {
    position = at;
    // The library's text begins with a number of its own: "[json.exception.parse_error.101] parse error at ...: ".
    std::string text = error.what();
    size_t begin = text.find("] ");
    problem = begin == std::string::npos ? text : text.substr(begin + 2);
    return false;
  }

 private:
  Json *place(Json value) {
    if (open_.empty()) return &(root = std::move(value));
    if (open_.back()->is_array()) {
      auto &items = open_.back()->get_ref<Json::array_t &>();
      return &items.emplace_back(std::move(value));
    }
    return &(*slot_ = std::move(value));
  }
  bool put(Json value) {
    place(std::move(value));
    return true;
  }
  bool descend(Json container) {
    if (open_.size() == deepest) {
      problem = fmt::format("is nested more than {} levels deep", deepest);
      return false;
    }
    open_.push_back(place(std::move(container)));
    return true;
  }
  bool ascend() {
    open_.pop_back();
    return true;
  }
  std::vector<Json *> open_;
  Json *slot_ = nullptr;
};
}  // namespace

Result<Json> parseJson(std::string_view text, const std::string &where) {
  StrictBuilder builder;
  if (Json::sax_parse(text.begin(), text.end(), &builder)) return std::move(builder.root);
  return diagnose(ErrorKind::invalidInput, where)
      .says("is not usable JSON: " + builder.problem)
      .toFix("correct the file at that place, or fetch it again");
}

Result<Json> readJsonFile(const std::string &path) {
  LLC_ASSIGN(std::string text, readTextFile(path));
  return parseJson(text, path);
}

Result<JsonObject> JsonObject::of(const Json &value, std::string where, std::string pointer) {
  JsonObject object;
  object.value_ = &value;
  object.where_ = std::move(where);
  object.pointer_ = std::move(pointer);
  if (value.is_object()) return object;
  return diagnose(ErrorKind::invalidInput, object.where_ + "#" + object.pointer_)
      .expected("an object")
      .found(value.type_name())
      .toFix("compare the file with one that works");
}

std::string JsonObject::at(std::string_view key) const { return fmt::format("{}#{}/{}", where_, pointer_, key); }

Error JsonObject::missing(std::string_view key, std::string_view type) const {
  std::vector<std::string> known;
  for (auto &item : value_->items()) known.push_back(item.key());
  std::string near = nearestNames(key, known);
  return diagnose(ErrorKind::invalidInput, at(key))
      .says(fmt::format("is missing ({} is needed)", type))
      .toFix(near.empty() ? "add the key" : "add the key, or correct " + near);
}

Error JsonObject::wrong(std::string_view key, std::string_view type) const {
  std::string found = value_->find(key)->dump(-1, ' ', false, Json::error_handler_t::replace);
  if (found.size() > 60) found = found.substr(0, 57) + "...";
  return diagnose(ErrorKind::invalidInput, at(key)).expected(type).found(found).toFix("correct the value");
}

const Json *JsonObject::find(std::string_view key) const {
  auto place = value_->find(key);
  return place == value_->end() || place->is_null() ? nullptr : &*place;
}
bool JsonObject::has(std::string_view key) const { return find(key) != nullptr; }

Result<std::string> JsonObject::text(std::string_view key) const {
  const Json *value = find(key);
  if (!value) return missing(key, "a string");
  if (!value->is_string()) return wrong(key, "a string");
  return value->get<std::string>();
}

namespace {
// Also accepts 4096.0: some writers make every number a float.
std::optional<int64_t> asInteger(const Json &value, int64_t least, int64_t most) {
  int64_t number = 0;
  if (value.is_number_unsigned()) {
    if (value.get<uint64_t>() > uint64_t(INT64_MAX)) return std::nullopt;
    number = value.get<int64_t>();
  } else if (value.is_number_integer()) {
    number = value.get<int64_t>();
  } else if (value.is_number_float()) {
    double real = value.get<double>();
    if (!(std::fabs(real) < 0x1p53) || real != std::trunc(real)) return std::nullopt;
    number = int64_t(real);
  } else {
    return std::nullopt;
  }
  if (number < least || number > most) return std::nullopt;
  return number;
}
std::string rangeText(int64_t least, int64_t most) {
  if (most == INT64_MAX) return fmt::format("an integer of at least {}", least);
  return fmt::format("an integer from {} to {}", least, most);
}
}  // namespace

Result<int64_t> JsonObject::integer(std::string_view key, int64_t least, int64_t most) const {
  const Json *value = find(key);
  if (!value) return missing(key, "an integer");
  if (auto number = asInteger(*value, least, most)) return *number;
  return wrong(key, rangeText(least, most));
}

Result<double> JsonObject::number(std::string_view key) const {
  const Json *value = find(key);
  if (!value) return missing(key, "a number");
  if (!value->is_number() || !std::isfinite(value->get<double>())) return wrong(key, "a finite number");
  return value->get<double>();
}

Result<bool> JsonObject::boolean(std::string_view key) const {
  const Json *value = find(key);
  if (!value) return missing(key, "true or false");
  if (!value->is_boolean()) return wrong(key, "true or false");
  return value->get<bool>();
}

Result<JsonObject> JsonObject::object(std::string_view key) const {
  const Json *value = find(key);
  if (!value) return missing(key, "an object");
  if (!value->is_object()) return wrong(key, "an object");
  return of(*value, where_, fmt::format("{}/{}", pointer_, key));
}

Result<const Json *> JsonObject::array(std::string_view key) const {
  const Json *value = find(key);
  if (!value) return missing(key, "a list");
  if (!value->is_array()) return wrong(key, "a list");
  return value;
}

Result<std::vector<int64_t>> JsonObject::integers(std::string_view key, int64_t least, int64_t most) const {
  LLC_ASSIGN(const Json *list, array(key));
  std::vector<int64_t> numbers;
  for (const Json &item : *list) {
    auto number = asInteger(item, least, most);
    if (!number) return wrong(key, "a list with each entry " + rangeText(least, most));
    numbers.push_back(*number);
  }
  return numbers;
}

Result<std::vector<std::string>> JsonObject::texts(std::string_view key) const {
  LLC_ASSIGN(const Json *list, array(key));
  std::vector<std::string> strings;
  for (const Json &item : *list) {
    if (!item.is_string()) return wrong(key, "a list of strings");
    strings.push_back(item.get<std::string>());
  }
  return strings;
}

Result<std::string> JsonObject::text(std::string_view key, std::string otherwise) const {
  return has(key) ? text(key) : Result<std::string>(std::move(otherwise));
}
Result<int64_t> JsonObject::integer(std::string_view key, int64_t least, int64_t most, int64_t otherwise) const {
  return has(key) ? integer(key, least, most) : Result<int64_t>(otherwise);
}
Result<double> JsonObject::number(std::string_view key, double otherwise) const {
  return has(key) ? number(key) : Result<double>(otherwise);
}
Result<bool> JsonObject::boolean(std::string_view key, bool otherwise) const {
  return has(key) ? boolean(key) : Result<bool>(otherwise);
}

Status JsonObject::expectVersion(int64_t known) const {
  LLC_ASSIGN(int64_t found, integer("version", 0, INT64_MAX));
  if (found == known) return success();
  return diagnose(ErrorKind::unsupported, at("version"))
      .says("version " + std::to_string(found) + ", this program reads version " + std::to_string(known))
      .toFix("use a newer llc-model");
}

}  // namespace llc
