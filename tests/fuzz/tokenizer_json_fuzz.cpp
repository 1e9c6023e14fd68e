// tokenizer.json: whatever loads must encode and decode without fault; a text of fixed strangeness and the file's own bytes are encoded.
#include <cstdlib>
#include <string>

#include "runtime/text/tokenizer.h"

namespace {
void use(const llc::Tokenizer &tokenizer, std::string_view text) {
  auto ids = tokenizer.encode(text, {.addSpecial = true, .parseSpecial = true});
  if (!ids.ok()) {
    if (ids.error().text().empty()) abort();
    return;
  }
  for (llc::TokenId id : *ids)
    if (id < 0) abort();
  llc::StreamDecoder stream(tokenizer, false);
  std::string streamed;
  for (llc::TokenId id : *ids) streamed += stream.push(id);
  streamed += stream.finish();
  if (streamed != tokenizer.decode(*ids)) abort();
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::string bytes(reinterpret_cast<const char *>(data), size);
  auto tokenizer = llc::Tokenizer::fromFiles({{"tokenizer.json", bytes}});
  if (!tokenizer.ok()) {
    if (tokenizer.error().text().empty()) abort();
    return 0;
  }
  use(**tokenizer, " The e\xCC\x81t\xC3\xA9 \xE6\x97\xA5\xE6\x9C\xAC <s>\xFF\xF0\x9F\x99\x82 12345\n\n  x");
  use(**tokenizer, std::string_view(bytes).substr(0, 300));
  return 0;
}
