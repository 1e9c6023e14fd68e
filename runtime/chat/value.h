// What expressions of a chat template are worth: Python's values, as far as templates see them.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "runtime/base/status.h"

namespace llc::chat {

class Value;
class Interpreter;

// A name or attribute that is not there. Prints as nothing, is false and empty; anything else is an error with `why`.
struct Undefined {
  std::string why;
};
struct None {};

// view: what a dictionary's keys(), values() and items() give (no subscripts); generator: what map and its like give:
// true even if empty, without a length, used up by the first loop.
enum class Flavour { list, tuple, view, generator };
struct List {
  std::vector<Value> items;
  Flavour flavour = Flavour::list;
  int depth = 1;  // of values in values
};

// In order of insertion. `isNamespace`: attributes are entries and may be set.
struct Map {
  std::vector<std::pair<Value, Value>> entries;
  bool isNamespace = false;
  int depth = 1;  // of values in values; a namespace counts as one, whatever it holds
  const Value *find(const Value &key) const;
  const Value *findNamed(std::string_view key) const;
  void set(const Value &key, Value value);
};

// `isMarkup`: went through |safe or |escape. Added to a text that did not, it has that one's HTML characters escaped.
struct Text {
  std::string text;
  bool isMarkup = false;
};

struct Arguments {
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> named;
};

// A macro, a method bound to its object, or a function that every template has.
struct Function {
  std::string name;
  std::function<Result<Value>(Interpreter &, Arguments &)> call;
};

class Value {
 public:
  Value() : state_(None{}) {}
  Value(None) : state_(None{}) {}
  Value(Undefined undefined) : state_(std::move(undefined)) {}
  Value(bool value) : state_(value) {}
  Value(int64_t value) : state_(value) {}
  Value(double value) : state_(value) {}
  Value(std::string value) : state_(std::make_shared<const Text>(Text{std::move(value)})) {}
  Value(const char *value) : Value(std::string(value)) {}
  Value(std::shared_ptr<Map> value) : state_(std::move(value)) {}
  Value(Function value) : state_(std::make_shared<const Function>(std::move(value))) {}
  static Value list(std::vector<Value> items, Flavour flavour = Flavour::list);
  static Value markup(std::string value);
  static Value undefined(std::string why) { return Value(Undefined{std::move(why)}); }

  bool isUndefined() const { return std::holds_alternative<Undefined>(state_); }
  bool isNone() const { return std::holds_alternative<None>(state_); }
  bool isBool() const { return std::holds_alternative<bool>(state_); }
  bool isInteger() const { return std::holds_alternative<int64_t>(state_); }
  bool isReal() const { return std::holds_alternative<double>(state_); }
  bool isNumber() const { return isInteger() || isReal() || isBool(); }
  bool isString() const { return std::holds_alternative<std::shared_ptr<const Text>>(state_); }
  bool isList() const { return std::holds_alternative<std::shared_ptr<List>>(state_); }
  bool isMap() const { return std::holds_alternative<std::shared_ptr<Map>>(state_); }
  bool isDictionary() const { return isMap() && !map().isNamespace; }
  bool isNamespace() const { return isMap() && map().isNamespace; }
  // A list or tuple, as it can be read by place.
  bool isSequence() const { return isList() && (list().flavour == Flavour::list || list().flavour == Flavour::tuple); }
  bool isFunction() const { return std::holds_alternative<std::shared_ptr<const Function>>(state_); }

  const std::string &why() const { return std::get<Undefined>(state_).why; }
  bool boolean() const { return std::get<bool>(state_); }
  // Of whole numbers and truth values.
  int64_t integer() const { return isBool() ? int64_t(boolean()) : std::get<int64_t>(state_); }
  // Of any number.
  double real() const { return isReal() ? std::get<double>(state_) : double(integer()); }
  const std::string &string() const { return std::get<std::shared_ptr<const Text>>(state_)->text; }
  bool isMarkup() const { return isString() && std::get<std::shared_ptr<const Text>>(state_)->isMarkup; }
  List &list() const { return *std::get<std::shared_ptr<List>>(state_); }
  Map &map() const { return *std::get<std::shared_ptr<Map>>(state_); }
  const std::shared_ptr<Map> &sharedMap() const { return std::get<std::shared_ptr<Map>>(state_); }
  const Function &function() const { return *std::get<std::shared_ptr<const Function>>(state_); }

  bool isTrue() const;
  int depth() const { return isList() ? list().depth : isMap() ? map().depth : 0; }
  // As Python names it in messages: str, int, NoneType ...
  std::string typeName() const;
  // The same object, or the same number, truth value or none.
  bool isSame(const Value &other) const;

 private:
  std::variant<None, Undefined, bool, int64_t, double, std::shared_ptr<const Text>, std::shared_ptr<List>,
               std::shared_ptr<Map>, std::shared_ptr<const Function>>
      state_;
};

bool equal(const Value &a, const Value &b);
// Less than, as Python orders numbers, strings and sequences. Errors (`what` only): kinds that have no order.
Result<bool> less(const Value &a, const Value &b);

// Errors: nested deeper than templates may see, a number beyond 64 bits.
Result<Value> fromJson(const nlohmann::ordered_json &json, int depth = 0);

// `text`, as markup if `like` is.
inline Value textLike(const Value &like, std::string text) {
  return like.isMarkup() ? Value::markup(std::move(text)) : Value(std::move(text));
}

// str() and repr(). Errors: a generator, which has no text.
Result<std::string> toText(const Value &value);
Result<std::string> toRepresentation(const Value &value);

struct JsonStyle {
  std::string indent;  // of one level; `broken`: a line for each element
  bool broken = false, sorted = false, ascii = false;
  std::string itemSeparator = ", ", keySeparator = ": ";
};
// json.dumps(). Errors: what JSON can't hold.
Result<std::string> toJson(const Value &value, const JsonStyle &style, int depth = 0);

inline Error failed(const std::string &what,
                    std::string remedy = "mend the template, or the conversation that it can't take") {
  return diagnose(ErrorKind::invalidInput).says(what).toFix(remedy);
}

// The same error with the place where it happened, unless it has one.
inline Error wrongAtLine(int line, Error error) {
  if (error.where.empty()) error.where = "line " + std::to_string(line);
  return error;
}

}  // namespace llc::chat
