// Pre-tokenizers of tokenizer.json: BertPreTokenizer ByteLevel CharDelimiterSplit Metaspace Punctuation Sequence Split UnicodeScripts
// Whitespace WhitespaceSplit Digits FixedLength.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "runtime/text/json_fields.h"

namespace llc::text {

// A text cut into pieces, in order; bytes between pieces are gone.
struct Pieces {
  struct Piece {
    std::size_t begin, end;
    bool atStart;  // it starts where the input starts
  };
  std::string text;
  std::vector<Piece> pieces;
};

class PreTokenizer {
 public:
  virtual ~PreTokenizer() = default;
  virtual Status apply(Pieces &pieces) const = 0;
};

// null gives a null pointer.
Result<std::unique_ptr<PreTokenizer>> makePreTokenizer(const Json &json, const std::string &where, int depth = 0);
// ByteLevel with its regular expression: what vocab.json + merges.txt (GPT-2) mean.
Result<std::unique_ptr<PreTokenizer>> makeByteLevelPreTokenizer(bool addPrefixSpace);
// Split by a regular expression, matches isolated.
Result<std::unique_ptr<PreTokenizer>> makeSplit(std::string_view pattern);

}  // namespace llc::text
