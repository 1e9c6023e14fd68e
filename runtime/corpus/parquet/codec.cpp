#include "runtime/corpus/parquet/codec.h"

#include <zlib.h>
#include <zstd.h>

#include <cstring>

namespace llc::corpus::parquet {

namespace {
class Snappy {
 public:
  Snappy(Bytes in, std::span<uint8_t> out) : in_(in), out_(out) {}

  bool run() {
    if (!length()) return false;
    while (at_ < in_.size()) {
      uint8_t tag = in_[at_++];
      bool good = (tag & 3) == 0 ? literal(tag >> 2) : copy(tag);
      if (!good) return false;
    }
    return filled_ == out_.size();
  }

 private:
  // The stream begins with its length as it was before.
  bool length() {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 35 && at_ < in_.size(); shift += 7) {
      uint8_t next = in_[at_++];
      value |= uint64_t(next & 127) << shift;
      if (next < 128) return value == out_.size();
    }
    return false;
  }
  bool number(size_t bytes, uint32_t &value) {
    if (bytes > in_.size() - at_) return false;
    value = 0;
    for (size_t i = 0; i < bytes; ++i) value |= uint32_t(in_[at_++]) << (8 * i);
    return true;
  }
  bool literal(uint32_t length) {
    if (length >= 60 && !number(length - 59, length)) return false;
    uint64_t count = uint64_t(length) + 1;
    if (count > in_.size() - at_ || count > out_.size() - filled_) return false;
    std::memcpy(out_.data() + filled_, in_.data() + at_, count);
    at_ += count;
    filled_ += count;
    return true;
  }
  bool copy(uint8_t tag) {
    uint32_t offset = 0, length = uint32_t(tag >> 2) + 1;
    if ((tag & 3) == 1) {
      length = (tag >> 2 & 7) + 4;
      if (!number(1, offset)) return false;
      offset |= uint32_t(tag >> 5) << 8;
    } else if (!number((tag & 3) == 2 ? 2 : 4, offset)) {
      return false;
    }
    if (offset == 0 || offset > filled_ || length > out_.size() - filled_) return false;
    uint8_t *to = out_.data() + filled_;
    if (offset >= length)
      std::memcpy(to, to - offset, length);
    else  // what is copied is being written: a pattern, repeated
      for (uint32_t i = 0; i < length; ++i) to[i] = to[int64_t(i) - int64_t(offset)];
    filled_ += length;
    return true;
  }

  Bytes in_;
  std::span<uint8_t> out_;
  size_t at_ = 0, filled_ = 0;
};

// gzip of one or several members, or zlib.
bool decompressGzip(Bytes in, std::span<uint8_t> out) {
  z_stream state = {};
  if (inflateInit2(&state, 15 + 32) != Z_OK) return false;
  state.next_in = const_cast<Bytef *>(in.data());
  state.avail_in = uInt(in.size());
  state.next_out = out.data();
  state.avail_out = uInt(out.size());
  int result = inflate(&state, Z_FINISH);
  while (result == Z_STREAM_END && state.avail_in > 0 && state.avail_out > 0 && inflateReset(&state) == Z_OK)
    result = inflate(&state, Z_FINISH);
  bool whole = result == Z_STREAM_END && state.avail_out == 0;
  inflateEnd(&state);
  return whole;
}

bool decompressZstd(Bytes in, std::span<uint8_t> out) {
  return ZSTD_decompress(out.data(), out.size(), in.data(), in.size()) == out.size();
}
}  // namespace

bool decompressSnappy(Bytes in, std::span<uint8_t> out) { return Snappy(in, out).run(); }

bool isKnown(Codec codec) {
  return codec == Codec::none || codec == Codec::snappy || codec == Codec::gzip || codec == Codec::zstd;
}

std::string decompress(Codec codec, Bytes in, std::span<uint8_t> out) {
  bool done = codec == Codec::snappy ? decompressSnappy(in, out)
              : codec == Codec::gzip ? decompressGzip(in, out)
                                     : codec == Codec::zstd && decompressZstd(in, out);
  return done ? "" : fmt::format("does not hold {} bytes compressed by {}", out.size(), nameOf(codec));
}

}  // namespace llc::corpus::parquet
