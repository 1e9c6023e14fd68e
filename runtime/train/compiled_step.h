// A compiled training program (entries loss and train_step, or loss, loss_weight, accumulate and apply; reference if
// the loss compares with one) as a StepProgram.
#pragma once
#include <map>
#include <memory>
#include <string>

#include "runtime/serve/program.h"
#include "runtime/train/training_program.h"

namespace llc::train {

// Of what a program updates: names with a prefix ("exp_avg/NAME", "gradient/NAME") begin as zeros, the others are
// weights of the checkpoint.
bool isOptimizerState(std::string_view parameter);
// "gradient/NAME": summed over the micro-batches of a step, nothing before and after it.
bool isSummedGradient(std::string_view parameter);
// "ema/NAME": the average of a weight over the steps, f32; before the first one the weight itself.
bool isAverage(std::string_view parameter);

// Which weights are those of the model, for whoever saves or runs it: StepProgram::state() calls them by their names.
// The others come after, with the state: averages as "ema/NAME", or weights as "weight/NAME".
enum class ModelWeights { latest, averages };

// `program` owns the memory of the parameters that it updates. `names`: what a weight is called in its checkpoint,
// where that is not the program's name for it. Where the program keeps averages, evaluation is theirs; a program
// without them has the latest weights only. `firstWeights`: directory of a model or file of an adapter, whose weights
// become those that the program updates, in its types; empty: they are there already. Errors: unsupported (no training
// program), resource (memory), invalidInput (weights that are missing or of another shape).
Result<std::unique_ptr<StepProgram>> makeStepProgram(std::shared_ptr<Program> program, int64_t threads,
                                                     std::map<std::string, std::string> names = {},
                                                     ModelWeights model = ModelWeights::averages,
                                                     const std::string &firstWeights = "");

}  // namespace llc::train
