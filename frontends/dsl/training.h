// What training adds to a model: a loss, and what a step does with its gradients.
#pragma once
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "frontends/dsl/architecture.h"

namespace llc::dsl {

// What a loss reads: one batch of B rows of S tokens, ids and labels (negative: none) and segments (0: padding; 1, 2
// ..: the sequences of a row), all [B,S] i32, and the columns that the trainer asks for, a number for each row: [B]
// f32.
struct LossInput {
  const Model &model;
  Tensor ids, segments, labels;
  std::map<std::string, Tensor> columns;
  const Model *teacher = nullptr;  // frozen; for trainers that learn from one
  Dropout dropout = {};
  Tensor types = {};               // [B,S] i32: of models with token types; absent: all 0
};
// Total and weight are apart, so that the loss of a large batch is the sum over its parts however it is cut.
struct LossTerms {
  Tensor total;   // [1]
  Tensor weight;  // [1], how much counts: of tokens, their number. It depends on no parameter
  struct Metric {
    std::string name;
    Tensor total;  // [1], to be divided by the weight
  };
  std::vector<Metric> metrics = {};  // reported beside the loss
};
using Loss = std::function<LossTerms(const LossInput &)>;

// What a model is trained for.
struct Objective {
  Loss loss;
  std::vector<std::string> columns = {};  // names of those that the loss reads
  // A number [B] for each row as the weights are before the first step; it is the loss's column "reference" in all
  // steps. Null: none.
  std::function<Tensor(const LossInput &)> reference = nullptr;
  // Logits [1,V] behind the token at `place` [1] of whole rows, for text from a model that is trained. Null: none.
  std::function<Tensor(const LossInput &, Tensor place)> nextLogits = nullptr;
};
inline constexpr const char *referenceColumn = "reference";

struct NamedShape {
  std::string name;
  Shape shape;
};

// How parameters change in a step.
struct UpdateRule {
  struct State {
    std::string name;
    Shape shape;
    DType type = DType::f32;
  };
  std::vector<State> state;          // parameters of the optimizer's own: zeros before the first step
  std::vector<std::string> changed;  // names of weights and state, in the order of the results of `update`
  struct Input {
    std::vector<Tensor> gradients;    // of the weights that get one, in the order of `weights`
    Tensor loss, learningRate, step;  // [1] f32; step counts updates from 1
    std::optional<Tensor> lossScale;  // [1], what gradients were multiplied with
  };
  std::vector<std::string> weights;
  // Each weight moves by itself, whatever the gradients of others are.
  bool early = false;
  // Numbers [1] that `update` begins with: the gradients' global norm, how many weights moved if they move early, and
  // for each of `weights` the sum of its gradient's squares.
  std::vector<std::string> numberNames() const {
    std::vector<std::string> names{"gradient_norm"};
    if (early) names.push_back("moved_weights");
    for (const std::string &weight : weights) names.push_back("gradient_squares/" + weight);
    return names;
  }
  // These numbers, then the new values of what is changed. Reads old values by parameter().
  std::function<Tensors(const Input &)> update;
};
// From the weights that the loss reads.
using MakeUpdateRule = std::function<Result<UpdateRule>(const std::vector<NamedShape> &weights)>;

}  // namespace llc::dsl
