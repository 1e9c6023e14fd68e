// Filters on single values: numbers, defaults, lengths, JSON. And the functions that every template has.
#include <charconv>
#include <cmath>

#include "runtime/chat/builtin.h"
#include "runtime/chat/text.h"

namespace llc::chat {

namespace {
Result<Value> lengthOf(const Value &value) {
  if (value.isString()) return Value(int64_t(pointCount(value.string())));
  if (value.isUndefined()) return Value(int64_t(0));
  if (value.isDictionary()) return Value(int64_t(value.map().entries.size()));
  if (value.isList() && value.list().flavour != Flavour::generator) return Value(int64_t(value.list().items.size()));
  return failed("object of type '" + value.typeName() + "' has no len()");
}

template <class Number>
std::optional<Number> numberIn(std::string_view text, int base = 10) {
  text = strip(text);
  if (text.starts_with('+')) text.remove_prefix(1);
  // Python takes 0x1f in base 16, and the like.
  std::string_view prefix = base == 16 ? "0x" : base == 8 ? "0o" : base == 2 ? "0b" : "";
  if (!prefix.empty() && lower(text.substr(0, 2)) == prefix) text.remove_prefix(2);
  Number number{};
  std::from_chars_result read;
  if constexpr (std::is_same_v<Number, double>)
    read = std::from_chars(text.data(), text.data() + text.size(), number);
  else
    read = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (text.empty() || read.ec != std::errc() || read.ptr != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<int64_t> wholePart(double value) {
  if (!(std::fabs(value) < 9.2e18)) return std::nullopt;
  return int64_t(value);
}

Result<Value> toWhole(Interpreter &, const Value &value, const Slots &slots, const Arguments &) {
  LLC_ASSIGN(int64_t base, slots.whole(1, 10));
  if (base < 2 || base > 36) return failed("int takes a base from 2 to 36");
  std::optional<int64_t> number;
  if (value.isString()) {
    number = numberIn<int64_t>(value.string(), int(base));
    if (!number)
      if (auto real = numberIn<double>(value.string())) number = wholePart(*real);
  } else if (value.isReal()) {
    number = wholePart(value.real());
  } else if (value.isNumber()) {
    number = value.integer();
  }
  return number ? Value(*number) : slots.has(0) ? slots.at(0) : Value(int64_t(0));
}

Result<Value> toReal(Interpreter &, const Value &value, const Slots &slots, const Arguments &) {
  if (value.isNumber()) return Value(value.real());
  if (value.isString())
    if (auto number = numberIn<double>(value.string())) return Value(*number);
  return slots.has(0) ? slots.at(0) : Value(0.0);
}

Result<Value> rounded(Interpreter &, const Value &value, const Slots &slots, const Arguments &) {
  LLC_ASSIGN(int64_t digits, slots.whole(0, 0));
  LLC_ASSIGN(std::string method, slots.text(1, "common"));
  if (!value.isNumber()) return failed("round takes a number, not " + value.typeName());
  double scale = std::pow(10.0, double(std::clamp<int64_t>(digits, -300, 300))), scaled = value.real() * scale;
  if (method == "common") return Value(std::nearbyint(scaled) / scale);
  if (method == "ceil") return Value(std::ceil(scaled) / scale);
  if (method == "floor") return Value(std::floor(scaled) / scale);
  return failed("round knows the methods common, ceil and floor");
}

Result<Value> absolute(Interpreter &, const Value &value, const Slots &, const Arguments &) {
  if (value.isReal()) return Value(std::fabs(value.real()));
  if (!value.isNumber()) return failed("bad operand type for abs(): '" + value.typeName() + "'");
  if (value.integer() == INT64_MIN) return failed("a number grows too large");
  return Value(std::abs(value.integer()));
}

Result<Value> orDefault(Interpreter &, const Value &value, const Slots &slots, const Arguments &) {
  bool replace = value.isUndefined() || (slots.truth(1, false) && !value.isTrue());
  return !replace ? value : slots.has(0) ? slots.at(0) : Value("");
}

// json.dumps(value, ensure_ascii, indent, separators, sort_keys), as transformers hands it on.
Result<Value> json(Interpreter &run, const Value &value, const Slots &slots, const Arguments &) {
  JsonStyle style;
  style.ascii = slots.truth(0, false);
  style.sorted = slots.truth(3, false);
  Value indent = slots.at(1);
  style.broken = !indent.isNone();
  if (style.broken) style.itemSeparator = ",";
  if (indent.isString()) {
    style.indent = indent.string();
  } else if (style.broken) {
    LLC_ASSIGN(int64_t width, slots.whole(1, 0));
    style.indent.assign(size_t(std::clamp<int64_t>(width, 0, 100)), ' ');
  }
  if (Value separators = slots.at(2); !separators.isNone()) {
    LLC_ASSIGN(std::vector<Value> parts, elementsOf(run, separators));
    if (parts.size() != 2 || !parts[0].isString() || !parts[1].isString())
      return failed("separators of tojson are two strings");
    style.itemSeparator = parts[0].string(), style.keySeparator = parts[1].string();
  }
  LLC_ASSIGN(std::string text, toJson(value, style));
  return Value(std::move(text));
}

Result<Value> range(Interpreter &run, const Arguments &arguments) {
  LLC_ASSIGN(Slots slots, Slots::of("range", {"start", "stop", "step"}, arguments));
  LLC_ASSIGN(int64_t start, slots.whole(0, 0));
  LLC_ASSIGN(int64_t stop, slots.whole(1, 0));
  LLC_ASSIGN(int64_t step, slots.whole(2, 1));
  if (!slots.has(0)) return failed("range expected at least 1 argument, got 0");
  if (!slots.has(1)) stop = std::exchange(start, 0);
  if (step == 0) return failed("range() arg 3 must not be zero");
  std::vector<Value> items;
  for (__int128 at = start; step > 0 ? at < stop : at > stop; at += step) {
    if (int64_t(items.size()) >= maxRange)
      return failed(fmt::format("range too big, the sandbox blocks ranges larger than {}", maxRange));
    items.push_back(Value(int64_t(at)));
  }
  LLC_TRY(run.step(int64_t(items.size())));
  return Value::list(std::move(items));
}

// The entries of a dictionary and of named arguments, as dict() and namespace() take them.
Status fill(Interpreter &run, Map &map, const Arguments &arguments) {
  for (const Value &from : arguments.positional) {
    if (!from.isMap()) return failed("a dictionary is needed, not " + from.typeName());
    LLC_TRY(run.step(int64_t(from.map().entries.size())));
    for (auto &[key, value] : from.map().entries) map.set(key, value);
  }
  for (auto &[key, value] : arguments.named) map.set(Value(key), value);
  return success();
}

Result<Value> timeText(Interpreter &run, const Arguments &arguments) {
  LLC_ASSIGN(Slots slots, Slots::of("strftime_now", {"format"}, arguments));
  LLC_ASSIGN(std::string format, slots.text(0, ""));
  std::tm time{};
  localtime_r(&run.now, &time);
  char buffer[512];
  // A first byte tells an empty result from one that does not fit.
  size_t size = format.size() > 128 ? 0 : std::strftime(buffer, sizeof buffer, ("." + format).c_str(), &time);
  if (size == 0) return failed("the format of strftime_now is too long");
  return Value(std::string(buffer + 1, size - 1));
}
}  // namespace

void addValueFilters(Builtins &table) {
  for (const char *name : {"length", "count"})
    table[name] = {{},
                   [](Interpreter &, const Value &value, const Slots &, const Arguments &) { return lengthOf(value); }};
  for (const char *name : {"default", "d"}) table[name] = {{"default_value", "boolean"}, orDefault};
  table["int"] = {{"default", "base"}, toWhole};
  table["float"] = {{"default"}, toReal};
  table["round"] = {{"precision", "method"}, rounded};
  table["abs"] = {{}, absolute};
  table["tojson"] = {{"ensure_ascii", "indent", "separators", "sort_keys"}, json};
  table["attr"] = {{"name"},
                   [](Interpreter &run, const Value &value, const Slots &slots, const Arguments &) -> Result<Value> {
                     LLC_ASSIGN(std::string name, slots.text(0, ""));
                     if (value.isDictionary())
                       return Value::undefined("'dict object' has no attribute '" + name + "'");  // entries are none
                     return attributeOf(run, value, name);
                   }};
}

void addGlobals(Scope &scope) {
  auto add = [&](const char *name, Result<Value> (*function)(Interpreter &, const Arguments &)) {
    scope.names[name] =
        Value(Function{name, [function](Interpreter &run, Arguments &arguments) { return function(run, arguments); }});
  };
  add("range", range);
  add("strftime_now", timeText);
  add("dict", [](Interpreter &run, const Arguments &arguments) -> Result<Value> {
    auto map = std::make_shared<Map>();
    LLC_TRY(fill(run, *map, arguments));
    return Value(std::move(map));
  });
  add("namespace", [](Interpreter &run, const Arguments &arguments) -> Result<Value> {
    Value space = run.newNamespace();
    LLC_TRY(fill(run, space.map(), arguments));
    return std::move(space);
  });
  add("raise_exception", [](Interpreter &, const Arguments &arguments) -> Result<Value> {
    LLC_ASSIGN(std::string message,
               toText(arguments.positional.empty() ? Value("the template refuses") : arguments.positional[0]));
    return diagnose(ErrorKind::invalidInput).says(message).toFix("give a conversation that the model's template takes");
  });
}

}  // namespace llc::chat
