#include "models/blocks/virtual_tokens.h"

#include "frontends/dsl/sugar.h"
#include "models/blocks/within.h"

namespace llc::models {
using namespace dsl;
namespace {
struct Described {
  VirtualTokens tokens;
  int64_t vocabulary = 0, width = 0;
};
thread_local const Described *present = nullptr;  // of the model being traced on this thread

class Present {
 public:
  explicit Present(const Described &described) : before_(std::exchange(present, &described)) {}
  ~Present() { present = before_; }
  Present(const Present &) = delete;
  Present &operator=(const Present &) = delete;

 private:
  const Described *before_;
};
}  // namespace

Model withVirtualTokens(const Model &model, VirtualTokens tokens) {
  int64_t count = tokens.count;
  auto described = std::make_shared<const Described>(
      Described{std::move(tokens), model.vocabulary, model.keyValueHeads * model.headSize});
  Model changed = withTokensWithin<Present>(model, described);
  changed.virtualTokens = count;
  return changed;
}

VirtualRows::VirtualRows(const Tokens &tokens) {
  if (!present) return;
  Tensor number = cast(tokens.ids, DType::f32) - double(present->vocabulary);  // exact: ids are below 2^24
  isVirtual_ = ge(number, scalar(0)), numbers_ = cast(number, DType::i32);
  width_ = present->width;
  bool training = !tokens.areCached();
  if (present->tokens.embeddings) embeddings_ = present->tokens.embeddings(training);
  if (present->tokens.keysAndValues) keysAndValues_ = present->tokens.keysAndValues(training);
}

Tensor VirtualRows::embedded(Tensor x) const {
  if (!isVirtual_) return x;
  Tensor theirs = embeddings_ ? gather_rows(embeddings_, numbers_) : scalar(0);
  return select(reshape(isVirtual_, {dynamicSize, 1}), theirs, x);
}

VirtualRows::Layer VirtualRows::layer(int64_t number) const {
  if (!keysAndValues_) return {};
  auto part = [&](int64_t place) {
    return slice(keysAndValues_, {.dim = 1, .start = (2 * number + place) * width_, .size = width_});
  };
  return {isVirtual_, numbers_, part(0), part(1)};
}

Tensor withPrefix(Tensor x, const VirtualRows::Layer &layer, Tensor prefix) {
  if (!prefix) return x;
  Tensor theirs = reshape(gather_rows(prefix, layer.numbers), {dynamicSize, x.size(1), x.size(2)});
  return select(reshape(layer.isVirtual, {dynamicSize, 1, 1}), theirs, x);
}

}  // namespace llc::models
