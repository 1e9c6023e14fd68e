// Adapters: small sets of weights beside a model's own, which stay as they are (LoRA and its kin). A kind of adapter is
// one file of models/adapters; directories of adapters are read and written as PEFT does (huggingface/adapter.h).
#pragma once
#include <functional>
#include <map>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "frontends/dsl/architecture.h"

namespace llc::dsl {

// A linear layer of a model, as an adapter may change it.
struct Projection {
  std::string name;  // of the module: "model.layers.0.self_attn.q_proj"; its weight is NAME.weight
  int64_t inputs = 0, outputs = 0;
  bool inputsFirst = false;  // the weight is stored [inputs, outputs] (GPT-2's Conv1D) instead of [outputs, inputs]
};

// What the files of an adapter say.
struct AdapterFile {
  const Model &model;  // that the adapter is for, with those before it
  Config &config;      // adapter_config.json
  // Of its tensors, by the names of their parameters without `suffix`:
  // "model.layers.0.self_attn.q_proj.lora_A.weight".
  std::map<std::string, Shape> tensors;
  std::string suffix;  // what the names of its parameters end in; tells several adapters of one model apart
  double share = 1;    // how much of it is added
  bool sharesAtRunTime = false;  // by parameters instead of `share`: see Adapter::shares
  // Whether a key of rank_pattern or alpha_pattern means the module: a regular expression for the end of its name.
  std::function<Result<bool>(const std::string &key, const std::string &module)> means;
};

// An adapter that has been understood.
struct Adapter {
  // The model that reads the adapter's parameters, too.
  std::function<Model(const Model &)> applyTo;
  // Null: the adapter can't become part of weights. Makes of a projection's weight (stored as the projection says) what
  // gives the same results without the adapter. `read`: a tensor of the file, by the names of AdapterFile::tensors.
  // Leaves weights that it does not change alone, and says whether it changed this one.
  using Read = std::function<std::vector<float>(const std::string &name)>;
  std::function<bool(const Projection &, const Read &read, std::span<float> weight)> mergeInto;
  // The same of a projection's bias. Null: it changes none.
  std::function<bool(const Projection &, const Read &read, std::span<float> bias)> mergeIntoBias = nullptr;
  std::set<std::string> spare = {};  // its parameters that a program need not read
  // Parameters [1] that all hold how much of the adapter is added, where that is asked for and the kind can do it; by
  // the names of AdapterFile::tensors, and in no file.
  std::set<std::string> shares = {};
};

// What a new adapter is to be.
struct AdapterSettings {
  int64_t rank = 16;
  double alpha = 16;
  bool scalesByRoot = false;   // rsLoRA: alpha / sqrt(rank) instead of alpha / rank
  bool hasMagnitudes = false;  // DoRA
  double dropout = 0;          // of what the adapter reads, while it is trained
  // Adapters that are layers of their own
  int64_t bottleneck = 64;
  std::string activation = "relu";
  // IA3: ends of names of feed-forward modules (empty: the usual ones), and of all its targets (empty: an expression
  // says which they are)
  std::vector<std::string> feedForward = {}, targets = {};
  // Virtual tokens
  int64_t virtualTokens = 20;
  std::string encoder = "MLP";         // what computes their embeddings
  int64_t encoderSize = 0;             // of its hidden layers; 0: as what it gives them to
  bool projects = false;               // keys and values are computed, too
  std::string firstText = "";          // its tokens' embeddings are the first values ...
  std::vector<int32_t> firstIds = {};  // ... in order; empty: random ones
};
using ConfigValue = std::variant<std::nullptr_t, bool, int64_t, double, std::string, std::vector<std::string>,
                                 std::map<std::string, int64_t>>;
struct AdapterTensor {
  std::string name;  // as in AdapterFile::tensors
  Shape shape;
  enum First {
    zeros,
    ones,
    uniform,        // in [-bound, bound)
    normal,         // with the standard deviation `bound`
    normsOfWeight,  // of the rows of `module`'s weight, one an output
    rowsOf,         // `rows` of the model's parameter `source`, times `bound`
    copied          // all of `source`
  } first = zeros;
  double bound = 0;
  Projection module = {};
  std::string source = "";
  std::vector<int64_t> rows = {};
};
struct NewAdapter {
  std::vector<std::pair<std::string, ConfigValue>> config;  // keys of adapter_config.json that are the kind's
  std::vector<AdapterTensor> tensors;
};

struct AdapterKind {
  std::string name;                          // peft_type
  std::string prefix = "base_model.model.";  // of its tensors' names in files
  // Names of the layers that are changed where nothing is said: the first list that the model has. None: the kind
  // changes no layers.
  std::vector<std::vector<std::string>> usualTargets = {};
  bool savesModules = false;  // whole weights of the model may be trained and saved beside it (modules_to_save)
  std::function<Result<Adapter>(const AdapterFile &)> read;
  std::function<Result<NewAdapter>(const AdapterSettings &, const Model &, const std::vector<Projection> &targets)>
      make;
};

}  // namespace llc::dsl
