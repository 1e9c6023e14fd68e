#include "runtime/chat/parameters.h"

namespace llc::chat {

Status assign(Interpreter &run, const Target &target, Value value) {
  if (!target.attribute.empty()) {
    Value space = run.lookUp(target.names[0]);
    if (!space.isNamespace())
      return failed("cannot assign attribute on non-namespace object", "write {% set x = namespace() %} before");
    space.map().set(Value(target.attribute), std::move(value));
    return success();
  }
  if (target.names.size() == 1 && !target.tuple) {
    run.set(target.names[0], std::move(value));
    return success();
  }
  LLC_ASSIGN(std::vector<Value> parts, elementsOf(run, value));
  if (value.isUndefined() || parts.size() != target.names.size())
    return failed(fmt::format("{} values can't be unpacked into {} names", parts.size(), target.names.size()));
  for (size_t i = 0; i < parts.size(); ++i) run.set(target.names[i], std::move(parts[i]));
  return success();
}

Status bindParameters(Interpreter &run, const std::string &name, const Signature &signature, Arguments &arguments) {
  auto &parameters = signature.parameters;
  std::vector<Value> more;
  for (size_t i = 0; i < arguments.positional.size(); ++i)
    if (i < parameters.size())
      run.set(parameters[i].first, arguments.positional[i]);
    else
      more.push_back(arguments.positional[i]);
  if (!more.empty() && !signature.varargs)
    return failed(fmt::format("macro '{}' takes not more than {} argument(s)", name, parameters.size()));
  auto kwargs = std::make_shared<Map>();
  for (auto &[key, value] : arguments.named) {
    auto found =
        std::find_if(parameters.begin(), parameters.end(), [&](auto &parameter) { return parameter.first == key; });
    if (found != parameters.end() && size_t(found - parameters.begin()) < arguments.positional.size())
      return failed("macro '" + name + "' got multiple values for argument '" + key + "'");
    if (found != parameters.end() || key == "caller")
      run.set(key, value);
    else if (signature.kwargs)
      kwargs->set(Value(key), value);
    else
      return failed("macro '" + name + "' takes no keyword argument '" + key + "'");
  }
  for (size_t i = arguments.positional.size(); i < parameters.size(); ++i) {
    auto &[parameter, fallback] = parameters[i];
    if (run.scope->names.count(parameter)) continue;
    Value value = Value::undefined("parameter '" + parameter + "' was not provided");
    if (fallback) {
      LLC_ASSIGN(value, evaluate(run, *fallback));
    }
    run.set(parameter, std::move(value));
  }
  run.set("varargs", Value::list(std::move(more), Flavour::tuple));
  run.set("kwargs", Value(std::move(kwargs)));
  return success();
}

Value loopVariable(const std::vector<Value> &elements, size_t index, const LoopState &state) {
  auto loop = std::make_shared<Map>();
  loop->isNamespace = true;  // entries are its attributes
  int64_t at = int64_t(index), count = int64_t(elements.size());
  auto set = [&](const char *name, Value value) { loop->entries.emplace_back(Value(name), std::move(value)); };
  set("index", at + 1), set("index0", at), set("revindex", count - at), set("revindex0", count - at - 1);
  set("first", at == 0), set("last", at + 1 == count), set("length", count);
  if (index > 0) set("previtem", elements[index - 1]);
  if (index + 1 < elements.size()) set("nextitem", elements[index + 1]);
  set("cycle", Function{"cycle", [at](Interpreter &, Arguments &arguments) -> Result<Value> {
                          if (arguments.positional.empty()) return failed("no items for cycling given");
                          return arguments.positional[size_t(at) % arguments.positional.size()];
                        }});
  set("changed", Function{"changed", [last = state.last](Interpreter &, Arguments &arguments) -> Result<Value> {
                            bool same = last->size() == arguments.positional.size();
                            for (size_t i = 0; same && i < last->size(); ++i)
                              same = equal((*last)[i], arguments.positional[i]);
                            *last = arguments.positional;
                            return Value(!same);
                          }});
  return Value(std::move(loop));
}

}  // namespace llc::chat
