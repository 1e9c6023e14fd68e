#include "runtime/base/dtype.h"

#include <cmath>
#include <utility>

namespace llc {

std::string_view dtypeName(DType type) {
  switch (type) {
    case DType::f32: return "f32";
    case DType::f16: return "f16";
    case DType::bf16: return "bf16";
    case DType::f64: return "f64";
    case DType::i64: return "i64";
    case DType::i32: return "i32";
    case DType::i16: return "i16";
    case DType::i8: return "i8";
    case DType::u8: return "u8";
    case DType::boolean: return "i1";
  }
  return "?";
}

std::optional<DType> parseDType(std::string_view name) {
  static constexpr std::pair<std::string_view, DType> names[] = {
      {"f32", DType::f32},   {"float32", DType::f32},   {"float", DType::f32}, {"f16", DType::f16}, {"float16", DType::f16},
      {"half", DType::f16},  {"bf16", DType::bf16},     {"bfloat16", DType::bf16}, {"f64", DType::f64}, {"float64", DType::f64},
      {"i64", DType::i64},   {"int64", DType::i64},     {"i32", DType::i32},   {"int32", DType::i32}, {"i16", DType::i16},
      {"i8", DType::i8},     {"u8", DType::u8},         {"i1", DType::boolean}, {"bool", DType::boolean}};
  for (auto [text, type] : names)
    if (text == name) return type;
  return std::nullopt;
}

float fromF16(uint16_t bits) {
  uint32_t sign = uint32_t(bits & 0x8000) << 16, exponent = bits >> 10 & 31, fraction = bits & 1023;
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7f800000 | fraction << 13);
  if (exponent == 0) return (sign ? -1.0f : 1.0f) * std::ldexp(float(fraction), -24);
  return std::bit_cast<float>(sign | (exponent + 112) << 23 | fraction << 13);
}

uint16_t toF16(float value) {
  uint32_t bits = std::bit_cast<uint32_t>(value), sign = bits >> 16 & 0x8000, magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return uint16_t(sign | 0x7e00);
  if (magnitude >= 0x477ff000) return uint16_t(sign | 0x7c00);  // rounds up to infinity
  if (magnitude < 0x38800000) {                                  // subnormal: one exact scaling, then round to even
    float scaled = std::nearbyint(std::ldexp(std::bit_cast<float>(magnitude), 24));
    return uint16_t(sign | uint32_t(scaled));
  }
  uint32_t rounded = magnitude + 0xfff + (magnitude >> 13 & 1);
  return uint16_t(sign | (rounded - 0x38000000) >> 13);
}

namespace {
template <class T> T read(const void *data, size_t index) {
  T value;
  std::memcpy(&value, static_cast<const char *>(data) + index * sizeof(T), sizeof(T));
  return value;
}
template <class T> void write(void *data, size_t index, T value) {
  std::memcpy(static_cast<char *>(data) + index * sizeof(T), &value, sizeof(T));
}
}  // namespace

double loadElement(const void *data, DType type, size_t index) {
  switch (type) {
    case DType::f32: return read<float>(data, index);
    case DType::f16: return fromF16(read<uint16_t>(data, index));
    case DType::bf16: return fromBf16(read<uint16_t>(data, index));
    case DType::f64: return read<double>(data, index);
    case DType::i64: return double(read<int64_t>(data, index));
    case DType::i32: return read<int32_t>(data, index);
    case DType::i16: return read<int16_t>(data, index);
    case DType::i8: return read<int8_t>(data, index);
    case DType::u8: return read<uint8_t>(data, index);
    case DType::boolean: return read<uint8_t>(data, index) != 0;
  }
  return 0;
}

void storeElement(void *data, DType type, size_t index, double value) {
  switch (type) {
    case DType::f32: return write(data, index, float(value));
    case DType::f16: return write(data, index, toF16(float(value)));
    case DType::bf16: return write(data, index, toBf16(float(value)));
    case DType::f64: return write(data, index, value);
    case DType::i64: return write(data, index, int64_t(value));
    case DType::i32: return write(data, index, int32_t(value));
    case DType::i16: return write(data, index, int16_t(value));
    case DType::i8: return write(data, index, int8_t(value));
    case DType::u8: return write(data, index, uint8_t(value));
    case DType::boolean: return write(data, index, uint8_t(value != 0));
  }
}

}  // namespace llc
