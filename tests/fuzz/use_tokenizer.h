// What every tokenizer that loads must stand: encoding and decoding without fault.
#pragma once
#include <cstdlib>
#include <string>

#include "runtime/text/tokenizer.h"

namespace llc::fuzz {

inline void encodeAndDecode(const Tokenizer &tokenizer, std::string_view text) {
  auto ids = tokenizer.encode(text, {.addSpecial = true, .parseSpecial = true});
  if (!ids.ok()) {
    if (ids.error().text().empty()) abort();
    return;
  }
  for (TokenId id : *ids)
    if (id < 0) abort();
  StreamDecoder stream(tokenizer, false);
  std::string streamed;
  for (TokenId id : *ids) streamed += stream.push(id);
  streamed += stream.finish();
  if (streamed != tokenizer.decode(*ids)) abort();
}

// Loads the file; a text of fixed strangeness and the file's own bytes go through it.
inline void useTokenizer(const std::string &name, const std::string &bytes) {
  auto tokenizer = Tokenizer::fromFiles({{name, bytes}});
  if (!tokenizer.ok()) {
    if (tokenizer.error().text().empty()) abort();
    return;
  }
  encodeAndDecode(**tokenizer, " The e\xCC\x81t\xC3\xA9 \xE6\x97\xA5\xE6\x9C\xAC <s>\xFF\xF0\x9F\x99\x82 12345\n\n  x");
  encodeAndDecode(**tokenizer, std::string_view(bytes).substr(0, 300));
}

}  // namespace llc::fuzz
