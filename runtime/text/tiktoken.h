// tiktoken's byte-pair files: *.tiktoken ("base64 rank" per line; also Llama 3's tokenizer.model) and Mistral's tekken.json.
#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "runtime/text/engine.h"
#include "runtime/text/special_tokens.h"

namespace llc::text {

bool looksLikeTiktoken(std::string_view bytes);
// The file's name tells which pattern and special tokens belong to it.
Result<std::unique_ptr<Engine>> loadTiktoken(std::string_view bytes, const std::string &name, const SideFiles &side);
Result<std::unique_ptr<Engine>> loadTekken(std::string_view bytes, const SideFiles &side);

}  // namespace llc::text
