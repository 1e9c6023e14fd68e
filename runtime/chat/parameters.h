// How names get their values: targets of assignments, parameters of macros, the variable `loop`.
#pragma once
#include "runtime/chat/syntax.h"

namespace llc::chat {

// Sets the parameters of a macro in the current scope, defaults evaluated there. Errors: too many, unknown names.
Status bindParameters(Interpreter &run, const std::string &name, const Signature &signature, Arguments &arguments);

// What loop.changed() remembers from one round to the next.
struct LoopState {
  std::shared_ptr<std::vector<Value>> last = std::make_shared<std::vector<Value>>();
};
Value loopVariable(const std::vector<Value> &elements, size_t index, const LoopState &state);

}  // namespace llc::chat
