// The state of one rendering: names, text so far, what was used of the limits.
#pragma once
#include <ctime>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "runtime/chat/limits.h"
#include "runtime/chat/value.h"

namespace llc::chat {

struct Scope {
  std::map<std::string, Value, std::less<>> names;
  std::shared_ptr<Scope> parent;
};

class Interpreter {
 public:
  Interpreter(std::time_t now, int64_t steps) : now(now), stepsLeft_(steps) {}
  ~Interpreter();  // macros hold the scope that holds them: this lets go
  Interpreter(const Interpreter &) = delete;

  // Innermost first; undefined if there is none.
  Value lookUp(std::string_view name) const;
  void set(const std::string &name, Value value) { scope->names[name] = std::move(value); }

  // What a step, or `count` elements, or `bytes` of text cost. Errors: more than a template may use.
  Status step(int64_t count = 1);
  Status spendText(size_t bytes);
  Status write(std::string_view text);

  // A new object with attributes that can be set.
  Value newNamespace();
  void keepForCleanUp(std::shared_ptr<Scope> captured) { captured_.push_back(std::move(captured)); }

  std::shared_ptr<Scope> scope = std::make_shared<Scope>();
  std::string *out = nullptr;                        // where text goes: the result, or a block's own
  bool isResult = true;                              // whether that is the result
  std::vector<std::pair<size_t, size_t>> generated;  // bytes of the result between {% generation %} and its end
  int depth = 0;
  std::time_t now;

 private:
  int64_t stepsLeft_, bytes_ = 0;
  std::vector<std::shared_ptr<Scope>> captured_;
  std::vector<std::shared_ptr<Map>> namespaces_;
};

// A scope of its own for as long as this lives.
class NewScope {
 public:
  explicit NewScope(Interpreter &run, std::shared_ptr<Scope> parent = nullptr) : run_(run), before_(run.scope) {
    run.scope = std::make_shared<Scope>();
    run.scope->parent = parent ? std::move(parent) : before_;
  }
  ~NewScope() { run_.scope = std::move(before_); }
  NewScope(const NewScope &) = delete;

 private:
  Interpreter &run_;
  std::shared_ptr<Scope> before_;
};

// The elements of what can be looped over: characters, keys, items. A generator is used up.
// Errors: what can't be looped over; the limits.
Result<std::vector<Value>> elementsOf(Interpreter &run, const Value &value);

// value.name and value[key] as Python and jinja2's sandbox have them: Undefined where nothing is there.
Result<Value> attributeOf(Interpreter &run, const Value &value, const std::string &name);
Result<Value> elementOf(Interpreter &run, const Value &value, const Value &key);
Result<Value> sliceOf(Interpreter &run, const Value &value, const Value &from, const Value &to, const Value &step);
Result<Value> call(Interpreter &run, const Value &function, Arguments arguments);
// A string's or dictionary's method; nothing if there is none of this name.
Value methodOf(const Value &value, const std::string &name);

// The operators + - * / // % ** ~ on two values, and whether `element in container`.
Result<Value> arithmetic(Interpreter &run, const std::string &op, const Value &left, const Value &right);
Result<bool> contains(Interpreter &run, const Value &container, const Value &element);
// "text %s" % values, as the filter `format` has it.
Result<Value> formatted(Interpreter &run, const std::string &format, const std::vector<Value> &values);

// Filters and tests by name. Errors: no such name (with the nearest ones).
Result<Value> applyFilter(Interpreter &run, const std::string &name, Value value, Arguments arguments);
Result<bool> applyTest(Interpreter &run, const std::string &name, const Value &value, const Arguments &arguments);
Status checkFilter(const std::string &name);
Status checkTest(const std::string &name);

// range, namespace, dict, raise_exception, strftime_now ...
void addGlobals(Scope &scope);

}  // namespace llc::chat
