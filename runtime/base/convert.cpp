#include "runtime/base/convert.h"

namespace llc {
namespace {
template <class Load>
void convertTo(DType type, void *to, uint64_t count, Load load) {
  auto *bytes = static_cast<char *>(to);
  switch (type) {
    case DType::f32:
      for (uint64_t i = 0; i < count; ++i) {
        float value = load(i);
        std::memcpy(bytes + i * 4, &value, 4);
      }
      return;
    case DType::bf16:
    case DType::f16:
      for (uint64_t i = 0; i < count; ++i) {
        uint16_t value = type == DType::bf16 ? toBf16(load(i)) : toF16(load(i));
        std::memcpy(bytes + i * 2, &value, 2);
      }
      return;
    default:
      for (uint64_t i = 0; i < count; ++i) storeElement(to, type, i, load(i));
  }
}
}  // namespace

void convertElements(const void *from, DType fromType, void *to, DType toType, uint64_t count) {
  const auto *bytes = static_cast<const char *>(from);
  auto half = [bytes](uint64_t i) {
    uint16_t bits;
    std::memcpy(&bits, bytes + i * 2, 2);
    return bits;
  };
  switch (fromType) {
    case DType::f32:
      return convertTo(toType, to, count, [bytes](uint64_t i) {
        float value;
        std::memcpy(&value, bytes + i * 4, 4);
        return value;
      });
    case DType::bf16:
      return convertTo(toType, to, count, [half](uint64_t i) { return fromBf16(half(i)); });
    case DType::f16:
      return convertTo(toType, to, count, [half](uint64_t i) { return fromF16(half(i)); });
    default:  // integers and f64 go through double, exactly
      for (uint64_t i = 0; i < count; ++i) storeElement(to, toType, i, loadElement(from, fromType, i));
  }
}

}  // namespace llc
