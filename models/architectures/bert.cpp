// BERT: a bidirectional encoder with a head for hidden tokens (Devlin et al. 2019).
#include "models/families/encoder.h"
#include "models/registry.h"

namespace llc::models {
namespace {
EncoderTraits readTraits(dsl::Config &config) {
  EncoderTraits t = readBertLike(config, "bert");
  t.headName = "cls.predictions", t.headDenseName = "transform.dense", t.headNormName = "transform.LayerNorm";
  t.headActivation = t.mlp.activation;
  // The head's matrix and bias once more, and the head that tells whether a text follows another.
  t.unneededTensors.insert(t.unneededTensors.end(), {"cls.predictions.decoder.*", "cls.seq_relationship.*"});
  return t;
}
}  // namespace

dsl::Architecture bert(const Blocks &) {
  return encoder({.name = "bert", .answersTo = {"BertForMaskedLM", "BertForPreTraining"}, .traits = readTraits});
}

}  // namespace llc::models
