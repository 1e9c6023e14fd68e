#include "models/families/decoder.h"

#include "frontends/dsl/sugar.h"
#include "models/blocks/dropout.h"

namespace llc::models {
using namespace dsl;
namespace {
struct Decoder {
  std::string name;
  DecoderTraits traits;
  Blocks blocks;

  Tensor attention(Tensor x, const DecoderTraits &layer, const LayerState &state) const {
    if (blocks.attention && state.prefix.keys)
      fail(diagnose(ErrorKind::unsupported)
               .says("this attention knows no keys of virtual tokens")
               .toFix("use an adapter of another kind"));
    if (blocks.attention && state.tokens.dropout.attentionRate > 0)
      fail(diagnose(ErrorKind::unsupported, "attention_dropout")
               .says("this attention leaves out no weights")
               .toFix("use attention_dropout 0"));
    return blocks.attention ? blocks.attention(x, layer, state) : attend(x, layer.attention, state);
  }
  Tensor mlp(Tensor x, const DecoderTraits &layer) const {
    return blocks.feedForward ? blocks.feedForward(x, layer) : feedForward(x, layer.mlp);
  }
  Tensor normed(Tensor x, const std::string &norm) const { return norm.empty() ? x : normalize(x, norm, traits.norm); }

  Tensor layer(Tensor x, const DecoderTraits &t, const LayerState &state) const {
    Tensor attentionInput = normed(x, t.attentionNormName);
    double rate = state.tokens.dropout.rate;
    Tensor mixed = dropped(normed(attention(attentionInput, t, state), t.attentionOutputNormName), rate);
    if (t.parallelResidual) {
      Tensor mlpInput = t.mlpNormName.empty() ? attentionInput : normed(x, t.mlpNormName);
      return x + mixed + dropped(normed(mlp(mlpInput, t), t.mlpOutputNormName), rate);
    }
    x = x + mixed;
    return x + dropped(normed(mlp(normed(x, t.mlpNormName), t), t.mlpOutputNormName), rate);
  }

  Tensor embed(const Tokens &tokens, const VirtualRows &virtualRows) const {
    auto lookUp = [&](const std::string &table, int64_t rows, Tensor ids) {
      Scope scope(table);
      return cast(gather_rows(parameter("weight", {rows, traits.hidden}), ids), DType::f32);
    };
    Tensor x = lookUp(traits.embeddingName, traits.vocabulary, tokens.ids);
    if (traits.embeddingScale != 1) x = scale(x, traits.embeddingScale);
    x = virtualRows.embedded(x);
    if (!traits.positionsName.empty()) x = x + lookUp(traits.positionsName, traits.maxPositions, tokens.positions);
    Dropping now(tokens.dropout, 0);
    return dropped(x, tokens.dropout.embeddingRate);
  }

  static Kv cacheOf(int64_t layer, const Attention &a) {
    return cacheLayer(layer, a.keyValueHeads, a.headSize, a.headSize);
  }

  // The states after the last layer, before the last norm.
  Tensor states(const Tokens &tokens) const {
    VirtualRows virtualRows(tokens);
    Tensor x = embed(tokens, virtualRows);
    Rotation rotation = rotationTables(traits.attention.rope, tokens);
    for (int64_t i = 0; i < traits.layers; ++i) {
      Scope scope(traits.layersName + "." + std::to_string(i));
      DecoderTraits t = traits;
      if (!traits.windows.empty() && traits.windows[i]) t.attention.window = traits.windows[i];
      LayerState state{tokens, rotation, tokens.areCached() ? cacheOf(i, t.attention) : Kv(),
                       traits.scoreScales.empty() ? Tensor() : scalar(traits.scoreScales[i]), virtualRows.layer(i)};
      Dropping now(tokens.dropout, i + 1);
      x = block("layer", [&](Tensor inner) { return layer(inner, t, state); }, x);
    }
    return x;
  }

  Tensor headWeight() const {
    Scope scope(traits.tiedHead ? traits.embeddingName : traits.headName);
    return parameter("weight", {traits.vocabulary, traits.hidden});
  }
  Tensor logits(const Tokens &tokens, Tensor rows) const { return head(embeddings(tokens, rows)); }
  Tensor head(Tensor x) const {
    Tensor weight = headWeight();
    Scope scope(traits.headName);
    Tensor y = linear(x, weight);
    if (traits.logitScale != 1) y = scale(y, traits.logitScale);
    return traits.logitCap ? soft_cap(y, *traits.logitCap) : y;
  }
  Tensor logProbabilities(const Tokens &tokens, Tensor targets) const {
    Tensor x = normed(states(tokens), traits.finalNormName);
    Tensor weight = headWeight();
    Scope scope(traits.headName);
    return linear_log_prob(x, weight, targets, {.soft_cap = traits.logitCap.value_or(0), .scale = traits.logitScale});
  }
  Tensor embeddings(const Tokens &tokens, Tensor rows) const {
    return normed(take(states(tokens), rows), traits.finalNormName);
  }
};
}  // namespace

Model decoderModel(const std::string &name, const DecoderTraits &traits, const Blocks &blocks) {
  auto self = std::make_shared<const Decoder>(Decoder{name, traits, blocks});
  Model model;
  model.name = name;
  model.vocabulary = traits.vocabulary;
  model.hidden = traits.hidden;
  model.layers = traits.layers;
  const Rope &rope = traits.attention.rope;
  model.maxPositions = rope.trainedLength ? int64_t(double(rope.trainedLength) * rope.factor) : traits.maxPositions;
  model.positionsAreLearned = !traits.positionsName.empty();
  model.keyValueHeads = traits.attention.keyValueHeads, model.headSize = traits.attention.headSize;
  model.embeddingName = traits.embeddingName + ".weight", model.embeddingScale = traits.embeddingScale;
  model.headIsEmbedding = traits.tiedHead;
  model.logits = [self](const Tokens &tokens, Tensor rows) { return self->logits(tokens, rows); };
  model.logProbabilities = [self](const Tokens &tokens, Tensor targets) {
    return self->logProbabilities(tokens, targets);
  };
  model.head = [self](Tensor embeddings) { return self->head(embeddings); };
  model.embeddings = [self](const Tokens &tokens, Tensor rows) { return self->embeddings(tokens, rows); };
  model.trainedWith = traits.dropout;
  model.unneededTensors = traits.unneededTensors;
  if (traits.tiedHead) model.unneededTensors.push_back(traits.headName + ".weight");
  model.optionalPrefixes = traits.optionalPrefixes;
  return model;
}

Architecture decoder(DecoderArchitecture description, const Blocks &blocks) {
  Architecture architecture{description.name, description.answersTo, {}};
  architecture.build = [description, blocks](Config &config) -> Result<Model> {
    DecoderTraits traits = description.traits(config);
    checkDecoder(config, traits);
    LLC_TRY(config.status());
    return decoderModel(description.name, traits, blocks);
  };
  return architecture;
}

}  // namespace llc::models
