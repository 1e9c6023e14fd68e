// What a trainer is: one short file each in models/trainers. It says which examples it learns from and what the loss of
// a batch of them is; data, optimizer, loop and checkpoints are the same for all.
#pragma once
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "frontends/dsl/training.h"

namespace llc::models {

// A number, or one of `choices`.
struct TrainerSetting {
  std::string name;
  double initial, least, most;
  std::string help;
  std::vector<std::string> choices = {};  // the first one is what it is unless it is set
};
struct TrainerSettings {  // all of a trainer, by name
  std::map<std::string, double> numbers;
  std::map<std::string, std::string> texts;
  double number(const std::string &name) const { return numbers.at(name); }
  const std::string &text(const std::string &name) const { return texts.at(name); }
};

// What a row of a batch is made from, and what its labels are.
enum class Examples {
  text,         // documents: packed, cut where a row is full, every token is a label
  completions,  // prompts with completions, conversations or texts, each whole: the tokens to be learned are labels
  preferences,  // rows 2i and 2i + 1: one prompt with the completion that was chosen, and with the rejected one; the
                // tokens of the completions are labels
  comparisons,  // rows 2i and 2i + 1: a text that was chosen, and one that was rejected; every token is a label
};

inline bool arePairs(Examples examples) {
  return examples == Examples::preferences || examples == Examples::comparisons;
}

struct Trainer {
  std::string name, help;
  Examples examples = Examples::text;
  std::vector<TrainerSetting> settings = {};
  std::function<dsl::LossTerms(const dsl::LossInput &, const TrainerSettings &)> loss;
  // Numbers that come with examples, by name; 0 where there is none. For now comparisons know "margin".
  std::vector<std::string> columns = {};
  // A number for each row by the weights before the first step, which the loss reads as its column "reference".
  std::function<dsl::Tensor(const dsl::LossInput &)> reference = nullptr;
  // Names of three settings, for trainers of bidirectional models: share of the tokens that are hidden, and of these
  // the shares of the mask token and of any token in their place. Labels are what is hidden. Empty: nothing is.
  std::vector<std::string> hides = {};
  bool scores = false;      // of a model with one score for a sequence instead of tokens
  bool hasTeacher = false;  // needs a second model with the same vocabulary
  // Names of settings that add to the loss where they are not 0.
  std::vector<std::string> additions = {};
  bool likelihood = true;   // the loss is the mean of -log p of tokens: its exponential is the perplexity
  std::vector<std::pair<std::string, double>> defaults = {};  // of keys of the configuration: {"training.lr", 1e-6}
};

// Error: an unknown name; all names are given.
Result<const Trainer *> trainerNamed(const std::string &name);
// Those that were given over those of the trainer. Errors: an unknown one (with the nearest), one out of range.
Result<TrainerSettings> completeSettings(const Trainer &trainer, const TrainerSettings &given);
// Whether the loss is a likelihood with these settings, too.
bool isLikelihood(const Trainer &trainer, const TrainerSettings &complete);
// Settings of trainers that predict tokens, and what is added to their loss by them.
std::vector<TrainerSetting> additionSettings();
std::vector<std::string> additionNames();
// The loss of such a trainer: nextTokenLoss() with what these settings say.
dsl::LossTerms nextTokenLossWithAdditions(const dsl::LossInput &in, const TrainerSettings &settings);
// The trainer's loss with these settings, as huggingface::traceTraining takes it.
dsl::Objective objectiveOf(const Trainer &trainer, const TrainerSettings &complete);

}  // namespace llc::models
