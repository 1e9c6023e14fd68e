// Methods of strings and dictionaries that change nothing, as Python has them.
#include <algorithm>

#include "runtime/chat/builtin.h"
#include "runtime/chat/text.h"

namespace llc::chat {

namespace {
using Texts = std::vector<std::string>;

// `like`: whether they are markup.
Value listOf(const Texts &texts, const Value &like) {
  std::vector<Value> items;
  for (const std::string &text : texts) items.push_back(textLike(like, text));
  return Value::list(std::move(items));
}

// Without the characters of `set` (white space if none is given) at the ends that are asked for.
Result<Value> stripped(const Value &value, const Slots &slots, bool left, bool right) {
  if (slots.at(0).isNone()) {
    std::string_view text = value.string();
    if (left) text = stripLeft(text);
    if (right) text = stripRight(text);
    return Value(std::string(text));
  }
  LLC_ASSIGN(std::string set, slots.text(0, ""));
  Points text = pointsOf(value.string()), dropped = pointsOf(set);
  auto isDropped = [&](char32_t point) { return dropped.find(point) != Points::npos; };
  size_t begin = 0, end = text.size();
  while (left && begin < end && isDropped(text[begin])) ++begin;
  while (right && end > begin && isDropped(text[end - 1])) --end;
  return Value(textOf(std::u32string_view(text).substr(begin, end - begin)));
}

// Words between white space; at most `limit` cuts (negative: any number), counted from the right if `fromRight`.
Texts wordsOf(std::string_view text, int64_t limit, bool fromRight) {
  std::vector<std::pair<size_t, size_t>> places;  // begin and end of each word
  size_t begin = std::string_view::npos;
  for (size_t at = 0; at < text.size();) {
    size_t next = at;
    bool space = isSpace(pointAt(text, next));
    if (space && begin != text.npos) places.emplace_back(std::exchange(begin, text.npos), at);
    if (!space && begin == text.npos) begin = at;
    at = next;
  }
  if (begin != text.npos) places.emplace_back(begin, text.size());
  Texts words;
  size_t cuts = limit < 0 ? places.size() : size_t(limit);
  if (places.size() > cuts + 1) {
    size_t merged = places.size() - cuts;
    auto first = fromRight ? places.begin() : places.begin() + ptrdiff_t(cuts);
    std::pair<size_t, size_t> whole{first->first,
                                    fromRight ? first[ptrdiff_t(merged) - 1].second : stripRight(text).size()};
    first = places.erase(first, first + ptrdiff_t(merged) - 1);
    *first = whole;
  }
  for (auto [from, to] : places) words.emplace_back(text.substr(from, to - from));
  return words;
}

Texts partsOf(std::string_view text, const std::string &separator, int64_t limit, bool fromRight) {
  Texts parts;
  while (limit < 0 || int64_t(parts.size()) < limit) {
    size_t at = fromRight ? text.rfind(separator) : text.find(separator);
    if (at == text.npos) break;
    parts.emplace_back(fromRight ? text.substr(at + separator.size()) : text.substr(0, at));
    text = fromRight ? text.substr(0, at) : text.substr(at + separator.size());
  }
  parts.emplace_back(text);
  if (fromRight) std::reverse(parts.begin(), parts.end());
  return parts;
}

Result<Value> split(Interpreter &run, const Value &value, const Slots &slots, bool fromRight) {
  LLC_ASSIGN(int64_t limit, slots.whole(1, -1));
  LLC_TRY(run.step(int64_t(value.string().size()) / 16));
  Texts parts;
  if (slots.at(0).isNone()) {
    parts = wordsOf(value.string(), limit, fromRight);
  } else {
    LLC_ASSIGN(std::string separator, slots.text(0, ""));
    if (separator.empty()) return failed("empty separator");
    parts = partsOf(value.string(), separator, limit, fromRight);
  }
  LLC_TRY(run.step(int64_t(parts.size())));
  return listOf(parts, value);
}

Texts linesOf(const std::string &text) {
  Texts lines;
  for (size_t at = 0; at < text.size();) {
    size_t end = text.find_first_of("\r\n", at);
    lines.push_back(text.substr(at, end == std::string::npos ? end : end - at));
    if (end == std::string::npos) break;
    at = end + (text.compare(end, 2, "\r\n") == 0 ? 2 : 1);
  }
  return lines;
}

// startswith and endswith: one text, or a tuple of them.
Result<Value> matches(const Value &value, const Value &wanted, bool atEnd) {
  std::vector<Value> choices = wanted.isList() ? wanted.list().items : std::vector<Value>{wanted};
  for (const Value &choice : choices) {
    if (!choice.isString())
      return failed("startswith and endswith take a string or a tuple of them, not " + choice.typeName());
    if (atEnd ? value.string().ends_with(choice.string()) : value.string().starts_with(choice.string()))
      return Value(true);
  }
  return Value(false);
}

// The place of `wanted` in code points, -1 if it is not there.
int64_t placeIn(const std::string &text, const std::string &wanted, bool last) {
  size_t at = last ? text.rfind(wanted) : text.find(wanted);
  return at == std::string::npos ? -1 : int64_t(pointCount(std::string_view(text).substr(0, at)));
}

Result<Value> replaced(Interpreter &run, const Value &value, const Slots &slots) {
  LLC_ASSIGN(std::string old, slots.text(0, ""));
  LLC_ASSIGN(std::string fresh, slots.text(1, ""));
  LLC_ASSIGN(int64_t limit, slots.whole(2, -1));
  std::string text;
  const std::string &from = value.string();
  size_t at = 0;
  for (int64_t count = 0; limit < 0 || count < limit; ++count) {
    size_t found = old.empty() ? at : from.find(old, at);
    if (found == std::string::npos || found > from.size()) break;
    text.append(from, at, found - at).append(fresh);
    at = found + old.size();
    if (old.empty()) {  // between all characters
      if (at == from.size()) break;
      size_t next = at + 1;
      while (next < from.size() && (from[next] & 0xc0) == 0x80) ++next;
      text.append(from, at, next - at);
      at = next;
    }
    if (text.size() > size_t(maxTextBytes)) break;
  }
  text.append(from, std::min(at, from.size()));
  LLC_TRY(run.spendText(text.size()));
  return Value(std::move(text));
}

Value partition(const std::string &text, const std::string &separator, bool last) {
  size_t at = last ? text.rfind(separator) : text.find(separator);
  Texts parts = {text, "", ""};
  if (at != std::string::npos)
    parts = {text.substr(0, at), separator, text.substr(at + separator.size())};
  else if (last)
    std::swap(parts[0], parts[2]);
  std::vector<Value> items(parts.begin(), parts.end());
  return Value::list(std::move(items), Flavour::tuple);
}

Result<Value> joined(Interpreter &run, const Value &value, const Value &over) {
  LLC_ASSIGN(std::vector<Value> elements, elementsOf(run, over));
  std::string text;
  for (size_t i = 0; i < elements.size(); ++i) {
    if (!elements[i].isString())
      return failed(fmt::format("sequence item {}: expected str instance, {} found", i, elements[i].typeName()));
    LLC_TRY(run.step());
    text += (i ? value.string() : "") + elements[i].string();
    if (text.size() > size_t(maxTextBytes)) break;
  }
  return Value(std::move(text));
}

bool all(const Value &value, bool (*holds)(char32_t)) {
  Points points = pointsOf(value.string());
  return !points.empty() && std::all_of(points.begin(), points.end(), holds);
}

std::string wordsTitled(const std::string &text) {
  std::string out;
  bool begin = true;
  for (char32_t point : pointsOf(text)) {
    std::string letter = textOf({&point, 1});
    bool isLetter = upper(letter) != lower(letter);
    out += !isLetter ? letter : begin ? upper(letter) : lower(letter);
    begin = !isLetter;
  }
  return out;
}

const Builtins &stringMethods() {
  auto strips = [](bool left, bool right) {
    return Builtin{{"chars"}, [=](Interpreter &, const Value &v, const Slots &s, const Arguments &) {
                     return stripped(v, s, left, right);
                   }};
  };
  auto splits = [](bool fromRight) {
    return Builtin{{"sep", "maxsplit"}, [=](Interpreter &run, const Value &v, const Slots &s, const Arguments &) {
                     return split(run, v, s, fromRight);
                   }};
  };
  auto ends = [](bool atEnd) {
    return Builtin{{"text"}, [=](Interpreter &, const Value &v, const Slots &s, const Arguments &) {
                     return matches(v, s.at(0), atEnd);
                   }};
  };
  auto changes = [](std::string (*change)(const std::string &)) {
    return Builtin{{}, [=](Interpreter &, const Value &v, const Slots &, const Arguments &) -> Result<Value> {
                     return Value(change(v.string()));
                   }};
  };
  auto asks = [](bool (*holds)(char32_t)) {
    return Builtin{{}, [=](Interpreter &, const Value &v, const Slots &, const Arguments &) -> Result<Value> {
                     return Value(all(v, holds));
                   }};
  };
  auto finds = [](bool last, bool mustBe) {
    return Builtin{{"text"}, [=](Interpreter &, const Value &v, const Slots &s, const Arguments &) -> Result<Value> {
                     LLC_ASSIGN(std::string wanted, s.text(0, ""));
                     int64_t place = placeIn(v.string(), wanted, last);
                     if (place < 0 && mustBe) return failed("substring not found");
                     return Value(place);
                   }};
  };
  auto removes = [](bool atEnd) {
    return Builtin{{"text"}, [=](Interpreter &, const Value &v, const Slots &s, const Arguments &) -> Result<Value> {
                     LLC_ASSIGN(std::string part, s.text(0, ""));
                     LLC_ASSIGN(Value found, matches(v, Value(part), atEnd));
                     if (!found.isTrue()) return v;
                     size_t rest = v.string().size() - part.size();
                     return Value(atEnd ? v.string().substr(0, rest) : v.string().substr(part.size()));
                   }};
  };
  auto parts = [](bool last) {
    return Builtin{{"sep"}, [=](Interpreter &, const Value &v, const Slots &s, const Arguments &) -> Result<Value> {
                     LLC_ASSIGN(std::string separator, s.text(0, ""));
                     if (separator.empty()) return failed("empty separator");
                     return partition(v.string(), separator, last);
                   }};
  };
  static const Builtins table = {
      {"strip", strips(true, true)},
      {"lstrip", strips(true, false)},
      {"rstrip", strips(false, true)},
      {"split", splits(false)},
      {"rsplit", splits(true)},
      {"startswith", ends(false)},
      {"endswith", ends(true)},
      {"partition", parts(false)},
      {"rpartition", parts(true)},
      {"removeprefix", removes(false)},
      {"removesuffix", removes(true)},
      {"find", finds(false, false)},
      {"rfind", finds(true, false)},
      {"index", finds(false, true)},
      {"rindex", finds(true, true)},
      {"upper", changes([](const std::string &text) { return upper(text); })},
      {"lower", changes([](const std::string &text) { return lower(text); })},
      {"casefold", changes([](const std::string &text) { return lower(text); })},
      {"capitalize", changes([](const std::string &text) { return capitalized(text); })},
      {"title", changes(wordsTitled)},
      {"isspace", asks(isSpace)},
      {"isdigit", asks([](char32_t c) { return c >= '0' && c <= '9'; })},
      {"isalpha", asks([](char32_t c) { return c >= 0x80 ? !isSpace(c) : std::isalpha(int(c)) != 0; })},
      {"isalnum", asks([](char32_t c) { return c >= 0x80 ? !isSpace(c) : std::isalnum(int(c)) != 0; })},
      {"splitlines",
       {{},
        [](Interpreter &, const Value &v, const Slots &, const Arguments &) -> Result<Value> {
          return listOf(linesOf(v.string()), v);
        }}},
      {"replace",
       {{"old", "new", "count"},
        [](Interpreter &run, const Value &v, const Slots &s, const Arguments &) { return replaced(run, v, s); }}},
      {"join",
       {{"iterable"},
        [](Interpreter &run, const Value &v, const Slots &s, const Arguments &) { return joined(run, v, s.at(0)); }}},
      {"count",
       {{"text"},
        [](Interpreter &, const Value &v, const Slots &s, const Arguments &) -> Result<Value> {
          LLC_ASSIGN(std::string wanted, s.text(0, ""));
          if (wanted.empty()) return Value(int64_t(pointCount(v.string())) + 1);
          return Value(int64_t(partsOf(v.string(), wanted, -1, false).size()) - 1);
        }}},
  };
  return table;
}

Value view(std::vector<Value> items) { return Value::list(std::move(items), Flavour::view); }

const Builtins &mapMethods() {
  auto lists = [](bool keys, bool values) {
    return Builtin{{}, [=](Interpreter &run, const Value &v, const Slots &, const Arguments &) -> Result<Value> {
                     LLC_TRY(run.step(int64_t(v.map().entries.size())));
                     std::vector<Value> items;
                     for (auto &[key, value] : v.map().entries)
                       items.push_back(keys && values ? Value::list({key, value}, Flavour::tuple) : keys ? key : value);
                     return view(std::move(items));
                   }};
  };
  static const Builtins table = {
      {"keys", lists(true, false)},
      {"values", lists(false, true)},
      {"items", lists(true, true)},
      {"copy",
       {{},
        [](Interpreter &run, const Value &v, const Slots &, const Arguments &) -> Result<Value> {
          LLC_TRY(run.step(int64_t(v.map().entries.size())));
          return Value(std::make_shared<Map>(v.map()));
        }}},
      {"get",
       {{"key", "default"},
        [](Interpreter &run, const Value &v, const Slots &s, const Arguments &) -> Result<Value> {
          LLC_TRY(run.step(int64_t(v.map().entries.size()) / 16));
          const Value *found = v.map().find(s.at(0));
          return found ? *found : s.at(1);
        }}},
  };
  return table;
}

const Builtins &listMethods() {
  static const Builtins table = {
      {"copy",
       {{},
        [](Interpreter &run, const Value &v, const Slots &, const Arguments &) -> Result<Value> {
          LLC_TRY(run.step(int64_t(v.list().items.size())));
          return Value::list(v.list().items, v.list().flavour);
        }}},
      {"count",
       {{"value"},
        [](Interpreter &run, const Value &v, const Slots &s, const Arguments &) -> Result<Value> {
          LLC_TRY(run.step(int64_t(v.list().items.size())));
          int64_t count = 0;
          for (const Value &item : v.list().items) count += equal(item, s.at(0));
          return Value(count);
        }}},
      {"index",
       {{"value"},
        [](Interpreter &run, const Value &v, const Slots &s, const Arguments &) -> Result<Value> {
          LLC_TRY(run.step(int64_t(v.list().items.size())));
          for (size_t i = 0; i < v.list().items.size(); ++i)
            if (equal(v.list().items[i], s.at(0))) return Value(int64_t(i));
          return failed("the value is not in list");
        }}},
  };
  return table;
}
}  // namespace

Value methodOf(const Value &value, const std::string &name) {
  if (!value.isString() && !value.isDictionary() && !value.isSequence()) return Value();
  const Builtins &table = value.isString() ? stringMethods() : value.isDictionary() ? mapMethods() : listMethods();
  auto found = table.find(name);
  if (found == table.end()) return Value();
  return Function{name,
                  [value, name, &builtin = found->second](Interpreter &run, Arguments &arguments) -> Result<Value> {
                    LLC_ASSIGN(Value result, callBuiltin(run, name, builtin, value, arguments));
                    return result.isString() && value.isMarkup() ? Value::markup(result.string()) : std::move(result);
                  }};
}

}  // namespace llc::chat
