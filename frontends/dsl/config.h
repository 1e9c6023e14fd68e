// A model's configuration as the architectures read it: every key that is read is ticked off, so that a key nobody
// understood can be reported instead of being silently ignored. The first mistake is kept; reading goes on with the
// default, so that architectures need no error handling of their own.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/status.h"

namespace llc::dsl {

// Whether `text` fits `pattern`, in which each '*' stands for anything, also for nothing.
bool matchesPattern(std::string_view pattern, std::string_view text);

class Config {
 public:
  // `where` names the file in errors. The text must be a JSON object; limits on size and depth are checked here.
  static Result<Config> parse(std::string_view json, std::string where);
  Config(Config &&) noexcept;
  Config &operator=(Config &&) noexcept;
  ~Config();

  bool has(std::string_view key) const;        // present and not null
  bool isWritten(std::string_view key) const;  // present, perhaps as null
  bool isBoolean(std::string_view key) const;
  bool asksForNothing(std::string_view key);  // absent, null, false, or an empty text, list or object; ticks it off
  // null counts as absent. `fallback` is what the reference implementation assumes when the key is absent.
  int64_t integer(std::string_view key, int64_t fallback);
  int64_t size(std::string_view key, int64_t fallback);  // an integer from 1 to 2^31-1
  int64_t requiredSize(std::string_view key);
  double number(std::string_view key, double fallback);  // finite
  bool boolean(std::string_view key, bool fallback);
  std::string text(std::string_view key, std::string_view fallback);
  std::optional<int64_t> optionalSize(std::string_view key);
  std::optional<double> optionalNumber(std::string_view key);  // also infinities: {"__float__": "Infinity"} or Infinity
  std::vector<std::string> texts(std::string_view key);        // empty if absent
  std::vector<double> numbers(std::string_view key);
  std::vector<int64_t> integers(std::string_view key);  // a number counts as a list of one
  // The object under `key` as a configuration of its own (its unread keys and its first error count here); an absent
  // one is empty. The reference stays valid as long as this Config.
  Config &object(std::string_view key);
  std::vector<std::string> keys() const;

  // Say that a key is understood and makes no difference; '*' stands for anything.
  void irrelevant(std::initializer_list<std::string_view> patterns);
  // Note a mistake in the value of `key`.
  void refuse(std::string_view key, std::string_view why, std::string_view remedy);
  std::string where(std::string_view key) const;  // "config.json: rope_parameters.factor"

  Status status() const;                        // the first mistake
  std::vector<std::string> unreadKeys() const;  // in full: "rope_parameters.foo"
  // Where a size comes from: the key that was read with this value, or a product ("num_attention_heads x head_dim", "3
  // x hidden_size"); empty if nothing fits.
  std::string originOf(int64_t value) const;

 private:
  struct State;
  explicit Config(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace llc::dsl
