// Typed reading of the small objects of tokenizer files, with errors that name the place.
#pragma once
#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "runtime/base/status.h"
#include "runtime/text/utf8.h"

namespace llc::text {

using Json = nlohmann::json;

inline Error badField(const std::string &where, std::string_view what) {
  return diagnose(ErrorKind::invalidInput, where).says(what).toFix("download the tokenizer files again, or compare them with their source");
}
inline Error unknownType(const std::string &where, const std::string &type, const std::vector<std::string> &known) {
  std::string near = nearestNames(type, known);
  return diagnose(ErrorKind::unsupported, where)
      .says(fmt::format("unknown type '{}'{}", type, near.empty() ? "" : "; did the file mean " + near + "?"))
      .toFix("use a tokenizer that is made of the types that Hugging Face tokenizers 0.23 knows");
}

class Fields {
 public:
  Fields(const Json &object, std::string where) : object_(object), where_(std::move(where)) {}
  const std::string &where() const { return where_; }
  const Json *find(const char *name) const {
    if (!object_.is_object()) return nullptr;
    auto found = object_.find(name);
    return found == object_.end() || found->is_null() ? nullptr : &*found;
  }
  Error bad(const char *name, std::string_view wanted) const {
    return badField(where_ + "." + name, fmt::format("expected {}", wanted));
  }
  Result<bool> boolean(const char *name, bool otherwise) const {
    const Json *value = find(name);
    if (!value) return otherwise;
    if (!value->is_boolean()) return bad(name, "true or false");
    return value->get<bool>();
  }
  Result<std::string> string(const char *name) const {
    const Json *value = find(name);
    if (!value || !value->is_string()) return bad(name, "a string");
    return value->get<std::string>();
  }
  Result<std::string> string(const char *name, const char *otherwise) const {
    if (!find(name)) return std::string(otherwise);
    return string(name);
  }
  // Exactly one character.
  Result<std::uint32_t> character(const char *name) const {
    LLC_ASSIGN(std::string text, string(name));
    std::size_t next = 0;
    if (text.empty() || !validUtf8(text)) return bad(name, "one character");
    std::uint32_t c = codePointAt(text, 0, next);
    if (next != text.size()) return bad(name, "one character");
    return c;
  }
  Result<std::size_t> size(const char *name, std::size_t otherwise) const {
    const Json *value = find(name);
    if (!value) return otherwise;
    if (!value->is_number_unsigned() || value->get<std::uint64_t>() > 0xFFFFFFFFu) return bad(name, "a whole number from 0 to 4294967295");
    return static_cast<std::size_t>(value->get<std::uint64_t>());
  }
  Result<const Json *> array(const char *name) const {
    const Json *value = find(name);
    if (!value || !value->is_array()) return bad(name, "a list");
    return value;
  }
  // The parts of a Sequence: a list of objects that `make` reads, one level deeper; those that do nothing are left out.
  template <class Step>
  Result<std::vector<std::unique_ptr<Step>>> steps(const char *name,
                                                   Result<std::unique_ptr<Step>> (*make)(const Json &,
                                                                                         const std::string &, int),
                                                   int depth) const {
    LLC_ASSIGN(const Json *list, array(name));
    std::vector<std::unique_ptr<Step>> made;
    for (std::size_t i = 0; i < list->size(); ++i) {
      LLC_ASSIGN(std::unique_ptr<Step> step, make((*list)[i], fmt::format("{}.{}[{}]", where_, name, i), depth + 1));
      if (step) made.push_back(std::move(step));
    }
    return made;
  }
  Result<std::string> type() const {
    if (!object_.is_object()) return badField(where_, "expected an object");
    return string("type");
  }

 private:
  const Json &object_;
  std::string where_;
};

}  // namespace llc::text
