// Texts as Python's str has them: characters are code points, white space is Unicode's.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace llc::chat {

using Points = std::u32string;
// What is no UTF-8 becomes U+FFFD.
Points pointsOf(std::string_view text);
std::string textOf(std::u32string_view points);
// The code point at text[at], which moves behind it.
char32_t pointAt(std::string_view text, size_t &at);
size_t pointCount(std::string_view text);

bool isSpace(char32_t point);
// Without white space at one end or both; views into `text`.
std::string_view stripLeft(std::string_view text);
std::string_view stripRight(std::string_view text);
std::string_view strip(std::string_view text);

std::string lower(std::string_view text);
std::string upper(std::string_view text);
std::string capitalized(std::string_view text);
// & < > ' " as HTML writes them.
std::string escaped(const std::string &text);

// What the escape sequence at source[at] (behind the backslash) means is appended; `at` moves to its last character.
// False: it is none of Python's. Named characters are not known.
bool unescape(std::string_view source, size_t &at, std::string &text);

}  // namespace llc::chat
