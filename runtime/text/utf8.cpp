#include "runtime/text/utf8.h"

namespace llc::text {

namespace {
constexpr std::string_view replacement = "\xEF\xBF\xBD";

struct Sequence {
  std::size_t bytes;  // of the character, or of the maximal invalid subsequence (at least 1)
  bool valid;
  bool truncated;     // the text ends inside it
};

// One step of the table of well-formed byte sequences (Unicode standard, table 3-7).
Sequence sequenceAt(std::string_view s, std::size_t at) {
  auto byte = [&](std::size_t i) { return static_cast<unsigned char>(s[i]); };
  unsigned char first = byte(at);
  if (first < 0x80) return {1, true, false};
  if (first < 0xC2 || first > 0xF4) return {1, false, false};
  std::size_t length = characterLength(s[at]);
  unsigned char low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
  unsigned char high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
  for (std::size_t i = 1; i < length; ++i) {
    if (at + i >= s.size()) return {i, false, true};
    if (byte(at + i) < low || byte(at + i) > high) return {i, false, false};
    low = 0x80;
    high = 0xBF;
  }
  return {length, true, false};
}
}  // namespace

bool validUtf8(std::string_view bytes) {
  for (std::size_t at = 0; at < bytes.size();) {
    Sequence sequence = sequenceAt(bytes, at);
    if (!sequence.valid) return false;
    at += sequence.bytes;
  }
  return true;
}

std::string lossyUtf8(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size());
  for (std::size_t at = 0; at < bytes.size();) {
    Sequence sequence = sequenceAt(bytes, at);
    out.append(sequence.valid ? bytes.substr(at, sequence.bytes) : replacement);
    at += sequence.bytes;
  }
  return out;
}

std::size_t incompleteTail(std::string_view bytes) {
  for (std::size_t length = 1; length <= 3 && length <= bytes.size(); ++length) {
    std::size_t at = bytes.size() - length;
    if ((static_cast<unsigned char>(bytes[at]) & 0xC0) == 0x80) continue;
    return sequenceAt(bytes, at).truncated ? length : 0;
  }
  return 0;
}

void appendUtf8(std::string &out, std::uint32_t c) {
  auto put = [&](std::uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (c < 0x80) return put(c);
  if (c < 0x800) return put(0xC0 | c >> 6), put(0x80 | (c & 0x3F));
  if (c < 0x10000) return put(0xE0 | c >> 12), put(0x80 | (c >> 6 & 0x3F)), put(0x80 | (c & 0x3F));
  put(0xF0 | c >> 18), put(0x80 | (c >> 12 & 0x3F)), put(0x80 | (c >> 6 & 0x3F)), put(0x80 | (c & 0x3F));
}

}  // namespace llc::text
