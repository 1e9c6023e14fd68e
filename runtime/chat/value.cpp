#include "runtime/chat/value.h"

#include "runtime/chat/limits.h"

namespace llc::chat {

const Value *Map::find(const Value &key) const {
  for (auto &[name, value] : entries)
    if (equal(name, key)) return &value;
  return nullptr;
}
const Value *Map::findNamed(std::string_view key) const {
  for (auto &[name, value] : entries)
    if (name.isString() && name.string() == key) return &value;
  return nullptr;
}
void Map::set(const Value &key, Value value) {
  if (!isNamespace) depth = std::max(depth, 1 + value.depth());
  if (auto *found = const_cast<Value *>(find(key)))
    *found = std::move(value);
  else
    entries.emplace_back(key, std::move(value));
}

Value Value::list(std::vector<Value> items, Flavour flavour) {
  int depth = 0;
  for (const Value &item : items) depth = std::max(depth, item.depth());
  Value value;
  value.state_ = std::make_shared<List>(List{std::move(items), flavour, depth + 1});
  return value;
}

Value Value::markup(std::string text) {
  Value value;
  value.state_ = std::make_shared<const Text>(Text{std::move(text), true});
  return value;
}

bool Value::isTrue() const {
  if (isBool()) return boolean();
  if (isNumber()) return real() != 0;
  if (isString()) return !string().empty();
  if (isList()) return list().flavour == Flavour::generator || !list().items.empty();
  if (isMap()) return map().isNamespace || !map().entries.empty();
  return isFunction();
}

std::string Value::typeName() const {
  if (isUndefined()) return "Undefined";
  if (isNone()) return "NoneType";
  if (isBool()) return "bool";
  if (isInteger()) return "int";
  if (isReal()) return "float";
  if (isString()) return "str";
  if (isMap()) return map().isNamespace ? "Namespace" : "dict";
  if (isFunction()) return "function";
  switch (list().flavour) {
    case Flavour::list:
      return "list";
    case Flavour::tuple:
      return "tuple";
    case Flavour::view:
      return "dict_items";
    case Flavour::generator:
      return "generator";
  }
  return "object";
}

bool Value::isSame(const Value &other) const {
  if (state_.index() != other.state_.index()) return false;
  if (isList()) return &list() == &other.list();
  if (isMap()) return &map() == &other.map();
  if (isFunction()) return &function() == &other.function();
  return equal(*this, other);
}

namespace {
bool equalItems(const List &a, const List &b) {
  if (&a == &b) return true;
  if (a.flavour != b.flavour || a.flavour == Flavour::generator || a.items.size() != b.items.size()) return false;
  for (size_t i = 0; i < a.items.size(); ++i)
    if (!equal(a.items[i], b.items[i])) return false;
  return true;
}

bool equalEntries(const Map &a, const Map &b) {
  if (&a == &b) return true;
  if (a.isNamespace || b.isNamespace || a.entries.size() != b.entries.size()) return false;
  for (auto &[key, value] : a.entries) {
    const Value *other = b.find(key);
    if (!other || !equal(value, *other)) return false;
  }
  return true;
}
}  // namespace

bool equal(const Value &a, const Value &b) {
  if (a.isNumber() && b.isNumber()) return a.isReal() || b.isReal() ? a.real() == b.real() : a.integer() == b.integer();
  if (a.isString() && b.isString()) return a.string() == b.string();
  if (a.isList() && b.isList()) return equalItems(a.list(), b.list());
  if (a.isMap() && b.isMap()) return equalEntries(a.map(), b.map());
  if (a.isFunction() && b.isFunction()) return &a.function() == &b.function();
  return (a.isNone() && b.isNone()) || (a.isUndefined() && b.isUndefined());
}

Result<bool> less(const Value &a, const Value &b) {
  if (a.isNumber() && b.isNumber()) return a.isReal() || b.isReal() ? a.real() < b.real() : a.integer() < b.integer();
  if (a.isString() && b.isString()) return a.string() < b.string();  // UTF-8 orders as code points do
  if (a.isList() && b.isList() && a.list().flavour == b.list().flavour) {
    auto &x = a.list().items, &y = b.list().items;
    for (size_t i = 0; i < std::min(x.size(), y.size()); ++i)
      if (!equal(x[i], y[i])) return less(x[i], y[i]);
    return x.size() < y.size();
  }
  if (a.isUndefined() || b.isUndefined()) return failed((a.isUndefined() ? a : b).why());
  return failed("'<' not supported between instances of '" + a.typeName() + "' and '" + b.typeName() + "'");
}

Result<Value> fromJson(const nlohmann::ordered_json &json, int depth) {
  if (depth > maxDepth) return failed("the conversation is nested deeper than " + std::to_string(maxDepth) + " levels");
  switch (json.type()) {
    case nlohmann::json::value_t::boolean:
      return Value(json.get<bool>());
    case nlohmann::json::value_t::number_integer:
      return Value(json.get<int64_t>());
    case nlohmann::json::value_t::number_float:
      return Value(json.get<double>());
    case nlohmann::json::value_t::string:
      return Value(json.get<std::string>());
    case nlohmann::json::value_t::number_unsigned:
      if (json.get<uint64_t>() > uint64_t(INT64_MAX)) return failed("the number " + json.dump() + " is too large");
      return Value(json.get<int64_t>());
    case nlohmann::json::value_t::array: {
      std::vector<Value> items;
      for (auto &element : json) {
        LLC_ASSIGN(Value item, fromJson(element, depth + 1));
        items.push_back(std::move(item));
      }
      return Value::list(std::move(items));
    }
    case nlohmann::json::value_t::object: {
      auto map = std::make_shared<Map>();
      for (auto &[key, element] : json.items()) {
        LLC_ASSIGN(Value value, fromJson(element, depth + 1));
        map->depth = std::max(map->depth, 1 + value.depth());
        map->entries.emplace_back(Value(key), std::move(value));
      }
      return Value(std::move(map));
    }
    default:
      return Value();
  }
}

}  // namespace llc::chat
