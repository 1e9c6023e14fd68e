// What statements of templates write.
#include "runtime/chat/parameters.h"
#include "runtime/chat/syntax.h"

namespace llc::chat {

Result<Flow> renderAll(Interpreter &run, const Statements &statements) {
  for (auto &statement : statements) {
    LLC_TRY(run.step());
    Result<Flow> flow = statement->render(run);
    if (!flow) return wrongAtLine(statement->line, std::move(flow.error()));
    if (*flow != Flow::on) return flow;
  }
  return Flow::on;
}

namespace {
// The text that statements write, kept instead of going to the result.
Result<std::string> textOfBody(Interpreter &run, const Statements &body) {
  std::string text;
  std::string *before = std::exchange(run.out, &text);
  bool result = std::exchange(run.isResult, false);
  Result<Flow> flow = renderAll(run, body);
  run.out = before;
  run.isResult = result;
  if (!flow) return std::move(flow.error());
  return std::move(text);
}

// Runs a body like a macro's, or what `caller` runs. The syntax tree outlives the interpreter.
Function callable(std::string name, const Signature &signature, const Statements &body, std::shared_ptr<Scope> scope) {
  return {name,
          [name, &signature, &body, scope = std::move(scope)](Interpreter &run, Arguments &arguments) -> Result<Value> {
            if (++run.depth >= maxEvaluationDepth) {
              --run.depth;
              return failed("macros call each other too deep");
            }
            Result<Value> result = [&]() -> Result<Value> {
              NewScope inner(run, scope);
              LLC_TRY(bindParameters(run, name, signature, arguments));
              LLC_ASSIGN(std::string text, textOfBody(run, body));
              return Value(std::move(text));
            }();
            --run.depth;
            return result;
          }};
}
}  // namespace

Result<Flow> Data::render(Interpreter &run) const {
  LLC_TRY(run.write(text));
  return Flow::on;
}

Result<Flow> Output::render(Interpreter &run) const {
  LLC_ASSIGN(Value result, evaluate(run, *value));
  LLC_ASSIGN(std::string text, toText(result));
  LLC_TRY(run.write(text));
  return Flow::on;
}

Result<Flow> If::render(Interpreter &run) const {
  for (auto &[condition, body] : branches) {
    if (!condition) return renderAll(run, body);
    LLC_ASSIGN(Value holds, evaluate(run, *condition));
    if (holds.isTrue()) return renderAll(run, body);
  }
  return Flow::on;
}

Result<Flow> For::render(Interpreter &run) const {
  LLC_ASSIGN(Value over, evaluate(run, *sequence));
  if (over.isNone()) return failed("'NoneType' object is not iterable");
  LLC_ASSIGN(std::vector<Value> elements, elementsOf(run, over));
  if (condition) {
    std::vector<Value> kept;
    for (Value &element : elements) {
      NewScope scope(run);
      LLC_TRY(assign(run, target, element));
      LLC_ASSIGN(Value holds, evaluate(run, *condition));
      if (holds.isTrue()) kept.push_back(std::move(element));
    }
    elements = std::move(kept);
  }
  if (elements.empty()) {
    NewScope scope(run);
    return renderAll(run, otherwise);
  }
  LoopState state;
  for (size_t i = 0; i < elements.size(); ++i) {
    NewScope scope(run);
    LLC_TRY(run.step());
    LLC_TRY(assign(run, target, elements[i]));
    run.set("loop", loopVariable(elements, i, state));
    LLC_ASSIGN(Flow flow, renderAll(run, body));
    if (flow == Flow::leaves) break;
  }
  return Flow::on;
}

Result<Flow> Set::render(Interpreter &run) const {
  LLC_ASSIGN(Value result, evaluate(run, *value));
  LLC_TRY(assign(run, target, std::move(result)));
  return Flow::on;
}

Result<Flow> SetBlock::render(Interpreter &run) const {
  Value result;
  {
    NewScope scope(run);
    LLC_ASSIGN(std::string text, textOfBody(run, body));
    result = Value(std::move(text));
    if (filters) {
      LLC_ASSIGN(result, static_cast<const Filter &>(*filters).apply(run, std::move(result)));
    }
  }
  LLC_TRY(assign(run, target, std::move(result)));
  return Flow::on;
}

Result<Flow> Macro::render(Interpreter &run) const {
  run.keepForCleanUp(run.scope);
  run.set(name, Value(callable(name, signature, body, run.scope)));
  return Flow::on;
}

Result<Flow> CallBlock::render(Interpreter &run) const {
  const Call &callee = static_cast<const Call &>(*call);
  LLC_ASSIGN(Value function, evaluate(run, *callee.function));
  LLC_ASSIGN(Arguments arguments, callee.arguments.evaluate(run));
  arguments.named.emplace_back("caller", Value(callable("caller", signature, body, run.scope)));
  LLC_ASSIGN(Value result, chat::call(run, function, std::move(arguments)));
  LLC_ASSIGN(std::string text, toText(result));
  LLC_TRY(run.write(text));
  return Flow::on;
}

Result<Flow> FilterBlock::render(Interpreter &run) const {
  NewScope scope(run);
  LLC_ASSIGN(std::string text, textOfBody(run, body));
  LLC_ASSIGN(Value result, static_cast<const Filter &>(*filters).apply(run, Value(std::move(text))));
  LLC_ASSIGN(text, toText(result));
  LLC_TRY(run.write(text));
  return Flow::on;
}

Result<Flow> With::render(Interpreter &run) const {
  std::vector<Value> evaluated;  // before any of the names is new
  for (auto &[target, expression] : values) {
    LLC_ASSIGN(Value value, evaluate(run, *expression));
    evaluated.push_back(std::move(value));
  }
  NewScope scope(run);
  for (size_t i = 0; i < values.size(); ++i) LLC_TRY(assign(run, values[i].first, std::move(evaluated[i])));
  return renderAll(run, body);
}

Result<Flow> Generation::render(Interpreter &run) const {
  NewScope scope(run);
  size_t begin = run.out->size();
  LLC_ASSIGN(Flow flow, renderAll(run, body));
  if (run.isResult) run.generated.emplace_back(begin, run.out->size());
  return flow;
}

}  // namespace llc::chat
