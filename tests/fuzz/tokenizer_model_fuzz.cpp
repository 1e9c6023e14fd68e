// sentencepiece models, tiktoken files (as Llama 3 names them) and RWKV vocabularies, by the first byte of the input.
#include "tests/fuzz/use_tokenizer.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0) return 0;
  const char *names[] = {"tokenizer.model", "o200k_base.tiktoken", "rwkv_vocab.txt", "tekken.json"};
  llc::fuzz::useTokenizer(names[data[0] % 4], std::string(reinterpret_cast<const char *>(data + 1), size - 1));
  return 0;
}
