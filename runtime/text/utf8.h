// UTF-8 as bytes. Functions that take "valid" text may be given only what lossyUtf8() or validUtf8() approved.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace llc::text {

// Replaces every maximal invalid subsequence by one U+FFFD (the Unicode standard's recommended practice).
std::string lossyUtf8(std::string_view bytes);
bool validUtf8(std::string_view bytes);
// Bytes at the end that begin a character but don't finish it: more bytes could still make them valid.
std::size_t incompleteTail(std::string_view bytes);

// Bytes of the character that starts with this byte of valid text.
inline std::size_t characterLength(char first) {
  auto byte = static_cast<unsigned char>(first);
  return byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
}

// The code point at `at` of valid text, and past it.
inline std::uint32_t codePointAt(std::string_view text, std::size_t at, std::size_t &next) {
  auto byte = [&](std::size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(text[at + i])); };
  std::uint32_t first = byte(0);
  if (first < 0x80) { next = at + 1; return first; }
  if (first < 0xE0) { next = at + 2; return (first & 0x1F) << 6 | (byte(1) & 0x3F); }
  if (first < 0xF0) { next = at + 3; return (first & 0x0F) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F); }
  next = at + 4;
  return (first & 0x07) << 18 | (byte(1) & 0x3F) << 12 | (byte(2) & 0x3F) << 6 | (byte(3) & 0x3F);
}

// Where the character before `at` (> 0) of valid text starts.
inline std::size_t previousCharacter(std::string_view text, std::size_t at) {
  do --at;
  while (at > 0 && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80);
  return at;
}

void appendUtf8(std::string &out, std::uint32_t codePoint);

// for (CodePoint c : CodePoints(text)): c.value, c.begin, c.end
struct CodePoint {
  std::uint32_t value;
  std::size_t begin, end;
};
class CodePoints {
 public:
  explicit CodePoints(std::string_view text) : text_(text) {}
  class Iterator {
   public:
    Iterator(std::string_view text, std::size_t at) : text_(text), at_(at) {}
    CodePoint operator*() {
      CodePoint c{0, at_, at_};
      c.value = codePointAt(text_, at_, c.end);
      return c;
    }
    Iterator &operator++() { at_ += characterLength(text_[at_]); return *this; }
    bool operator!=(const Iterator &other) const { return at_ < other.at_; }

   private:
    std::string_view text_;
    std::size_t at_;
  };
  Iterator begin() const { return {text_, 0}; }
  Iterator end() const { return {text_, text_.size()}; }

 private:
  std::string_view text_;
};

}  // namespace llc::text
