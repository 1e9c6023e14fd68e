// The configuration of a run as it is used: the keys of create-config's files, with the values that hold and which of
// them were given rather than being defaults. Whoever makes one has checked it.
#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/status.h"

namespace llc::train {

using OrderedJson = nlohmann::ordered_json;

// "training.lr" in an object of objects. The former is null when it is absent or null itself, the latter makes it.
const OrderedJson *findKey(const OrderedJson &config, std::string_view path);
OrderedJson &keyAt(OrderedJson &config, std::string_view path);

class RunConfig {
 public:
  RunConfig() = default;
  // `where` names it in messages.
  RunConfig(OrderedJson given, OrderedJson effective, std::string where);

  bool given(std::string_view path) const;
  const OrderedJson *find(std::string_view path) const;  // null when absent
  // Of keys that have a value of that type.
  int64_t integer(std::string_view path) const;
  double number(std::string_view path) const;
  bool flag(std::string_view path) const;  // false when absent
  std::string text(std::string_view path) const;
  std::vector<std::string> texts(std::string_view path) const;  // also of one text; empty when absent
  // What follows from other things; a given key stays given.
  void set(std::string_view path, OrderedJson value);

  // That the key asks for something that is not there yet.
  Error unavailable(const std::string &path, const std::string &remedy) const;

  const OrderedJson &all() const { return effective_; }
  const OrderedJson &allGiven() const { return given_; }
  const std::string &where() const { return where_; }

 protected:
  OrderedJson given_ = OrderedJson::object(), effective_ = OrderedJson::object();
  std::string where_;
};

}  // namespace llc::train
