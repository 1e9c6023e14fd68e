#include "runtime/text/json_fields.h"
#include "runtime/text/protobuf.h"
#include "runtime/text/sentencepiece.h"

namespace llc::text {

namespace {
bool readPiece(std::string_view bytes, SentencePieceModel::Piece &piece) {
  ProtobufReader reader(bytes);
  while (reader.next()) {
    if (reader.field() == 1 && reader.isBytes()) piece.text = std::string(reader.bytes());
    if (reader.field() == 2) piece.score = reader.number32();
    if (reader.field() == 3) {
      if (reader.number() < 1 || reader.number() > 6) return false;
      piece.type = static_cast<PieceType>(reader.number());
    }
  }
  return reader.ok() && validUtf8(piece.text) && piece.score == piece.score;
}

bool readTrainer(std::string_view bytes, SentencePieceModel &model) {
  ProtobufReader reader(bytes);
  auto signedNumber = [&] { return static_cast<std::int64_t>(static_cast<std::int32_t>(reader.number())); };
  while (reader.next()) {
    switch (reader.field()) {
      case 3:
        if (reader.number() < 1 || reader.number() > 4) return false;
        model.kind = static_cast<SentencePieceModel::Kind>(reader.number());
        break;
      case 24: model.whitespaceSuffix = reader.number() != 0; break;
      case 35: model.byteFallback = reader.number() != 0; break;
      case 41: model.bosId = signedNumber(); break;
      case 42: model.eosId = signedNumber(); break;
      case 43: model.padId = signedNumber(); break;
      case 44: model.unknownSurface = std::string(reader.bytes()); break;
      default: break;
    }
  }
  return reader.ok();
}

Result<bool> readNormalizer(std::string_view bytes, const std::string &where, SentencePieceModel &model) {
  ProtobufReader reader(bytes);
  while (reader.next()) {
    switch (reader.field()) {
      case 2:
        if (!reader.bytes().empty()) {
          LLC_ASSIGN(model.charsMap, CharsMap::parse(reader.bytes(), where + ":normalizer_spec.precompiled_charsmap"));
        }
        break;
      case 3: model.dummyPrefix = reader.number() != 0; break;
      case 4: model.removeExtraWhitespace = reader.number() != 0; break;
      case 5: model.escapeWhitespace = reader.number() != 0; break;
      default: break;
    }
  }
  return reader.ok();
}
}  // namespace

Result<SentencePieceModel> readSentencePiece(std::string_view bytes, const std::string &where) {
  SentencePieceModel model;
  ProtobufReader reader(bytes);
  bool good = true;
  while (good && reader.next()) {
    if (!reader.isBytes()) continue;
    if (reader.field() == 1) {
      model.pieces.emplace_back();
      good = readPiece(reader.bytes(), model.pieces.back()) && model.pieces.size() <= maximumVocabulary;
      if (!good) return badField(fmt::format("{}:pieces[{}]", where, model.pieces.size() - 1), "the piece is malformed");
    } else if (reader.field() == 2) {
      good = readTrainer(reader.bytes(), model);
    } else if (reader.field() == 3) {
      LLC_ASSIGN(good, readNormalizer(reader.bytes(), where, model));
    }
  }
  if (!good || !reader.ok() || model.pieces.empty()) return badField(where, "the file is not a sentencepiece model, or it is cut off");
  return model;
}

}  // namespace llc::text
