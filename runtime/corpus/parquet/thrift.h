// Thrift's compact protocol, in which the metadata of Parquet are written
// (https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md). Whatever the bytes, reading
// stays within them: after the first that makes no sense, values are zero and ok() is false.
#pragma once
#include <cstdint>
#include <span>
#include <string>

namespace llc::corpus::parquet {

using Bytes = std::span<const uint8_t>;

// Takes a number of 7 bits a byte off the front; false when there is none.
bool takeVarint(Bytes &bytes, uint64_t &value);
// 0, 1, 2, 3 ... stand for 0, -1, 1, -2 ...
inline uint64_t unzigzag(uint64_t value) { return value >> 1 ^ (~(value & 1) + 1); }

class Thrift {
 public:
  enum Type : uint8_t { yes = 1, no = 2, int8 = 3, int16, int32, int64, real, binary, list, set, map, structure };
  explicit Thrift(Bytes bytes) : bytes_(bytes) {}

  bool ok() const { return ok_; }
  size_t position() const { return at_; }

  // Calls field(id, type) for each field of a structure; where it returns false, the field is skipped.
  template <class Field>
  void fields(Field &&field) {
    if (++depth_ > maxDepth) ok_ = false;
    int16_t id = 0;
    while (uint8_t head = byte()) {
      id = head >> 4 ? int16_t(id + (head >> 4)) : int16_t(zigzag());
      if (Type type = Type(head & 15); !field(id, type)) skip(type, false);
    }
    --depth_;
  }
  // The same for a value of `type`; false when that is no structure.
  template <class Field>
  bool fields(Type type, Field &&field) {
    if (type == structure) fields(field);
    return type == structure;
  }
  // Calls item(type) for each item of a list; false when it is none.
  template <class Item>
  bool items(Type type, Item &&item) {
    if (type != list && type != set) return false;
    auto [count, of] = listHead();
    for (uint64_t i = 0; ok_ && i < count; ++i)
      if (!item(of)) skip(of, true);
    return true;
  }

  // Values; false when they have another type.
  bool read(Type type, int64_t &value);
  bool read(Type type, std::string &value);
  bool read(Type type, bool &value);  // of a field

 private:
  static constexpr int maxDepth = 32;
  struct ListHead {
    uint64_t count;
    Type of;
  };
  uint8_t byte();
  uint64_t varint();
  int64_t zigzag();
  ListHead listHead();
  void skip(Type type, bool inList);
  void skipMap();
  void advance(uint64_t count);

  Bytes bytes_;
  size_t at_ = 0;
  int depth_ = 0;
  bool ok_ = true;
};

}  // namespace llc::corpus::parquet
