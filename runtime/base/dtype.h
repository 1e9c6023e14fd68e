// Element types that files, programs and the runtime share, and conversion between them.
#pragma once
#include <bit>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

namespace llc {

enum class DType : uint8_t { f32, f16, bf16, f64, i64, i32, i16, i8, u8, boolean };

inline constexpr size_t byteSize(DType type) {
  switch (type) {
    case DType::f64: case DType::i64: return 8;
    case DType::f32: case DType::i32: return 4;
    case DType::f16: case DType::bf16: case DType::i16: return 2;
    case DType::i8: case DType::u8: case DType::boolean: return 1;
  }
  return 0;
}
// The short lower-case names used in MLIR and on the command line: "f32", "bf16", "i64", "i1" ...
std::string_view dtypeName(DType type);
// Accepts those names and "float32", "bfloat16", "float16", "half" (Hugging Face spellings).
std::optional<DType> parseDType(std::string_view name);

inline float fromBf16(uint16_t bits) { return std::bit_cast<float>(uint32_t(bits) << 16); }
// Round to nearest even; NaN stays NaN.
inline uint16_t toBf16(float value) {
  uint32_t bits = std::bit_cast<uint32_t>(value);
  if ((bits & 0x7fffffff) > 0x7f800000) return uint16_t(bits >> 16 | 0x40);
  return uint16_t((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}
float fromF16(uint16_t bits);
uint16_t toF16(float value);  // round to nearest even

// Element `index` of an array of `type`, as double; and the inverse.
double loadElement(const void *data, DType type, size_t index);
void storeElement(void *data, DType type, size_t index, double value);

}  // namespace llc
