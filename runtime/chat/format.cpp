// "%s" % values.
#include "runtime/chat/interpreter.h"
#include "runtime/chat/text.h"

namespace llc::chat {

namespace {
struct Field {
  bool left = false, zeros = false, plus = false;
  int width = 0, precision = -1;
  char kind = 's';
};

int digitsAt(const std::string &format, size_t &at) {
  int number = 0;
  for (; at < format.size() && std::isdigit(static_cast<unsigned char>(format[at])); ++at)
    number = std::min(number * 10 + (format[at] - '0'), 10000);
  return number;
}

// The field behind the '%' at format[at], which moves to its last letter.
Result<Field> readField(const std::string &format, size_t &at) {
  Field field;
  for (++at; at < format.size() && std::string_view("-0+").find(format[at]) != std::string_view::npos; ++at) {
    field.left |= format[at] == '-';
    field.zeros |= format[at] == '0';
    field.plus |= format[at] == '+';
  }
  field.width = digitsAt(format, at);
  if (at < format.size() && format[at] == '.') field.precision = digitsAt(format, ++at);
  if (at >= format.size() || std::string_view("sdirfxX%").find(format[at]) == std::string_view::npos)
    return failed("only %s, %r, %d, %i, %f, %x, %X and %% can be formatted");
  field.kind = format[at];
  return field;
}

Result<std::string> contentOf(const Field &field, const Value &value) {
  if (field.kind == 's' || field.kind == 'r') {
    LLC_ASSIGN(std::string text, field.kind == 's' ? toText(value) : toRepresentation(value));
    return field.precision < 0 ? text : textOf(pointsOf(text).substr(0, size_t(field.precision)));
  }
  if (!value.isNumber())
    return failed(fmt::format("%{} format: a number is required, not {}", field.kind, value.typeName()));
  if (field.kind == 'f')
    return fmt::format("{}{:.{}f}", field.plus && value.real() >= 0 ? "+" : "", value.real(),
                       field.precision < 0 ? 6 : field.precision);
  if (value.isReal() && !(std::abs(value.real()) < 9.2e18)) return failed("a number grows too large");
  int64_t whole = value.isReal() ? int64_t(value.real()) : value.integer();
  std::string sign = field.plus && whole >= 0 ? "+" : "";
  if (field.kind == 'x') return sign + fmt::format("{:x}", whole);
  if (field.kind == 'X') return sign + fmt::format("{:X}", whole);
  return sign + std::to_string(whole);
}

std::string padded(const Field &field, std::string text) {
  int64_t room = field.width - int64_t(pointCount(text));
  if (room <= 0) return text;
  if (field.left) return text + std::string(size_t(room), ' ');
  bool number = field.kind != 's' && field.kind != 'r';
  if (!field.zeros || !number) return std::string(size_t(room), ' ') + text;
  size_t sign = text[0] == '-' || text[0] == '+';
  return text.insert(sign, std::string(size_t(room), '0'));
}
}  // namespace

Result<Value> formatted(Interpreter &run, const std::string &format, const std::vector<Value> &values) {
  std::string out;
  size_t next = 0;
  for (size_t at = 0; at < format.size(); ++at) {
    if (format[at] != '%') {
      out += format[at];
      continue;
    }
    LLC_ASSIGN(Field field, readField(format, at));
    if (field.kind == '%') {
      out += '%';
      continue;
    }
    if (next >= values.size()) return failed("not enough arguments for format string");
    LLC_ASSIGN(std::string content, contentOf(field, values[next++]));
    content = padded(field, std::move(content));
    LLC_TRY(run.spendText(content.size()));
    out += content;
  }
  if (next < values.size()) return failed("not all arguments converted during string formatting");
  LLC_TRY(run.spendText(out.size()));
  return Value(std::move(out));
}

}  // namespace llc::chat
