#include "runtime/chat/interpreter.h"

namespace llc::chat {

Interpreter::~Interpreter() {
  for (auto &captured : captured_) captured->names.clear();
  for (auto &space : namespaces_) space->entries.clear();
}

Value Interpreter::lookUp(std::string_view name) const {
  for (const Scope *at = scope.get(); at; at = at->parent.get())
    if (auto found = at->names.find(name); found != at->names.end()) return found->second;
  return Value::undefined("'" + std::string(name) + "' is undefined");
}

Status Interpreter::step(int64_t count) {
  stepsLeft_ -= count;
  if (stepsLeft_ >= 0) return success();
  return diagnose(ErrorKind::resource).says("the template takes more steps than it may").toFix("shorten its loops");
}

Status Interpreter::spendText(size_t bytes) {
  bytes_ += int64_t(std::min<size_t>(bytes, size_t(maxTextBytes) + 1));
  if (bytes_ <= maxTextBytes) return step(int64_t(bytes / 256));
  return diagnose(ErrorKind::resource)
      .says(fmt::format("the template makes more than {} MiB of text", maxTextBytes >> 20))
      .toFix("shorten its loops, or the conversation");
}

Status Interpreter::write(std::string_view text) {
  LLC_TRY(spendText(text.size()));
  out->append(text);
  return success();
}

Value Interpreter::newNamespace() {
  auto map = std::make_shared<Map>();
  map->isNamespace = true;
  namespaces_.push_back(map);
  return Value(std::move(map));
}

}  // namespace llc::chat
