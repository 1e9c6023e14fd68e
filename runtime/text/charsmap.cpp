#include "runtime/text/charsmap.h"

#include <fmt/format.h>

#include "runtime/text/unicode.h"
#include "runtime/text/utf8.h"

namespace llc::text {

namespace {
std::uint32_t littleEndian(std::string_view bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 4; i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

// A unit: label (and the leaf bit), offset to the children, "a leaf hangs below", or the value of a leaf.
std::uint32_t labelOf(std::uint32_t unit) { return unit & (1u << 31 | 0xFF); }
std::uint32_t offsetOf(std::uint32_t unit) { return (unit >> 10) << ((unit & (1u << 9)) >> 6); }
bool hasLeaf(std::uint32_t unit) { return (unit >> 8 & 1) != 0; }
std::uint32_t valueOf(std::uint32_t unit) { return unit & ((1u << 31) - 1); }
}  // namespace

Result<CharsMap> CharsMap::parse(std::string_view blob, const std::string &where) {
  auto bad = [&](std::string_view what) {
    return diagnose(ErrorKind::invalidInput, where).says(what).toFix("download the tokenizer files again");
  };
  if (blob.size() < 4) return bad(fmt::format("the character map has {} bytes, at least 4 are needed", blob.size()));
  std::size_t bytes = littleEndian(blob, 0);
  if (bytes % 4 != 0 || bytes > blob.size() - 4 || bytes == 0)
    return bad(fmt::format("the character map claims {} bytes of trie, {} are left", bytes, blob.size() - 4));
  CharsMap map;
  map.units_.resize(bytes / 4);
  for (std::size_t i = 0; i < map.units_.size(); ++i) map.units_[i] = littleEndian(blob, 4 + 4 * i);
  map.replacements_ = std::string(blob.substr(4 + bytes));
  map.replacements_.push_back('\0');  // a last replacement without its end still ends
  return map;
}

std::optional<CharsMap::Match> CharsMap::match(std::string_view text, bool longest) const {
  std::optional<Match> found;
  std::size_t position = offsetOf(units_[0]);
  for (std::size_t i = 0; i < text.size(); ++i) {
    auto byte = static_cast<unsigned char>(text[i]);
    if (byte == 0) break;
    position ^= byte;
    if (position >= units_.size() || labelOf(units_[position]) != byte) break;
    std::uint32_t unit = units_[position];
    position ^= offsetOf(unit);
    if (!hasLeaf(unit)) continue;
    if (position >= units_.size()) break;
    std::size_t at = valueOf(units_[position]);
    if (at >= replacements_.size()) break;
    found = Match{i + 1, std::string_view(replacements_.c_str() + at)};
    if (!longest) break;
  }
  return found;
}

std::string CharsMap::byGraphemes(std::string_view valid) const {
  std::string out;
  out.reserve(valid.size());
  std::size_t begin = 0;
  for (std::size_t end : graphemeEnds(valid)) {
    std::string_view grapheme = valid.substr(begin, end - begin);
    begin = end;
    if (grapheme.size() < 6) {
      // The reference looks up prefixes and takes the shortest for the whole grapheme; so must we.
      if (auto found = shortest(grapheme)) {
        out.append(found->replacement);
        continue;
      }
    }
    for (CodePoint c : CodePoints(grapheme)) {
      std::string_view character = grapheme.substr(c.begin, c.end - c.begin);
      auto found = shortest(character);
      out.append(found ? found->replacement : character);
    }
  }
  return out;
}

}  // namespace llc::text
