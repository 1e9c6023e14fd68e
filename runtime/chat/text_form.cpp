// How values look as text: Python's str(), repr() and json.dumps().
#include <utf8proc.h>

#include <charconv>
#include <cmath>

#include "runtime/chat/value.h"

namespace llc::chat {

namespace {
// Python's repr(float): the shortest digits that read back the same, an exponent below 1e-4 and from 1e16 on.
std::string realText(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  char buffer[64];
  double size = std::fabs(value);
  bool plain = size == 0 || (size >= 1e-4 && size < 1e16);
  auto end = std::to_chars(buffer, buffer + sizeof buffer, value,
                           plain ? std::chars_format::fixed : std::chars_format::scientific)
                 .ptr;
  std::string text(buffer, end);
  return plain && text.find('.') == std::string::npos ? text + ".0" : text;
}

bool isPrintable(utf8proc_int32_t point) {
  if (point == ' ') return true;
  switch (utf8proc_category(point)) {
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
    case UTF8PROC_CATEGORY_ZS:
      return false;
    default:
      return true;
  }
}

void appendEscaped(std::string &out, utf8proc_int32_t point) {
  if (point == '\n')
    out += "\\n";
  else if (point == '\r')
    out += "\\r";
  else if (point == '\t')
    out += "\\t";
  else if (point < 0x100)
    out += fmt::format("\\x{:02x}", point);
  else if (point < 0x10000)
    out += fmt::format("\\u{:04x}", point);
  else
    out += fmt::format("\\U{:08x}", point);
}

std::string quoted(const std::string &text) {
  bool doubled = text.find('\'') != std::string::npos && text.find('"') == std::string::npos;
  char quote = doubled ? '"' : '\'';
  std::string out(1, quote);
  for (size_t i = 0; i < text.size();) {
    utf8proc_int32_t point;
    auto length = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t *>(text.data()) + i,
                                   ptrdiff_t(text.size() - i), &point);
    if (length <= 0) length = 1, point = 0xfffd;
    if (point == quote || point == '\\')
      out += '\\', out += char(point);
    else if (isPrintable(point))
      out.append(text, i, size_t(length));
    else
      appendEscaped(out, point);
    i += size_t(length);
  }
  return out + quote;
}

// Elements between brackets, as Python writes them: (1,) for a tuple of one.
Result<std::string> listText(const List &list) {
  std::string inner;
  for (const Value &item : list.items) {
    LLC_ASSIGN(std::string text, toRepresentation(item));
    inner += (inner.empty() ? "" : ", ") + text;
  }
  switch (list.flavour) {
    case Flavour::list:
      return "[" + inner + "]";
    case Flavour::tuple:
      return "(" + inner + (list.items.size() == 1 ? ",)" : ")");
    case Flavour::view:
      return "dict_items([" + inner + "])";
    case Flavour::generator:
      break;
  }
  return failed("a generator has no text", "add |list or |join");
}

Result<std::string> mapText(const Map &map) {
  if (map.isNamespace) return std::string("<Namespace>");
  std::string inner;
  for (auto &[key, value] : map.entries) {
    LLC_ASSIGN(std::string name, toRepresentation(key));
    LLC_ASSIGN(std::string text, toRepresentation(value));
    inner += (inner.empty() ? "" : ", ") + name + ": " + text;
  }
  return "{" + inner + "}";
}

std::string jsonString(const std::string &text, bool ascii) {
  return nlohmann::json(text).dump(-1, ' ', ascii, nlohmann::json::error_handler_t::replace);
}

// The key of a dictionary as JSON has it: always a string.
Result<std::string> jsonKey(const Value &key, const JsonStyle &style) {
  if (key.isString()) return jsonString(key.string(), style.ascii);
  if (!key.isNumber() && !key.isNone())
    return failed("keys must be str, int, float, bool or None, not " + key.typeName());
  LLC_ASSIGN(std::string text, toJson(key, style, 0));
  return '"' + text + '"';
}

std::string jsonBlock(const std::vector<std::string> &parts, const char *brackets, const JsonStyle &style, int depth) {
  if (parts.empty()) return brackets;
  auto lineOf = [&](int level) {
    std::string line = style.broken ? "\n" : "";
    for (int i = 0; style.broken && i < level; ++i) line += style.indent;
    return line;
  };
  std::string out = brackets[0] + lineOf(depth + 1);
  for (size_t i = 0; i < parts.size(); ++i) out += (i ? style.itemSeparator + lineOf(depth + 1) : "") + parts[i];
  return out + lineOf(depth) + brackets[1];
}

Result<std::string> jsonMap(const Map &map, const JsonStyle &style, int depth) {
  auto entries = map.entries;
  if (style.sorted) {
    for (auto &[key, value] : entries)
      if (!key.isString()) return failed("keys that are no strings can't be sorted");
    std::stable_sort(entries.begin(), entries.end(),
                     [](auto &a, auto &b) { return a.first.string() < b.first.string(); });
  }
  std::vector<std::string> parts;
  for (auto &[key, value] : entries) {
    LLC_ASSIGN(std::string name, jsonKey(key, style));
    LLC_ASSIGN(std::string text, toJson(value, style, depth + 1));
    parts.push_back(name + style.keySeparator + text);
  }
  return jsonBlock(parts, "{}", style, depth);
}
}  // namespace

Result<std::string> toText(const Value &value) {
  if (value.isString()) return value.string();
  if (value.isUndefined()) return std::string();
  return toRepresentation(value);
}

Result<std::string> toRepresentation(const Value &value) {
  if (value.isUndefined()) return std::string("Undefined");
  if (value.isNone()) return std::string("None");
  if (value.isBool()) return std::string(value.boolean() ? "True" : "False");
  if (value.isInteger()) return std::to_string(value.integer());
  if (value.isReal()) return realText(value.real());
  if (value.isString()) return quoted(value.string());
  if (value.isList()) return listText(value.list());
  if (value.isMap()) return mapText(value.map());
  return "<function " + value.function().name + ">";
}

Result<std::string> toJson(const Value &value, const JsonStyle &style, int depth) {
  if (value.isNone()) return std::string("null");
  if (value.isBool()) return std::string(value.boolean() ? "true" : "false");
  if (value.isInteger()) return std::to_string(value.integer());
  if (value.isReal()) {
    if (std::isfinite(value.real())) return realText(value.real());
    return std::string(std::isnan(value.real()) ? "NaN" : value.real() < 0 ? "-Infinity" : "Infinity");
  }
  if (value.isString()) return jsonString(value.string(), style.ascii);
  if (value.isDictionary()) return jsonMap(value.map(), style, depth);
  if (!value.isList() || value.list().flavour == Flavour::generator || value.list().flavour == Flavour::view)
    return failed("Object of type " + value.typeName() + " is not JSON serializable");
  std::vector<std::string> parts;
  for (const Value &item : value.list().items) {
    LLC_ASSIGN(std::string text, toJson(item, style, depth + 1));
    parts.push_back(std::move(text));
  }
  return jsonBlock(parts, "[]", style, depth);
}

}  // namespace llc::chat
