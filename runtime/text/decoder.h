// Decoders of tokenizer.json: BPEDecoder ByteLevel ByteFallback CTC Fuse Metaspace Replace Sequence Strip WordPiece.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "runtime/text/json_fields.h"

namespace llc::text {

struct Decoding {
  std::vector<std::string> tokens;
  bool more = false;  // further tokens follow: leave out text that they could change
  bool open = false;  // the last token is a joined one: with `more`, it may still grow
};

class Decoder {
 public:
  virtual ~Decoder() = default;
  virtual void apply(Decoding &decoding) const = 0;
};

// null gives a null pointer.
Result<std::unique_ptr<Decoder>> makeDecoder(const Json &json, const std::string &where, int depth = 0);
std::unique_ptr<Decoder> makeByteLevelDecoder();
std::unique_ptr<Decoder> makeWordPieceDecoder(std::string prefix, bool cleanup);

}  // namespace llc::text
