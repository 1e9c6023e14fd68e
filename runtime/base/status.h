// Errors as values. Every error that a user can see says what, where, why and what to do (the remedy is a required
// argument of the builder, so it can't be forgotten). Broken invariants assert; nothing here aborts the process.
#pragma once
#include <cassert>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace llc {

// What kind of failure: decides the process exit code and the HTTP status, never the text.
enum class ErrorKind {
  invalidInput,   // a file, option or request that is wrong: the user can mend it (exit 2)
  notFound,       // a file, model or name that does not exist (exit 2)
  unsupported,    // right in principle, but this build or machine can't do it (exit 3)
  resource,       // memory, disk or a limit ran out (exit 4)
  internal,       // a bug of ours: please report (exit 70)
};

struct Error {
  ErrorKind kind = ErrorKind::internal;
  std::string where;   // "model.safetensors:8+120" or "layers.3.attention"; may be empty
  std::string what;    // what is wrong, with the values found and expected
  std::string remedy;  // what to type or change

  // One line for a terminal: "where: what; to fix: remedy".
  std::string text() const;
  int exitCode() const;
};

// Usage: return diagnose(ErrorKind::invalidInput, path).says("the header is 12 bytes, 8 are left").toFix("download it again");
// or:    return diagnose(kind, where).expected("24 heads").found("10").toFix("compare num_key_value_heads with the file");
class Diagnosis {
 public:
  Diagnosis(ErrorKind kind, std::string where) { error_.kind = kind; error_.where = std::move(where); }
  Diagnosis &says(std::string_view text) { return add(text, ""); }
  Diagnosis &expected(std::string_view text) { return add(text, "expected "); }
  Diagnosis &found(std::string_view text) { return add(text, "found "); }
  [[nodiscard]] Error toFix(std::string_view remedy) { error_.remedy = remedy; return std::move(error_); }

 private:
  Diagnosis &add(std::string_view text, std::string_view prefix) {
    if (!error_.what.empty()) error_.what += ", ";
    error_.what.append(prefix).append(text);
    return *this;
  }
  Error error_;
};
inline Diagnosis diagnose(ErrorKind kind, std::string where = {}) { return Diagnosis(kind, std::move(where)); }

// The names of `known` nearest to `name` (edit distance), at most three, as "'a', 'b' or 'c'"; empty if none is near.
std::string nearestNames(std::string_view name, const std::vector<std::string> &known);

// A value or an Error.
template <class T> class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}
  explicit operator bool() const { return state_.index() == 0; }
  bool ok() const { return state_.index() == 0; }
  T &operator*() { assert(ok()); return *std::get_if<0>(&state_); }
  const T &operator*() const { assert(ok()); return *std::get_if<0>(&state_); }
  T *operator->() { assert(ok()); return std::get_if<0>(&state_); }
  const T *operator->() const { assert(ok()); return std::get_if<0>(&state_); }
  Error &error() { assert(!ok()); return *std::get_if<1>(&state_); }
  const Error &error() const { assert(!ok()); return *std::get_if<1>(&state_); }

 private:
  std::variant<T, Error> state_;
};
template <> class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}
  explicit operator bool() const { return !error_; }
  bool ok() const { return !error_; }
  Error &error() { return *error_; }
  const Error &error() const { return *error_; }

 private:
  std::optional<Error> error_;
};
using Status = Result<void>;
inline Status success() { return {}; }

// LLC_TRY(status);  LLC_ASSIGN(auto x, result);  return the error to the caller.
#define LLC_CONCAT_(a, b) a##b
#define LLC_CONCAT(a, b) LLC_CONCAT_(a, b)
#define LLC_TRY(expression)                                                                    \
  if (auto LLC_CONCAT(tried_, __LINE__) = (expression); !LLC_CONCAT(tried_, __LINE__).ok()) \
  return std::move(LLC_CONCAT(tried_, __LINE__).error())
#define LLC_ASSIGN(declaration, expression)                                                                \
  auto LLC_CONCAT(result_, __LINE__) = (expression);                                                       \
  if (!LLC_CONCAT(result_, __LINE__).ok()) return std::move(LLC_CONCAT(result_, __LINE__).error());        \
  declaration = std::move(*LLC_CONCAT(result_, __LINE__))

}  // namespace llc
