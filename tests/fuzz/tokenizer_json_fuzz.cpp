// tokenizer.json.
#include "tests/fuzz/use_tokenizer.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  llc::fuzz::useTokenizer("tokenizer.json", std::string(reinterpret_cast<const char *>(data), size));
  return 0;
}
