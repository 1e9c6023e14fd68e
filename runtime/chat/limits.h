// What a template may use. Templates come with models from anywhere, and a few bytes of one can ask for anything.
#pragma once
#include <cstdint>

namespace llc::chat {

inline constexpr int maxDepth = 100;               // of nested syntax and of values in values
inline constexpr int maxEvaluationDepth = 400;     // of expressions within expressions, through calls of macros
inline constexpr int maxTagTokens = 4000;          // of one {{ }} or {% %}
inline constexpr int64_t maxSteps = 2'000'000;     // evaluated expressions and statements, and elements visited
inline constexpr int64_t maxTextBytes = 64 << 20;  // of all texts made while rendering
inline constexpr int64_t maxRange = 100'000;       // elements of one range()
inline constexpr int64_t maxTemplateBytes = 4 << 20;

}  // namespace llc::chat
