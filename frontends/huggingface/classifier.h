// Models that judge whole sequences: checkpoints whose class is ...ForSequenceClassification. They are the same model
// with another head, which all architectures have in common: score.weight [labels, hidden] on the last token's hidden
// state.
#pragma once
#include "frontends/dsl/architecture.h"

namespace llc::huggingface {

inline constexpr std::string_view classifierEnding = "ForSequenceClassification";
inline constexpr const char *scoreWeight = "score.weight";

// Whether `architectures` names such a class.
bool isClassifier(dsl::Config &config);
// The model with that head instead of its own. Labels are counted as Hugging Face does it: those of id2label, or
// num_labels, or 2. Error: the configuration's.
Result<dsl::Model> classifier(dsl::Model model, dsl::Config &config);

// The class of the classifier for one of a model that predicts tokens: "LlamaForCausalLM", "GPT2LMHeadModel".
std::string classifierClass(std::string_view className);

}  // namespace llc::huggingface
