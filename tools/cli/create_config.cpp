// create-config: a model's configuration, to be trained from the beginning.
#include <filesystem>

#include "frontends/recipe/bert_config.h"
#include "runtime/base/output_file.h"
#include "runtime/serve/options.h"
#include "tools/cli/command.h"

namespace llc::cli {

namespace {
struct CreateConfigFlags {
  std::string type = "base", output = "config/default_config.json", objective = "causal";
  std::vector<std::string> set;
  int64_t vocabulary = 0;
  bool full = false, printParameters = false, json = false;
};

void declareCreateConfig(CLI::App &app, CreateConfigFlags &o) {
  app.add_option("--type", o.type, fmt::format("Size: {}", fmt::join(recipe::sizeNames(), ", ")))
      ->capture_default_str();
  app.add_option("-o,--output", o.output, "File to write, .json or .yaml; - is stdout; folders are made")
      ->capture_default_str();
  app.add_option("--set", o.set,
                 "KEY=VALUE, for instance n_kv_heads=4 or training.lr=3e-4; may be given more than once")
      ->expected(1)
      ->take_all();
  app.add_option("--vocab-size", o.vocabulary, "The tokenizer's; the same as --set vocab_size=N")
      ->check(CLI::Range(1, 1 << 24));
  app.add_option("--objective", o.objective,
                 "causal: a llama that predicts the next token; mlm: a BERT that fills in hidden tokens")
      ->capture_default_str()
      ->check(CLI::IsMember({"causal", "mlm"}));
  app.add_flag("--full", o.full,
               "Also writes the sections (training, data, lora, logging, checkpoint ...) with their defaults");
  app.add_flag("--print-params", o.printParameters, "Prints how many parameters the model has");
  app.add_flag("--json", o.json, "With --print-params: one JSON object");
}

void printParameters(const recipe::ParameterCounts &counts, bool json) {
  const std::pair<const char *, int64_t> parts[] = {
      {"embedding", counts.embedding}, {"attention", counts.attention}, {"feed_forward", counts.feedForward},
      {"norms", counts.norms},         {"head", counts.head},           {"total", counts.total()}};
  nlohmann::ordered_json all;
  for (auto [name, count] : parts) all[name] = count;
  if (json) return fmt::print("{}\n", all.dump());
  for (auto [name, count] : parts) fmt::print("{:13}{:>16}\n", name, count);
}

Status write(const std::string &path, const std::string &text) {
  std::error_code error;
  if (auto folder = std::filesystem::path(path).parent_path(); !folder.empty())
    std::filesystem::create_directories(folder, error);
  LLC_TRY(writeFile(path, text));
  fmt::print(stderr, "{}\n", path);
  return success();
}

void setObjective(recipe::OrderedJson &config, bool full) {
  config["objective"] = "mlm";
  for (const auto &[key, value] : recipe::bertDefaults()) config[key] = value;
  if (full) config["training"]["trainer"] = "mlm";
}

Status runCreateConfig(Context &, CLI::App &app, CreateConfigFlags &o) {
  if (o.json && !o.printParameters)
    return diagnose(ErrorKind::invalidInput, "--json")
        .says("is for the counts of --print-params")
        .toFix("add --print-params, or leave it out");
  LLC_ASSIGN(recipe::OrderedJson config, recipe::configOfSize(o.type, o.full));
  if (o.objective == "mlm") setObjective(config, o.full);
  if (o.vocabulary) config["vocab_size"] = o.vocabulary;
  for (const std::string &assignment : o.set) LLC_TRY(recipe::setKey(config, assignment));
  std::vector<std::string> warnings;
  LLC_TRY(recipe::checkConfig(config, "create-config", warnings));
  for (const std::string &warning : warnings) fmt::print(stderr, "warning: {}\n", warning);
  bool yaml = o.output.ends_with(".yaml") || o.output.ends_with(".yml");
  std::string text = yaml ? recipe::toYaml(config) : config.dump(2) + "\n";
  // Only the counts were asked for: no file unless it is named.
  bool onlyCounts = o.printParameters && !app.count("--output");
  if (o.output == "-")
    fmt::print("{}", text);
  else if (!onlyCounts)
    LLC_TRY(write(o.output, text));
  if (o.printParameters) printParameters(recipe::countParameters(config), o.json);
  return success();
}
}  // namespace

void addCreateConfig(Context &context) {
  addCommand<CreateConfigFlags>(context, "create-config", "Writes the configuration of a model to be trained",
                                declareCreateConfig, runCreateConfig);
}

}  // namespace llc::cli
