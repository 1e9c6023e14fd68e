// Normalizers of tokenizer.json: NFC NFD NFKC NFKD Lowercase Strip StripAccents Replace Prepend Precompiled BertNormalizer Nmt Sequence
// ByteLevel.
#pragma once
#include <memory>
#include <string>

#include "runtime/text/json_fields.h"

namespace llc::text {

struct Normalized {
  std::string text;
  bool atStart = true;  // its first character stems from the very start of the input
};

class Normalizer {
 public:
  virtual ~Normalizer() = default;
  virtual Status apply(Normalized &text) const = 0;
};

// null gives no normalizer (a null pointer).
Result<std::unique_ptr<Normalizer>> makeNormalizer(const Json &json, const std::string &where, int depth = 0);

// The character that stands for a byte in byte-level vocabularies, in UTF-8 (1 or 2 bytes).
std::string_view byteCharacter(unsigned char byte);
// The byte that a character stands for; -1: none.
int characterByte(std::uint32_t codePoint);
std::string bytesToCharacters(std::string_view bytes);

}  // namespace llc::text
