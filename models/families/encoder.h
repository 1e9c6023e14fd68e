// The encoder family: embeddings of tokens, positions and types, layers of attention over the whole sequence and
// feed-forward with norms behind the residuals, and a head that says which token a hidden one is (Devlin et al. 2019).
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "frontends/dsl/architecture.h"
#include "models/blocks/attention.h"
#include "models/blocks/mlp.h"
#include "models/blocks/norm.h"
#include "models/families/config.h"

namespace llc::models {

struct EncoderTraits {
  int64_t vocabulary = 0, hidden = 0, layers = 0, tokenTypes = 0;
  int64_t positionRows = 0;   // of the table of positions
  int64_t firstPosition = 0;  // row of a sequence's first token
  Attention attention;
  Mlp mlp;
  Norm norm;
  Activation headActivation = nullptr;
  dsl::DropoutRates dropout;

  // Names of the weights; those of a layer are relative to "LAYERS.number".
  std::string embeddingsName, layersName;
  std::string wordsName = "word_embeddings", positionsName = "position_embeddings", typesName = "token_type_embeddings",
              embeddingsNormName = "LayerNorm";
  std::string attentionNormName = "attention.output.LayerNorm", mlpNormName = "output.LayerNorm";
  std::string headName;  // in front of the next two, and of the bias [vocabulary]; the matrix is the embedding's
  std::string headDenseName, headNormName;
  std::vector<std::string> unneededTensors;
};

struct EncoderArchitecture {
  std::string name;
  std::vector<std::string> answersTo;
  std::function<EncoderTraits(dsl::Config &)> traits;
};
dsl::Architecture encoder(EncoderArchitecture description);

// What BERT's configurations and those of its successors share: sizes, heads, activation, norms; and the names of the
// layers' weights. `prefix`: of all weights but the head's.
EncoderTraits readBertLike(dsl::Config &config, const std::string &prefix);

}  // namespace llc::models
