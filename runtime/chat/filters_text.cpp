// Filters that make texts of texts.
#include "runtime/chat/builtin.h"
#include "runtime/chat/text.h"

namespace llc::chat {

namespace {
using TextFunction = std::function<Result<Value>(Interpreter &, const std::string &, const Slots &)>;

// Every one of them takes any value, as its text.
Builtin onText(std::vector<const char *> parameters, TextFunction function) {
  return {std::move(parameters),
          [function = std::move(function)](Interpreter &run, const Value &value, const Slots &slots,
                                           const Arguments &) -> Result<Value> {
            LLC_ASSIGN(std::string text, toText(value));
            LLC_TRY(run.spendText(text.size()));
            return function(run, text, slots);
          }};
}

// The method of strings of the same name.
Result<Value> byMethod(Interpreter &run, const std::string &text, const char *name, std::vector<Value> arguments) {
  return call(run, methodOf(Value(text), name), Arguments{std::move(arguments), {}});
}

// jinja2's title: a capital behind white space, '-', '(', '{', '[' and '<'.
std::string titled(const std::string &text) {
  Points points = pointsOf(text);
  std::string out;
  bool begin = true;
  for (char32_t point : points) {
    std::string letter = textOf({&point, 1});
    out += begin ? upper(letter) : lower(letter);
    begin = isSpace(point) || std::u32string_view(U"-({[<").find(point) != std::u32string_view::npos;
  }
  return out;
}

// `width`: a number of blanks, or the text that each line gets in front.
Result<Value> indented(Interpreter &run, const std::string &text, const Slots &slots) {
  std::string front;
  if (slots.at(0).isString()) {
    front = slots.at(0).string();
  } else {
    LLC_ASSIGN(int64_t width, slots.whole(0, 4));
    front.assign(size_t(std::clamp<int64_t>(width, 0, 1000)), ' ');
  }
  bool first = slots.truth(1, false), blank = slots.truth(2, false);
  std::string out;
  for (size_t at = 0, line = 0;; ++line) {
    size_t end = text.find('\n', at);
    std::string_view content = std::string_view(text).substr(at, end == std::string::npos ? end : end - at);
    if ((line > 0 || first) && (blank || !content.empty() || (line == 0 && first))) out += front;
    out += content;
    if (out.size() > size_t(maxTextBytes) || end == std::string::npos) break;
    out += '\n';
    at = end + 1;
  }
  LLC_TRY(run.spendText(out.size()));
  return Value(std::move(out));
}

Result<Value> truncated(const std::string &text, const Slots &slots) {
  LLC_ASSIGN(int64_t length, slots.whole(0, 255));
  LLC_ASSIGN(std::string end, slots.text(2, "..."));
  LLC_ASSIGN(int64_t leeway, slots.whole(3, 5));
  Points points = pointsOf(text);
  int64_t kept = length - int64_t(pointCount(end));
  if (kept < 0 || leeway < 0 || leeway > INT64_MAX / 2 || length > INT64_MAX / 2)
    return failed("truncate: lengths must be 0 or more, and leave room for the end");
  if (int64_t(points.size()) <= length + leeway) return Value(text);
  std::string result = textOf(points.substr(0, size_t(kept)));
  if (!slots.truth(1, false))
    if (size_t blank = result.rfind(' '); blank != std::string::npos) result.resize(blank);
  return Value(result + end);
}

Result<Value> centered(const std::string &text, const Slots &slots) {
  LLC_ASSIGN(int64_t width, slots.whole(0, 80));
  int64_t size = int64_t(pointCount(text)), room = std::clamp<int64_t>(width - size, 0, 100000);
  int64_t left = room / 2 + (room & width & 1);  // as Python shares an odd number of blanks
  return Value(std::string(size_t(left), ' ') + text + std::string(size_t(room - left), ' '));
}

std::string urlEncoded(const std::string &text) {
  std::string out;
  for (unsigned char c : text)
    out += std::isalnum(c) || std::string_view("-._~/").find(char(c)) != std::string_view::npos
               ? std::string(1, char(c))
               : fmt::format("%{:02X}", c);
  return out;
}

int64_t wordCount(const std::string &text) {
  int64_t words = 0;
  bool inside = false;
  for (unsigned char c : text) {
    bool word = std::isalnum(c) || c == '_' || c >= 0x80;
    words += word && !inside;
    inside = word;
  }
  return words;
}
}  // namespace

void addTextFilters(Builtins &table) {
  // Markup stays markup.
  auto keeping = [](std::string (*function)(const std::string &)) {
    return Builtin{{},
                   [function](Interpreter &run, const Value &value, const Slots &, const Arguments &) -> Result<Value> {
                     LLC_ASSIGN(std::string text, toText(value));
                     LLC_TRY(run.spendText(text.size()));
                     return textLike(value, function(text));
                   }};
  };
  auto change = [](std::string (*function)(const std::string &)) {
    return onText({}, [function](Interpreter &, const std::string &text, const Slots &) -> Result<Value> {
      return Value(function(text));
    });
  };
  table["string"] = keeping([](const std::string &text) { return text; });
  table["safe"] = {{}, [](Interpreter &, const Value &value, const Slots &, const Arguments &) -> Result<Value> {
                     LLC_ASSIGN(std::string text, toText(value));
                     return Value::markup(std::move(text));
                   }};
  for (const char *name : {"e", "escape", "forceescape"})
    table[name] = {{}, [](Interpreter &, const Value &value, const Slots &, const Arguments &) -> Result<Value> {
                     LLC_ASSIGN(std::string text, toText(value));
                     return Value::markup(value.isMarkup() ? text : escaped(text));
                   }};
  table["lower"] = keeping([](const std::string &text) { return lower(text); });
  table["upper"] = keeping([](const std::string &text) { return upper(text); });
  table["capitalize"] = keeping([](const std::string &text) { return capitalized(text); });
  table["title"] = change(titled);
  table["urlencode"] = change(urlEncoded);
  table["trim"] = {{"chars"},
                   [](Interpreter &run, const Value &value, const Slots &slots, const Arguments &) -> Result<Value> {
                     LLC_ASSIGN(std::string text, toText(value));
                     return call(run, methodOf(textLike(value, text), "strip"), Arguments{{slots.at(0)}, {}});
                   }};
  table["replace"] = onText({"old", "new", "count"}, [](Interpreter &run, const std::string &text, const Slots &slots) {
    return byMethod(run, text, "replace", {slots.at(0), slots.at(1), slots.at(2)});
  });
  table["indent"] = onText({"width", "first", "blank"}, indented);
  table["truncate"] =
      onText({"length", "killwords", "end", "leeway"},
             [](Interpreter &, const std::string &text, const Slots &slots) { return truncated(text, slots); });
  table["center"] = onText(
      {"width"}, [](Interpreter &, const std::string &text, const Slots &slots) { return centered(text, slots); });
  table["wordcount"] = onText({}, [](Interpreter &, const std::string &text, const Slots &) -> Result<Value> {
    return Value(wordCount(text));
  });
  table["format"] = {
      {},
      [](Interpreter &run, const Value &value, const Slots &, const Arguments &arguments) -> Result<Value> {
        LLC_ASSIGN(std::string text, toText(value));
        if (!arguments.named.empty()) return failed("format by name is not known", "give the values in their order");
        return formatted(run, text, arguments.positional);
      },
      true};
}

}  // namespace llc::chat
