// What the generated op functions are made of. Not for models: they call the functions of ops.h.
#pragma once
#include <concepts>
#include <initializer_list>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "frontends/dsl/dsl.h"

namespace llc::dsl {

// A field of an options struct that must be given: leaving it out does not compile.
template <class T>
struct Required {
  template <class From>
    requires std::convertible_to<From, T>
  Required(From &&from) : value(std::forward<From>(from)) {}
  T value;
};

// An attribute as C++ has it; NoAttribute is an optional attribute that is absent.
struct NoAttribute {};
struct FlagAttribute {
  bool set = false;
};  // unit attributes: present or not
using Attribute =
    std::variant<NoAttribute, int64_t, double, bool, FlagAttribute, std::string, std::vector<int64_t>, DType>;
using NamedAttributes = std::initializer_list<std::pair<const char *, Attribute>>;
// Operands come in groups, one per operand of the definition: a group of a variadic operand may have any size.
using OperandGroups = std::initializer_list<std::vector<Value>>;

// Make the op; its result types are inferred from the dialect's definition. `segments`: the op has optional operands,
// so that it must be told how many each group has.
Value makeOp(const char *name, OperandGroups operands, NamedAttributes attributes, bool segments);
std::vector<Value> makeOps(const char *name, OperandGroups operands, NamedAttributes attributes, bool segments);
// The same with the result's type given, for ops whose result does not follow from the operands.
Value makeOp(const char *name, OperandGroups operands, NamedAttributes attributes, bool segments, const Shape &shape,
             DType type);

// An absent value of an optional operand is an empty group.
template <std::derived_from<Value> T>
std::vector<Value> group(T value) {
  return value ? std::vector<Value>{value} : std::vector<Value>{};
}
template <std::derived_from<Value> T>
std::vector<Value> group(const std::vector<T> &values) {
  return {values.begin(), values.end()};
}
template <class T>
Attribute optionalAttribute(const std::optional<T> &value) {
  return value ? Attribute(*value) : Attribute(NoAttribute{});
}

}  // namespace llc::dsl
