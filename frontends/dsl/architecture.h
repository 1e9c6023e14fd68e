// What an architecture hands to the front ends: from a configuration to a model that can be traced.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "frontends/dsl/config.h"
#include "frontends/dsl/dsl.h"

namespace llc::dsl {

// What a step of training leaves out at random (Srivastava et al. 2014). Which elements follows from numbers alone: the
// same in forward and backward, for any number of threads, and in a run that goes on.
struct Dropout {
  Tensor draw = {};   // [1] f32, below 2^24: another number in each micro-batch; 0: all stays. Absent: no dropout
  uint64_t seed = 0;  // counts modulo 2^24
  double rate = 0;    // of what sublayers add to the residual
  double embeddingRate = 0;
  double attentionRate = 0;  // of the weights of attentions
};

// What a model was trained with, by its configuration.
struct DropoutRates {
  double embeddings = 0, sublayers = 0, attention = 0;
};

// What a forward pass sees. Serving: T rows of a ragged batch, with a cache. Training: all T = B * S rows of a batch of
// whole sequences, one after the other, without a cache; then `batch` is absent and `segments` is there.
struct Tokens {
  Tensor ids;        // [T] i32
  Tensor positions;  // [T] i32, from 0 in each sequence
  Batch batch = {};
  Tensor lengths = {};   // training: [T] i32, tokens of the row's sequence
  Tensor segments = {};  // training: [B,S] i32, rows see only rows of their own segment (padding is one)
  Dropout dropout = {};  // training
  Tensor types = {};     // training: [T] i32, of models with token types; absent: all 0

  bool areCached() const { return bool(batch); }
};

// A parameter that follows from others. Who trains those writes it beside them, so that who runs the model need not
// read them.
struct DerivedParameter {
  std::string name;
  Shape shape;
  // `read`: the values that it follows from, by the names of their parameters.
  using Read = std::function<Tensor(const std::string &name, const Shape &shape)>;
  std::function<Tensor(const Read &read)> value;
};

// A model ready to be traced.
struct Model {
  std::string name;  // of the architecture
  int64_t vocabulary = 0, hidden = 0, layers = 0;
  int64_t maxPositions = 0;          // positions it was made for; 0 means no limit
  bool positionsAreLearned = false;  // then maxPositions is a hard limit: there is no row for a later position
  int64_t keyValueHeads = 0, headSize = 0;  // that layers keep of a token, equal in all of them; else 0
  std::string embeddingName;                // of the parameter that ids are looked up in
  double embeddingScale = 1;                // of what is found there
  bool headIsEmbedding = false;             // the head has no weights of its own
  // Logits [R,vocabulary] of rows[R]; log-probability [T] of targets[T]; hidden states [R,hidden] after the last norm.
  std::function<Tensor(const Tokens &, Tensor rows)> logits;
  std::function<Tensor(const Tokens &, Tensor targets)> logProbabilities;
  std::function<Tensor(const Tokens &, Tensor rows)> embeddings;
  // Logits of such hidden states: logits(tokens, rows) is head(embeddings(tokens, rows)).
  std::function<Tensor(Tensor embeddings)> head;
  // Of a model that judges whole sequences instead of predicting tokens: how many labels it knows (0: no such model; a
  // reward model has one), and their scores [R,labels] from such hidden states, those of a sequence's last token. The
  // functions that predict tokens end the trace then.
  int64_t labels = 0;
  std::function<Tensor(Tensor embeddings)> scores;
  DropoutRates trainedWith = {};
  // Reads Tokens::dropout also where its rate is 0 (an adapter's dropout).
  bool drops = false;
  // Every sequence begins with so many tokens beside its text, whose ids are vocabulary, vocabulary + 1 ... in order.
  int64_t virtualTokens = 0;
  std::vector<DerivedParameter> derived = {};
  // Tokens see those after them, too: such a model fills in what is hidden (the logits of a token are about itself), has
  // no cache and generates nothing. It is traced over whole sequences only.
  bool bidirectional = false;
  int64_t tokenTypes = 0;  // kinds of tokens that are told apart (first and second text of a pair); 0: none
  // Tensors a checkpoint may hold that the model does not need; '*' stands for anything.
  std::vector<std::string> unneededTensors;
  // Prefixes that a checkpoint may lack ("transformer." of GPT-2 files saved from the bare model).
  std::vector<std::string> optionalPrefixes;
  // What names end with, and what they end with in older checkpoints ("LayerNorm.weight", "LayerNorm.gamma").
  std::vector<std::pair<std::string, std::string>> olderEndings;
};

struct Architecture {
  std::string name;                    // the file's stem and Hugging Face's model_type
  std::vector<std::string> answersTo;  // other model_type values and the names under "architectures"
  std::function<Result<Model>(Config &)> build;
};

}  // namespace llc::dsl
