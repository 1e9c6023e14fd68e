// Models of tokenizer.json: from one pre-tokenized piece to ids.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/text/json_fields.h"
#include "runtime/text/vocabulary.h"

namespace llc::text {

// The parts of "model" that are long, read apart from the rest.
struct ModelData {
  Vocabulary vocabulary;
  std::vector<double> scores;                               // unigram: by id
  std::vector<std::pair<std::string, std::string>> merges;  // BPE: by rank
};

class Model {
 public:
  virtual ~Model() = default;
  // What one encode() remembers between pieces; made by newMemory(), may be null.
  struct Memory {
    virtual ~Memory() = default;
  };
  virtual std::unique_ptr<Memory> newMemory() const { return nullptr; }
  virtual Status encode(std::string_view piece, std::vector<TokenId> &ids, Memory *memory) const = 0;
  virtual const Vocabulary &vocabulary() const = 0;
  virtual std::string_view name() const = 0;
  virtual std::string unknownToken() const { return {}; }
};

// By "type"; files older than that field are told apart by their contents.
Result<std::unique_ptr<Model>> makeModel(const Json &json, ModelData data, const std::string &where);

Result<std::unique_ptr<Model>> makeBpe(const Fields &fields, ModelData data);
Result<std::unique_ptr<Model>> makeUnigram(const Fields &fields, ModelData data);
Result<std::unique_ptr<Model>> makeWordPiece(const Fields &fields, ModelData data);
Result<std::unique_ptr<Model>> makeWordLevel(const Fields &fields, ModelData data);

// Ids of <0x00> … <0xFF>, or -1.
std::array<TokenId, 256> byteTokens(const Vocabulary &vocabulary);

}  // namespace llc::text
