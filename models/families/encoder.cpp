#include "models/families/encoder.h"

#include "frontends/dsl/sugar.h"
#include "models/blocks/dropout.h"

namespace llc::models {
using namespace dsl;
namespace {
struct Encoder {
  EncoderTraits traits;

  Tensor table(const std::string &name, int64_t rows) const {
    Scope scope(name);
    return parameter("weight", {rows, traits.hidden});
  }
  Tensor words() const {
    Scope scope(traits.embeddingsName);
    return table(traits.wordsName, traits.vocabulary);
  }

  Tensor embed(const Tokens &tokens) const {
    auto lookUp = [](Tensor rows, Tensor ids) { return cast(gather_rows(rows, ids), DType::f32); };
    Tensor first = constant({float(traits.firstPosition)}, {1});
    Tensor positions =
        traits.firstPosition ? cast(cast(tokens.positions, DType::f32) + first, DType::i32) : tokens.positions;
    Tensor x = lookUp(words(), tokens.ids);
    Scope scope(traits.embeddingsName);
    x = x + lookUp(table(traits.positionsName, traits.positionRows), positions);
    if (traits.tokenTypes) {
      Tensor types = table(traits.typesName, traits.tokenTypes);
      // Without types all tokens are of the first one: a row for all.
      x = x + (tokens.types ? lookUp(types, tokens.types)
                            : cast(slice(types, {.dim = 0, .start = 0, .size = 1}), DType::f32));
    }
    Dropping now(tokens.dropout, 0);
    return dropped(normalize(x, traits.embeddingsNormName, traits.norm), tokens.dropout.embeddingRate);
  }

  Tensor layer(Tensor x, const LayerState &state) const {
    double rate = state.tokens.dropout.rate;
    x = normalize(x + dropped(attend(x, traits.attention, state), rate), traits.attentionNormName, traits.norm);
    return normalize(x + dropped(feedForward(x, traits.mlp), rate), traits.mlpNormName, traits.norm);
  }

  Tensor states(const Tokens &tokens) const {
    if (tokens.areCached())
      fail(diagnose(ErrorKind::unsupported)
               .says("the model sees whole texts at once: it has no cache and generates nothing")
               .toFix("use llc-model fill-mask, logits, grad, inspect --training --trainer mlm, or finetune --trainer "
                      "mlm"));
    Tensor x = embed(tokens);
    for (int64_t i = 0; i < traits.layers; ++i) {
      Scope scope(traits.layersName + "." + std::to_string(i));
      LayerState state{tokens, {}, {}, {}, {}};
      Dropping now(tokens.dropout, i + 1);
      x = block("layer", [&](Tensor inner) { return layer(inner, state); }, x);
    }
    return x;
  }

  Tensor head(Tensor x) const {
    Tensor matrix = words();
    Scope scope(traits.headName);
    x = traits.headActivation(project(x, traits.headDenseName, traits.hidden, /*bias=*/true));
    return linear(normalize(x, traits.headNormName, traits.norm), matrix) + parameter("bias", {traits.vocabulary});
  }
  Tensor embeddings(const Tokens &tokens, Tensor rows) const { return take(states(tokens), rows); }
};

Model encoderModel(const std::string &name, const EncoderTraits &traits) {
  auto self = std::make_shared<const Encoder>(Encoder{traits});
  Model model;
  model.name = name;
  model.vocabulary = traits.vocabulary, model.hidden = traits.hidden, model.layers = traits.layers;
  model.maxPositions = traits.positionRows - traits.firstPosition;
  model.positionsAreLearned = true;
  model.bidirectional = true;
  model.tokenTypes = traits.tokenTypes;
  model.embeddings = [self](const Tokens &tokens, Tensor rows) { return self->embeddings(tokens, rows); };
  model.head = [self](Tensor embeddings) { return self->head(embeddings); };
  model.logits = [self](const Tokens &tokens, Tensor rows) { return self->head(self->embeddings(tokens, rows)); };
  model.logProbabilities = [self](const Tokens &tokens, Tensor targets) {
    return -cross_entropy(self->head(self->states(tokens)), targets);
  };
  model.trainedWith = traits.dropout;
  model.unneededTensors = traits.unneededTensors;
  // Checkpoints that were converted from TensorFlow's.
  model.olderEndings = {{"LayerNorm.weight", "LayerNorm.gamma"}, {"LayerNorm.bias", "LayerNorm.beta"}};
  return model;
}

// The first that makes it another model than the one here.
void refuseOtherModels(Config &config) {
  if (config.boolean("is_decoder", false))
    config.refuse("is_decoder", "as a decoder it sees earlier tokens only, which is not supported", "set it to false");
  if (std::string kind = config.text("position_embedding_type", "absolute"); kind != "absolute")
    config.refuse("position_embedding_type", "positions of kind '" + kind + "' are not supported",
                  "use a model with absolute positions");
  if (!config.boolean("tie_word_embeddings", true))
    config.refuse("tie_word_embeddings", "a head of its own matrix is not supported",
                  "use a model whose head is the embedding");
}
}  // namespace

EncoderTraits readBertLike(Config &config, const std::string &prefix) {
  EncoderTraits t;
  t.vocabulary = config.size("vocab_size", 30522);
  t.hidden = config.size("hidden_size", 768);
  t.layers = readLayers(config, "num_hidden_layers", 12);
  t.positionRows = config.size("max_position_embeddings", 512);
  t.tokenTypes = config.size("type_vocab_size", 2);
  t.norm = {.kind = Norm::layer, .epsilon = readEpsilon(config, "layer_norm_eps", 1e-12)};
  Attention &a = t.attention;
  a.heads = a.keyValueHeads = config.size("num_attention_heads", 12);
  a.headSize = evenHeads(config, "num_attention_heads", t.hidden, a.heads);
  a.causal = false;
  a.inputBias = a.outputBias = true;
  a.name = "attention", a.query = "self.query", a.key = "self.key", a.value = "self.value", a.output = "output.dense";
  t.mlp = {.inner = config.size("intermediate_size", 3072),
           .activation = readActivation(config, "hidden_act", "gelu"),
           .bias = true,
           .name = "",
           .gate = "",
           .up = "intermediate.dense",
           .down = "output.dense"};
  t.dropout.embeddings = t.dropout.sublayers = config.number("hidden_dropout_prob", 0.1);
  t.dropout.attention = config.number("attention_probs_dropout_prob", 0.1);
  refuseOtherModels(config);
  t.embeddingsName = prefix + ".embeddings", t.layersName = prefix + ".encoder.layer";
  t.unneededTensors = {prefix + ".pooler.*", prefix + ".embeddings.position_ids"};
  return t;
}

Architecture encoder(EncoderArchitecture description) {
  Architecture architecture{description.name, description.answersTo, {}};
  architecture.build = [description](Config &config) -> Result<Model> {
    EncoderTraits traits = description.traits(config);
    if (traits.positionRows <= traits.firstPosition)
      config.refuse("max_position_embeddings", "leaves no position for a token",
                    "compare it with the model's repository");
    LLC_TRY(config.status());
    return encoderModel(description.name, traits);
  };
  return architecture;
}

}  // namespace llc::models
