// Rows before a sequence's own that no text stands for: what they are to a model is trained (Lester et al. 2021; Li and
// Liang 2021). Every sequence begins with all of them, under the ids vocabulary, vocabulary + 1 ...; positions count
// on.
#pragma once
#include "frontends/dsl/architecture.h"

namespace llc::models {

struct VirtualTokens {
  int64_t count = 0;
  // One of both. [count, hidden]: what stands in their rows instead of embeddings. Or [count, layers * 2 * width] with
  // the model's keyValueHeads * headSize as width: keys, then values of each layer, as a cache holds them; what else
  // their rows compute is read by nobody. `training`: rather the form that is trained than the one that is saved.
  using Trace = std::function<dsl::Tensor(bool training)>;
  Trace embeddings = nullptr, keysAndValues = nullptr;
};
// The model with virtual tokens before all that it reads. It must have none yet.
dsl::Model withVirtualTokens(const dsl::Model &model, VirtualTokens tokens);

// The rows of one trace, in a model of any kind. Without virtual tokens everything stays as it is.
class VirtualRows {
 public:
  // Reads parameters: not within a layer's scope.
  explicit VirtualRows(const dsl::Tokens &tokens);
  // x[T,hidden], looked up by the batch's ids in the model's own table, where virtual ones find anything.
  dsl::Tensor embedded(dsl::Tensor x) const;

  // Keys and values of a layer's virtual tokens. Made outside of the layer's block.
  struct Layer {
    dsl::Tensor isVirtual, numbers, keys, values;  // [T] f32, [T] i32, twice [count, width]
  };
  Layer layer(int64_t number) const;

 private:
  dsl::Tensor isVirtual_, numbers_, embeddings_, keysAndValues_;
  int64_t width_ = 0;
};
// x[T,heads,headSize] with rows of `prefix` [count, heads * headSize] where tokens are virtual.
dsl::Tensor withPrefix(dsl::Tensor x, const VirtualRows::Layer &layer, dsl::Tensor prefix);

}  // namespace llc::models
