#include "runtime/base/config_key.h"

#include <algorithm>

#include "runtime/base/json_read.h"

namespace llc {

namespace {
using OrderedJson = nlohmann::ordered_json;

// In the order of KeyType.
constexpr std::string_view typeNames[] = {"integer", "number",          "boolean", "text",
                                          "texts",   "boolean or text", "object",  "objects"};

// What a value should have been; empty when it is good.
std::string wrongValue(const KeySpec &key, const OrderedJson &value) {
  auto inRange = [&](double number) { return number >= key.least && number <= key.most; };
  auto range = [&](const char *what) { return fmt::format("{} from {} to {}", what, key.least, key.most); };
  switch (key.type) {
    case KeyType::integer:
      return value.is_number_integer() && inRange(value.get<double>()) ? "" : range("a whole number");
    case KeyType::number:
      return value.is_number() && inRange(value.get<double>()) ? "" : range("a number");
    case KeyType::boolean:
      return value.is_boolean() ? "" : "true or false";
    case KeyType::booleanOrText:
      return value.is_boolean() || value.is_string() ? "" : "true, false or a name";
    case KeyType::object:
      return value.is_object() ? "" : "an object";
    case KeyType::objects:
      return value.is_array() && std::ranges::all_of(value, [](const auto &item) { return item.is_object(); })
                 ? ""
                 : "a list of objects";
    case KeyType::texts:
      if (value.is_string()) return "";
      if (!value.is_array()) return "a list of texts";
      for (const OrderedJson &item : value)
        if (!item.is_string()) return "a list of texts";
      return "";
    case KeyType::text:
      break;
  }
  if (!value.is_string()) return "a text";
  bool known = key.choices.empty() ||
               std::find(key.choices.begin(), key.choices.end(), value.get<std::string>()) != key.choices.end();
  return known ? "" : fmt::format("one of {}", fmt::join(key.choices, ", "));
}

}  // namespace

Status checkValue(const KeySpec &key, const OrderedJson &value, const std::string &where) {
  std::string wanted = wrongValue(key, value);
  if (wanted.empty()) return success();
  return diagnose(ErrorKind::invalidInput, where)
      .says(fmt::format("{} is {}", key.path, value.dump()))
      .toFix(fmt::format("give {} ({})", wanted, key.help));
}

Result<OrderedJson> parseValue(const KeySpec &key, const std::string &text, const std::string &where) {
  OrderedJson value = OrderedJson::parse(text, nullptr, false);
  if (value.is_discarded() || (key.type == KeyType::text && !value.is_string())) value = text;
  LLC_TRY(checkValue(key, value, where));
  return value;
}

Result<OrderedJson> parseFlag(const KeySpec &key, const std::string &text, const std::string &where) {
  if (key.type == KeyType::text && key.choices.empty()) return OrderedJson(text);
  if (key.type != KeyType::texts) return parseValue(key, text, where);
  if (text.starts_with("re:")) return OrderedJson(text);  // one pattern, commas and all
  OrderedJson list = OrderedJson::array();
  for (size_t begin = 0; begin <= text.size();) {
    size_t end = std::min(text.find(',', begin), text.size());
    list.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return list;
}

OrderedJson toJson(const KeySpec &key) {
  return {{"path", key.path},       {"type", typeNames[size_t(key.type)]},
          {"initial", key.initial}, {"least", key.least},
          {"most", key.most},       {"choices", key.choices},
          {"help", key.help}};
}

Result<KeySpec> parseKeySpec(const OrderedJson &json, const std::string &where) {
  Json plain(json);
  LLC_ASSIGN(JsonObject object, JsonObject::of(plain, where));
  KeySpec key{};
  LLC_ASSIGN(key.path, object.text("path"));
  LLC_ASSIGN(std::string type, object.text("type"));
  auto found = std::find(std::begin(typeNames), std::end(typeNames), type);
  if (found == std::end(typeNames))
    return diagnose(ErrorKind::invalidInput, where).says("has keys of type " + type).toFix("compile it again");
  key.type = KeyType(found - std::begin(typeNames));
  if (json.contains("initial")) key.initial = json["initial"];
  LLC_ASSIGN(key.least, object.number("least"));
  LLC_ASSIGN(key.most, object.number("most"));
  LLC_ASSIGN(key.choices, object.texts("choices"));
  LLC_ASSIGN(key.help, object.text("help"));
  return key;
}

}  // namespace llc
