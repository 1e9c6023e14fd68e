// A whole run of training, from its data to its last checkpoint. Who makes the program, a compiler or an executable
// that was compiled before, is behind RunHost.
#pragma once
#include <memory>
#include <optional>

#include "runtime/base/progress.h"
#include "runtime/train/encoding.h"
#include "runtime/train/training_program.h"

namespace llc::train {

// Shares of tokens for data::Masking.
struct MaskingShares {
  double probability = 0.15, mask = 0.8, random = 0.1;
};

// What is learned, as far as data and reports depend on it.
struct TrainerTraits {
  Examples examples = Examples::text;
  bool likelihood = true;     // the loss is the mean of -log p of tokens: its exponential is the perplexity
  bool hasReference = false;  // it compares with the model as it was before the first step
  std::optional<MaskingShares> masking = {};  // it learns what is hidden from the model
};

struct RunOptions {
  std::string verb;  // "pretrain"; the run's folder has that name, unless it has one of its own
  std::string outputDirectory = "checkpoints", runName;
  std::string resume = "auto";  // "none", "latest", "best", a step, a path
  int64_t threads = 0;          // 0: what the process may use
  bool json = false;            // the result as one JSON object
};

// Of --help, wherever runs are begun.
inline constexpr const char
    *dataPathHelp =
        "Prepared dataset (.bin), or texts (file, directory, pattern) that are prepared on the way; with "
        ":WEIGHT if wanted; may be given more than once",
    *outputHelp = "Checkpoints and logs go to a folder in it",
    *resumeHelp = "auto: the newest good one of the run if there is any; none; latest, best, a step, or a path";

// An adapter that is trained instead of the model.
struct AdapterRun {
  std::map<std::string, std::string> files;     // what its checkpoints hold beside the weights, by name
  std::map<std::string, std::string> metadata;  // of the weights' file
  std::string existing;                         // directory of one to go on from; empty: a new one
  std::string summary;                          // for people
  int64_t virtualTokens = 0;                    // that it puts before each text: they are part of rows
};

// Where a run begins.
struct RunStart {
  std::string model;        // directory; empty: RunHost::writeModel() makes one
  std::string modelName;    // in messages
  // Directory of a model that exists, with which the run begins, be it with new rows or another head; empty: none.
  std::string source = {};
  OrderedJson modelConfig;  // the model's config.json
  corpus::TokenizerWithHash tokenizer;
  std::optional<AdapterRun> adapter;
};

struct ProgramRequest {
  int64_t rows, length;        // of a micro-batch
  std::string model, adapter;  // directories of the weights to begin with; no adapter: empty
};

class RunHost {
 public:
  virtual ~RunHost() = default;
  // The model before its first step, into a directory that is made.
  virtual Status writeModel(const std::string &directory) = 0;
  // The directory of the adapter that the program begins with: `checkpoint` if there is one, an existing one, or
  // `directory`, where a new one is written.
  virtual Result<std::string> beginAdapter(const std::string &checkpoint, const std::string &directory) = 0;
  virtual Result<std::unique_ptr<StepProgram>> makeProgram(const ProgramRequest &request) = 0;
  // After the last step; `checkpoint`: the last one.
  virtual Status finish([[maybe_unused]] const std::string &directory, [[maybe_unused]] const std::string &checkpoint) {
    return success();
  }
};

// Logs, checkpoints and a report go to the run's folder; the result to stdout, what there is to say to `progress`.
Status runTraining(RunHost &host, RunConfig config, const TrainerTraits &trainer, RunStart start,
                   const RunOptions &options, Progress &progress);

}  // namespace llc::train
