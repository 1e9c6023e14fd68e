// Filters, tests, methods and functions as tables: a name, its parameters, what it does.
#pragma once
#include "runtime/chat/interpreter.h"

namespace llc::chat {

// The arguments of a call in the order of the parameters that its table names.
class Slots {
 public:
  // Errors: too many, or a name that is none of `parameters`.
  static Result<Slots> of(const std::string &callee, const std::vector<const char *> &parameters,
                          const Arguments &arguments);
  bool has(size_t i) const { return i < given_.size() && given_[i]; }
  Value at(size_t i) const { return has(i) ? *given_[i] : Value(); }
  // `fallback` where nothing, or none, was given. Errors: another kind of value.
  Result<int64_t> whole(size_t i, int64_t fallback) const;
  Result<std::string> text(size_t i, const std::string &fallback) const;
  bool truth(size_t i, bool fallback) const { return has(i) ? given_[i]->isTrue() : fallback; }

 private:
  std::string callee_;
  std::vector<const char *> parameters_;
  std::vector<std::optional<Value>> given_;
};

// What is called upon a value. `arguments` as they were given, for those that hand them on (`map`).
struct Builtin {
  std::vector<const char *> parameters;
  std::function<Result<Value>(Interpreter &, const Value &value, const Slots &, const Arguments &)> call;
  bool handsOn = false;  // takes any arguments
};
using Builtins = std::map<std::string, Builtin, std::less<>>;

Result<Value> callBuiltin(Interpreter &run, const std::string &name, const Builtin &builtin, const Value &value,
                          const Arguments &arguments);

// The tables of filters, by subject.
void addTextFilters(Builtins &table);
void addSequenceFilters(Builtins &table);
void addValueFilters(Builtins &table);

// Elements of `value`, or its own text, by an attribute like "function.name"; `value` itself if there is none.
Result<Value> byPath(Interpreter &run, Value value, const Value &path);

}  // namespace llc::chat
