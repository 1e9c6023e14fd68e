// sentencepiece's tokenizer.model: BPE, unigram, word and character models with their normalizer, as the library itself encodes.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/text/charsmap.h"
#include "runtime/text/engine.h"
#include "runtime/text/special_tokens.h"

namespace llc::text {

enum class PieceType : std::uint8_t { normal = 1, unknown = 2, control = 3, userDefined = 4, unused = 5, byte = 6 };

struct SentencePieceModel {
  enum class Kind { unigram = 1, bpe = 2, word = 3, character = 4 };
  struct Piece {
    std::string text;
    float score = 0;
    PieceType type = PieceType::normal;
  };
  std::vector<Piece> pieces;
  Kind kind = Kind::unigram;
  bool byteFallback = false, whitespaceSuffix = false;
  bool dummyPrefix = true, removeExtraWhitespace = true, escapeWhitespace = true;
  std::optional<CharsMap> charsMap;
  std::int64_t bosId = 1, eosId = 2, padId = -1;
  std::string unknownSurface = " \xE2\x81\x87 ";
};

Result<SentencePieceModel> readSentencePiece(std::string_view bytes, const std::string &where);
Result<std::unique_ptr<Engine>> loadSentencePiece(std::string_view bytes, const std::string &where, const SideFiles &side);

}  // namespace llc::text
