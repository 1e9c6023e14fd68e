// Tokens to a syntax tree: the grammar of jinja2 with its loop controls and the tag {% generation %} of transformers.
// Left out, and refused by name: templates made of several files (extends, block, include, import), recursive loops,
// autoescape, trans.
#pragma once
#include "runtime/chat/syntax.h"

namespace llc::chat {

// Errors: the line and what is wrong there.
Result<Statements> parseTemplate(std::string_view source);

}  // namespace llc::chat
