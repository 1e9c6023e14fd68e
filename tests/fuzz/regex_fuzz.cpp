// Regular expressions: pattern, a zero byte, text. Matching must end, in order and inside the text, on character boundaries.
#include <cstdlib>
#include <string>

#include "runtime/text/regex.h"
#include "runtime/text/utf8.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::string_view input(reinterpret_cast<const char *>(data), size);
  std::size_t cut = input.find('\0');
  if (cut == std::string_view::npos || cut > 200) return 0;
  auto pattern = llc::text::Regex::compile(input.substr(0, cut));
  if (!pattern.ok()) {
    if (pattern.error().text().empty()) abort();
    return 0;
  }
  std::string text = llc::text::lossyUtf8(input.substr(cut + 1, 400));
  auto matches = pattern->findAll(text);
  if (!matches.ok()) return 0;
  std::size_t last = 0;
  for (auto match : *matches) {
    if (match.begin < last || match.end < match.begin || match.end > text.size()) abort();
    if (!llc::text::validUtf8(std::string_view(text).substr(match.begin, match.end - match.begin))) abort();
    last = match.end;
  }
  return 0;
}
