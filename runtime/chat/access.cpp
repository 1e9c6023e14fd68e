// Attributes, subscripts, slices, elements and calls.
#include "runtime/chat/interpreter.h"
#include "runtime/chat/text.h"

namespace llc::chat {

namespace {
Value missing(const Value &value, const std::string &name) {
  if (value.isNone()) return Value::undefined("'None' has no attribute '" + name + "'");
  return Value::undefined("'" + value.typeName() + " object' has no attribute '" + name + "'");
}

// Methods that change their object, and names that begin with '_': the sandbox of transformers refuses their use.
bool isUnsafe(const Value &value, const std::string &name) {
  static const std::vector<std::string> ofLists = {"append", "clear",  "extend",  "insert",
                                                   "pop",    "remove", "reverse", "sort"};
  static const std::vector<std::string> ofMaps = {"clear", "pop", "popitem", "setdefault", "update"};
  if (name.starts_with('_')) return true;
  auto among = [&](const std::vector<std::string> &names) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  return (value.isList() && value.list().flavour == Flavour::list && among(ofLists)) ||
         (value.isDictionary() && among(ofMaps));
}

Value unsafe(const Value &value, const std::string &name) {
  return Value::undefined("access to attribute '" + name + "' of '" + value.typeName() + "' is unsafe");
}

bool hasSubscripts(const Value &value) { return value.isString() || value.isSequence(); }

// `index` counted from the end where it is negative; nothing outside.
std::optional<size_t> placeOf(int64_t index, size_t size) {
  if (index < 0) index += int64_t(size);
  return index >= 0 && index < int64_t(size) ? std::optional(size_t(index)) : std::nullopt;
}
}  // namespace

Result<Value> attributeOf(Interpreter &run, const Value &value, const std::string &name) {
  if (value.isUndefined()) return failed(value.why());
  if (isUnsafe(value, name)) return unsafe(value, name);
  if (value.isNamespace()) {
    const Value *found = value.map().findNamed(name);
    return found ? *found : missing(value, name);
  }
  if (Value method = methodOf(value, name); method.isFunction()) return method;
  if (value.isMap()) {
    LLC_TRY(run.step(int64_t(value.map().entries.size()) / 16));
    if (const Value *found = value.map().findNamed(name)) return *found;
  }
  return missing(value, name);
}

Result<Value> elementOf(Interpreter &run, const Value &value, const Value &key) {
  if (value.isUndefined()) return failed(value.why());
  if (value.isDictionary()) {
    LLC_TRY(run.step(int64_t(value.map().entries.size()) / 16));
    if (const Value *found = value.map().find(key)) return *found;
  }
  if (hasSubscripts(value) && (key.isInteger() || key.isBool())) {
    if (value.isList()) {
      auto place = placeOf(key.integer(), value.list().items.size());
      if (place) return value.list().items[*place];
    } else {
      LLC_TRY(run.step(int64_t(value.string().size()) / 64));
      Points points = pointsOf(value.string());
      if (auto place = placeOf(key.integer(), points.size())) return textLike(value, textOf({&points[*place], 1}));
    }
  }
  if (key.isString()) return attributeOf(run, value, key.string());
  LLC_ASSIGN(std::string name, toRepresentation(key));
  return Value::undefined("'" + value.typeName() + " object' has no element " + name);
}

namespace {
// The places that Python's [from:to:step] takes of `size` elements.
Result<std::vector<size_t>> placesOf(const Value *bounds[3], int64_t size) {
  for (int i = 0; i < 3; ++i)
    if (!bounds[i]->isNone() && !bounds[i]->isInteger() && !bounds[i]->isBool())
      return failed("slice indices must be integers or None");
  int64_t step = bounds[2]->isNone() ? 1 : bounds[2]->integer();
  if (step == 0) return failed("slice step cannot be zero");
  auto bound = [&](const Value &value, int64_t fallback) {
    if (value.isNone()) return fallback;
    int64_t at = value.integer();
    if (at < 0) at = at < -size ? -1 : at + size;
    return std::clamp<int64_t>(at, step > 0 ? 0 : -1, step > 0 ? size : size - 1);
  };
  int64_t from = bound(*bounds[0], step > 0 ? 0 : size - 1), to = bound(*bounds[1], step > 0 ? size : -1);
  std::vector<size_t> places;
  step = std::clamp<int64_t>(step, -size - 1, size + 1);
  for (int64_t at = from; step > 0 ? at < to : at > to; at += step) places.push_back(size_t(at));
  return std::move(places);
}
}  // namespace

Result<Value> sliceOf(Interpreter &run, const Value &value, const Value &from, const Value &to, const Value &step) {
  if (value.isUndefined()) return failed(value.why());
  if (!hasSubscripts(value)) return failed("'" + value.typeName() + "' has no slices");
  const Value *bounds[3] = {&from, &to, &step};
  Points points = value.isString() ? pointsOf(value.string()) : Points();
  int64_t size = int64_t(value.isString() ? points.size() : value.list().items.size());
  LLC_TRY(run.step(size / 16));
  LLC_ASSIGN(std::vector<size_t> places, placesOf(bounds, size));
  if (value.isString()) {
    Points taken;
    for (size_t place : places) taken += points[place];
    std::string text = textOf(taken);
    LLC_TRY(run.spendText(text.size()));
    return textLike(value, std::move(text));
  }
  std::vector<Value> items;
  for (size_t place : places) items.push_back(value.list().items[place]);
  return Value::list(std::move(items), value.list().flavour);
}

Result<std::vector<Value>> elementsOf(Interpreter &run, const Value &value) {
  std::vector<Value> elements;
  if (value.isUndefined()) return std::move(elements);
  if (value.isString()) {
    for (char32_t point : pointsOf(value.string())) elements.push_back(Value(textOf({&point, 1})));
  } else if (value.isDictionary()) {
    for (auto &[key, item] : value.map().entries) elements.push_back(key);
  } else if (value.isList()) {
    if (value.list().flavour == Flavour::generator)
      elements.swap(value.list().items);
    else
      elements = value.list().items;
  } else {
    return failed("'" + value.typeName() + "' object is not iterable");
  }
  LLC_TRY(run.step(int64_t(elements.size())));
  return std::move(elements);
}

Result<bool> contains(Interpreter &run, const Value &container, const Value &element) {
  if (container.isString()) {
    if (!element.isString()) return failed("'in <string>' requires string as left operand, not " + element.typeName());
    LLC_TRY(run.step(int64_t(container.string().size()) / 256));
    return container.string().find(element.string()) != std::string::npos;
  }
  if (container.isDictionary()) {
    LLC_TRY(run.step(int64_t(container.map().entries.size()) / 16));
    return container.map().find(element) != nullptr;
  }
  if (!container.isList() && !container.isUndefined())
    return failed("argument of type '" + container.typeName() + "' is not iterable");
  LLC_ASSIGN(std::vector<Value> elements, elementsOf(run, container));
  for (const Value &each : elements)
    if (equal(each, element)) return true;
  return false;
}

Result<Value> call(Interpreter &run, const Value &function, Arguments arguments) {
  if (function.isUndefined()) return failed(function.why());
  if (!function.isFunction()) return failed("'" + function.typeName() + "' object is not callable");
  Function callee = function.function();  // it may be set anew while it runs
  return callee.call(run, arguments);
}

}  // namespace llc::chat
