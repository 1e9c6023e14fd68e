// The parts of tokenizer.json that training and writing share.
#pragma once
#include <nlohmann/json.hpp>

#include "runtime/corpus/byte_level_bpe.h"

namespace llc::corpus {

// `bytes`: as it is written, with bytes as characters at the end; false: only the cuts, on the text itself.
nlohmann::ordered_json preTokenizerJson(const ByteLevelOptions &options, bool bytes);
Result<nlohmann::ordered_json> normalizerJson(const ByteLevelOptions &options);

}  // namespace llc::corpus
