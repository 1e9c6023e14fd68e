// A text decoded token by token, as a program that prints while it generates does.
#pragma once
#include "runtime/text/tokenizer.h"

namespace llc {

inline std::string streamed(const Tokenizer &tokenizer, const std::vector<TokenId> &ids, bool skipSpecial) {
  StreamDecoder decoder(tokenizer, skipSpecial);
  std::string text;
  for (TokenId id : ids) text += decoder.push(id);
  return text + decoder.finish();
}

}  // namespace llc
