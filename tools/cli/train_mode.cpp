// The modes of finetune: which verb each of them is, and what it learns from.
#include <algorithm>

#include "frontends/recipe/read_config.h"
#include "tools/cli/train_options.h"

namespace llc::cli {

namespace {
using train::findKey, train::keyAt;

// Those that train an adapter, and its kind.
constexpr std::pair<std::string_view, const char *> adapterModes[] = {
    {"lora", "lora"},         {"adapter", "bottleneck"},        {"prompt", "prompt_tuning"},
    {"p-tuning", "p_tuning"}, {"p-tuning-v2", "prefix_tuning"}, {"prefix", "prefix_tuning"}};

const char *adapterOf(std::string_view mode) {
  for (const auto &[name, kind] : adapterModes)
    if (name == mode) return kind;
  return nullptr;
}

Error badMode(const std::string &mode, const std::string &what, const std::string &remedy) {
  return diagnose(ErrorKind::invalidInput, "training.mode " + mode).says(what).toFix(remedy);
}

Result<std::string> modeIn(const TrainFlags &flags) {
  if (auto given = flags.keys.find("training.mode"); given != flags.keys.end()) return given->second;
  if (flags.config.empty()) return std::string();
  std::vector<std::string> warnings;
  LLC_ASSIGN(recipe::OrderedJson config, recipe::readConfig(flags.config, warnings));
  const recipe::OrderedJson *mode = findKey(config, "training.mode");
  return mode ? mode->get<std::string>() : std::string();
}

// "a.jsonl.zst:0.5"
bool isOfRecords(std::string path) {
  if (size_t colon = path.rfind(':'); colon != path.npos && path.find('.', colon) != colon + 1) {
    bool isNumber = path.find_first_not_of("0123456789.", colon + 1) == path.npos;
    if (isNumber) path.resize(colon);
  }
  for (std::string_view packed : {".gz", ".zst"})
    if (path.ends_with(packed)) path.resize(path.size() - packed.size());
  return std::ranges::any_of(std::initializer_list<std::string_view>{".jsonl", ".ndjson", ".csv", ".tsv", ".parquet"},
                             [&](std::string_view ending) { return path.ends_with(ending); });
}
}  // namespace

Result<TrainVerb> trainVerbOf(const TrainFlags &flags, const TrainVerb &verb) {
  LLC_ASSIGN(std::string mode, modeIn(flags));
  const char *kind = adapterOf(mode);
  if (!kind || !verb.hasModes) return verb;
  TrainVerb made = loraFinetuneVerb;
  made.name = verb.name;
  made.hasModes = true;
  made.defaults.emplace_back("peft.type", kind);
  return made;
}

Status TrainConfig::settleMode(const TrainVerb &verb, const std::function<void(const std::string &)> &note) {
  std::string mode = given("training.mode") ? findKey(given_, "training.mode")->get<std::string>() : "";
  const recipe::OrderedJson *trainer = findKey(given_, "training.trainer");
  if (!mode.empty() && !verb.hasModes) return badMode(mode, "is a mode of finetune", "leave it out, or use finetune");
  if (mode == "qlora")
    return diagnose(ErrorKind::unsupported, "training.mode qlora")
        .says("a model of 4 bits below an adapter is not available yet")
        .toFix("use lora");
  const char *kind = adapterOf(mode);
  if (kind && !verb.makesAdapter)
    return badMode(mode, "trains an adapter, and this trains all weights", "train with llc-model finetune itself");
  if (const recipe::OrderedJson *type = findKey(given_, "peft.type"); kind && type && *type != kind)
    return badMode(mode, "and peft.type " + type->dump() + " contradict each other", "give one of them");
  if (mode == "sft" && trainer && *trainer != "sft")
    return badMode(mode, "and training.trainer " + trainer->dump() + " contradict each other", "give one of them");
  bool adapts = verb.hasModes || verb.makesAdapter;
  if (!adapts || trainer || findKey(given_, "training.distillation")) return success();
  std::vector<std::string> paths;
  if (findKey(given_, "data.path")) paths = train::RunConfig(given_, given_, where_).texts("data.path");
  bool records = !paths.empty() && std::ranges::all_of(paths, isOfRecords);
  if (mode == "sft" || (mode != "full" && records)) keyAt(given_, "training.trainer") = "sft";
  if (mode.empty() && records)
    note("note: the data are records: --trainer sft (--trainer causal_lm learns all of their texts)");
  return success();
}

}  // namespace llc::cli
