// sentencepiece's precompiled character map: a double-array trie (layout of Darts-clone) from byte strings to replacement strings.
// Layout: u32 little-endian size of the trie in bytes, the trie's u32 units, then NUL-terminated replacements.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/status.h"

namespace llc::text {

class CharsMap {
 public:
  static Result<CharsMap> parse(std::string_view blob, const std::string &where);
  struct Match {
    std::size_t length;
    std::string_view replacement;
  };
  // Keys that begin the text: the shortest, the longest.
  std::optional<Match> shortest(std::string_view text) const { return match(text, false); }
  std::optional<Match> longest(std::string_view text) const { return match(text, true); }

  // Normalizes as Hugging Face's Precompiled does: by graphemes below 6 bytes, else by characters.
  std::string byGraphemes(std::string_view valid) const;

 private:
  std::optional<Match> match(std::string_view text, bool longest) const;
  std::vector<std::uint32_t> units_;
  std::string replacements_;
};

}  // namespace llc::text
