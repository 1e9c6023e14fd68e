#include "frontends/huggingface/classifier.h"

#include <algorithm>

#include "frontends/dsl/sugar.h"

namespace llc::huggingface {
using dsl::Model;
using dsl::Tensor;
using dsl::Tokens;
namespace {
int64_t countLabels(dsl::Config &config) {
  if (config.has("id2label")) {
    dsl::Config &names = config.object("id2label");
    names.irrelevant({"*"});
    if (!names.keys().empty()) return int64_t(names.keys().size());
  }
  return config.size("num_labels", 2);
}

[[noreturn]] void predictsNoTokens() {
  dsl::fail(diagnose(ErrorKind::unsupported)
                .says("the model gives sequences scores and predicts no tokens")
                .toFix("score with llc-model classify, train with --trainer reward, or use the model that it was made "
                       "from"));
}
}  // namespace

bool isClassifier(dsl::Config &config) {
  std::vector<std::string> classes = config.texts("architectures");
  return std::any_of(classes.begin(), classes.end(),
                     [](const std::string &name) { return name.ends_with(classifierEnding); });
}

Result<Model> classifier(Model model, dsl::Config &config) {
  model.labels = countLabels(config);
  LLC_TRY(config.status());
  model.scores = [labels = model.labels, hidden = model.hidden](Tensor embeddings) {
    return dsl::linear(embeddings, dsl::parameter(scoreWeight, {labels, hidden}));
  };
  model.logits = model.logProbabilities = [](const Tokens &, Tensor) -> Tensor { predictsNoTokens(); };
  model.head = [](Tensor) -> Tensor { predictsNoTokens(); };
  return model;
}

std::string classifierClass(std::string_view className) {
  for (std::string_view ending : {"ForCausalLM", "LMHeadModel"})
    if (className.ends_with(ending)) className.remove_suffix(ending.size());
  return std::string(className) + std::string(classifierEnding);
}

}  // namespace llc::huggingface
