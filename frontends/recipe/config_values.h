// Values of a model's configuration, for what makes models of it.
#pragma once
#include "frontends/recipe/model_config.h"

namespace llc::recipe {

// A value, or what the table of keys says when it is absent.
inline OrderedJson valueOf(const OrderedJson &config, const std::string &name) {
  auto found = config.find(name);
  if (found != config.end() && !found->is_null()) return *found;
  for (const KeySpec &key : configKeys())
    if (key.path == name) return key.initial;
  return nullptr;
}
inline int64_t integerValue(const OrderedJson &config, const std::string &name) {
  return valueOf(config, name).get<int64_t>();
}
inline std::string textValue(const OrderedJson &config, const std::string &name, const std::string &otherwise) {
  OrderedJson value = valueOf(config, name);
  return value.is_string() ? value.get<std::string>() : otherwise;
}
inline bool flagValue(const OrderedJson &config, const std::string &name, bool otherwise) {
  OrderedJson value = valueOf(config, name);
  return value.is_boolean() ? value.get<bool>() : otherwise;
}

}  // namespace llc::recipe
