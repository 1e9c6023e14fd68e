#include "models/blocks/projection.h"

#include "frontends/dsl/sugar.h"
#include "models/blocks/within.h"

namespace llc::models {
using namespace dsl;
namespace {
// Of the models being traced on this thread, the inner one's last.
thread_local std::vector<const ChangeProduct *> changes;

class Changing {
 public:
  explicit Changing(const ChangeProduct &change) { changes.push_back(&change); }
  ~Changing() { changes.pop_back(); }
  Changing(const Changing &) = delete;
  Changing &operator=(const Changing &) = delete;
};
}  // namespace

Tensor project(Tensor x, const std::string &name, int64_t outputs, bool bias, WeightLayout layout) {
  Scope scope(name);
  int64_t inputs = x.size(-1);
  bool transposed = layout == WeightLayout::outputsFirst;
  Tensor weight = parameter("weight", transposed ? Shape{outputs, inputs} : Shape{inputs, outputs});
  Tensor y = linear(x, weight, transposed), result = y, added = bias ? parameter("bias", {outputs}) : Tensor();
  if (!changes.empty()) {
    Projection module{scopeName(), inputs, outputs, !transposed};
    for (size_t i = changes.size(); i-- > 0;) result = (*changes[i])({module, x, weight, y, added}, result);
  }
  return bias ? result + added : result;
}

Model withChangedProducts(const Model &model, ChangeProduct change) {
  auto shared = std::make_shared<const ChangeProduct>(std::move(change));
  Model changed = withTokensWithin<Changing>(model, shared);
  changed.head = within<Changing>(model.head, shared);
  return changed;
}

Model withObservedProjections(const Model &model, std::vector<Projection> &seen) {
  return withChangedProducts(model, [&seen](const Product &product, Tensor result) {
    seen.push_back(product.module);
    return result;
  });
}

}  // namespace llc::models
