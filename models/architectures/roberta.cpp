// RoBERTa: BERT with other tokens, whose positions begin behind that of padding (Liu et al. 2019).
#include "frontends/dsl/sugar.h"
#include "models/families/encoder.h"
#include "models/registry.h"

namespace llc::models {
namespace {
EncoderTraits readTraits(dsl::Config &config) {
  EncoderTraits t = readBertLike(config, "roberta");
  t.firstPosition = config.integer("pad_token_id", 1) + 1;
  if (t.firstPosition < 1) config.refuse("pad_token_id", "is no token, and positions begin behind it", "1 is common");
  t.headName = "lm_head", t.headDenseName = "dense", t.headNormName = "layer_norm";
  t.headActivation = [](dsl::Tensor x) { return dsl::gelu(x); };  // whatever the layers have
  t.unneededTensors.push_back("lm_head.decoder.*");               // the head's matrix and bias once more
  return t;
}
}  // namespace

dsl::Architecture roberta(const Blocks &) {
  return encoder(
      {.name = "roberta",
       .answersTo = {"RobertaForMaskedLM", "xlm-roberta", "XLMRobertaForMaskedLM", "camembert", "CamembertForMaskedLM"},
       .traits = readTraits});
}

}  // namespace llc::models
