#include "runtime/chat/text.h"

#include <utf8proc.h>

namespace llc::chat {

namespace {
void append(std::string &text, char32_t point) {
  utf8proc_uint8_t bytes[4];
  auto length = utf8proc_encode_char(utf8proc_int32_t(point), bytes);
  text.append(reinterpret_cast<char *>(bytes), size_t(std::max<utf8proc_ssize_t>(length, 0)));
}

bool isContinuation(char byte) { return (byte & 0xc0) == 0x80; }
}  // namespace

char32_t pointAt(std::string_view text, size_t &at) {
  utf8proc_int32_t point;
  auto length = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t *>(text.data()) + at,
                                 ptrdiff_t(text.size() - at), &point);
  at += length > 0 ? size_t(length) : 1;
  return length > 0 ? char32_t(point) : U'\uFFFD';
}

Points pointsOf(std::string_view text) {
  Points points;
  points.reserve(text.size());
  for (size_t at = 0; at < text.size();) points += pointAt(text, at);
  return points;
}

std::string textOf(std::u32string_view points) {
  std::string text;
  for (char32_t point : points) append(text, point);
  return text;
}

size_t pointCount(std::string_view text) {
  size_t count = 0;
  for (size_t at = 0; at < text.size(); ++count) pointAt(text, at);
  return count;
}

bool isSpace(char32_t point) {
  if (point < 0x80) return (point >= 9 && point <= 13) || (point >= 0x1c && point <= 0x20);
  return point == 0x85 || utf8proc_category(utf8proc_int32_t(point)) == UTF8PROC_CATEGORY_ZS || point == 0x2028 ||
         point == 0x2029;
}

std::string_view stripLeft(std::string_view text) {
  size_t at = 0, next = 0;
  while (at < text.size() && isSpace(pointAt(text, next))) at = next;
  return text.substr(at);
}

std::string_view stripRight(std::string_view text) {
  while (!text.empty()) {
    size_t begin = text.size() - 1;
    while (begin > 0 && isContinuation(text[begin]) && text.size() - begin < 4) --begin;
    size_t next = begin;
    if (!isSpace(pointAt(text, next)) || next != text.size()) break;
    text = text.substr(0, begin);
  }
  return text;
}

std::string_view strip(std::string_view text) { return stripRight(stripLeft(text)); }

std::string lower(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) append(out, char32_t(utf8proc_tolower(utf8proc_int32_t(pointAt(text, at)))));
  return out;
}

std::string upper(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    char32_t point = pointAt(text, at);
    if (point == U'ß')
      out += "SS";  // the one that is longer in capitals and occurs in real texts
    else
      append(out, char32_t(utf8proc_toupper(utf8proc_int32_t(point))));
  }
  return out;
}

std::string capitalized(std::string_view text) {
  size_t first = 0;
  if (!text.empty()) pointAt(text, first);
  return upper(text.substr(0, first)) + lower(text.substr(first));
}

namespace {
// `count` hexadecimal (base 16) or at most `count` octal digits behind `at`.
bool readCode(std::string_view source, size_t &at, int base, size_t count, std::string &text) {
  char32_t value = 0;
  size_t read = 0;
  for (; read < count && at + 1 < source.size(); ++read) {
    char c = source[at + 1];
    int digit = c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : 99;
    if (digit >= base) break;
    value = value * char32_t(base) + char32_t(digit);
    ++at;
  }
  if ((base == 16 && read < count) || value > 0x10ffff || (value >= 0xd800 && value < 0xe000)) return false;
  append(text, value);
  return true;
}
}  // namespace

bool unescape(std::string_view source, size_t &at, std::string &text) {
  if (at >= source.size()) return false;
  static constexpr std::string_view letters = "\\'\"abfnrtv", meanings = "\\'\"\a\b\f\n\r\t\v";
  char c = source[at];
  if (size_t known = letters.find(c); known != std::string_view::npos) return text += meanings[known], true;
  if (c == '\n') return true;
  if (c == 'x') return readCode(source, at, 16, 2, text);
  if (c == 'u') return readCode(source, at, 16, 4, text);
  if (c == 'U') return readCode(source, at, 16, 8, text);
  if (c >= '0' && c <= '7') return --at, readCode(source, at, 8, 3, text);
  text += '\\', text += c;  // as Python: what is no escape sequence stays as it is
  return c != 'N';
}

std::string escaped(const std::string &text) {
  std::string out;
  for (char c : text) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '\'')
      out += "&#39;";
    else if (c == '"')
      out += "&#34;";
    else
      out += c;
  }
  return out;
}

}  // namespace llc::chat
