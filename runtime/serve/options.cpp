#include "runtime/serve/options.h"

namespace llc {

namespace {
CLI::Validator numberFrom(int least, const char *type) {
  return CLI::Validator(
      [least](std::string &text) {
        bool digits = !text.empty() && text.size() <= 12 && text.find_first_not_of("0123456789") == std::string::npos;
        if (digits && std::stoll(text) >= least) return std::string();
        return fmt::format("expected a whole number from {}, found '{}'", least, text);
      },
      type, "whole number");
}
CLI::Validator someText() {
  return CLI::Validator([](std::string &text) { return text.empty() ? "expected some text, found none" : std::string(); },
                        "TEXT", "some text");
}
}  // namespace

CLI::Validator wholeNumber() { return numberFrom(0, "NONNEGATIVE"); }
CLI::Validator positiveNumber() { return numberFrom(1, "POSITIVE"); }

void addInputFlags(CLI::App &app, TextOrIds &input, bool required) {
  auto *group = app.add_option_group("Input");
  group->add_option_function<std::string>(
      "-p,--prompt",
      [&input](const std::string &text) {
        input.text = text;
        input.hasText = true;
      },
      "Text to go on from");
  group
      ->add_option_function<std::vector<int32_t>>(
          "--ids",
          [&input](const std::vector<int32_t> &ids) {
            input.ids = ids;
            input.hasIds = true;
          },
          "Token ids instead of text: 1,2,3")
      ->delimiter(',');
  group->require_option(required ? 1 : 0, 1);
}

void addGenerateFlags(CLI::App &app, GenerateOptions &options) {
  constexpr const char *group = "Generation";
  SamplingOptions &sampling = options.sampling;
  app.add_option("-n,--max-tokens", options.maxTokens, "Most tokens to generate")
      ->capture_default_str()
      ->check(wholeNumber())
      ->group(group);
  app.add_option("--stop", options.stop, "Ends before this text (may be given more than once)")
      ->expected(1)
      ->take_all()
      ->check(someText())
      ->group(group);
  app.add_flag("--ignore-eos", options.ignoreEos, "Goes on after end-of-text tokens, up to --max-tokens")->group(group);
  app.add_flag("--log-probs", options.logProbs, "Adds each token's log-probability to --json")->group(group);
  constexpr const char *choice = "Sampling";
  app.add_option("--temp,--temperature", sampling.temperature, "0: always the most likely token")
      ->capture_default_str()
      ->group(choice);
  app.add_option("--top-k", sampling.topK, "Only the K most likely tokens; 0: all")
      ->capture_default_str()
      ->group(choice);
  app.add_option("--top-p", sampling.topP, "Only the most likely tokens that reach this probability together")
      ->capture_default_str()
      ->group(choice);
  app.add_option("--min-p", sampling.minP, "Only tokens at least this share as likely as the most likely one")
      ->capture_default_str()
      ->group(choice);
  app.add_option("--repeat-penalty", sampling.repeatPenalty, "Above 1: tokens that were there get less likely")
      ->capture_default_str()
      ->group(choice);
  app.add_option("--presence-penalty", sampling.presencePenalty,
                 "Subtracted once from the logit of tokens that were there")
      ->capture_default_str()
      ->group(choice);
  app.add_option("--frequency-penalty", sampling.frequencyPenalty, "Subtracted per time that the token was there")
      ->capture_default_str()
      ->group(choice);
  app.add_option("--penalty-window", sampling.penaltyWindow,
                 "How many of the last tokens the penalties look at; -1: all")
      ->capture_default_str()
      ->group(choice);
  app.add_option("--seed", sampling.seed, "The same seed gives the same text")
      ->capture_default_str()
      ->check(wholeNumber())
      ->group(choice);
}

void addChatFlags(CLI::App &app, ChatOptions &options) {
  constexpr const char *group = "Conversation";
  auto *chat =
      app.add_flag("--chat,--conversation", options.on,
                   "Talks by the model's chat template: a turn for each line of the input, after that of -p if "
                   "it is given; /exit ends, /clear begins anew, a backslash at its end goes on in the next line")
          ->group(group)
          ->excludes("--ids")
          ->excludes("--echo");
  app.add_option("--system", options.system, "What the system says before all turns")->needs(chat)->group(group);
  app.add_option("--chat-template", options.chatTemplate,
                 "Instead of the model's own: chatml, roles, or a file of Jinja (docs/guides/chat-templates.md)")
      ->needs(chat)
      ->check(someText())
      ->group(group);
  app.add_flag("--single-turn", options.once, "Ends after the first answer")->needs(chat)->group(group);
}

void addRunFlags(CLI::App &app, RunOptions &options) {
  addInputFlags(app, options.prompt, false);
  addGenerateFlags(app, options.generate);
  auto *json = app.add_flag("--json", options.json,
                            "One JSON object (ids and text of the new tokens) instead of a stream of text");
  app.get_option("--log-probs")->needs(json);
  app.add_flag("--echo", options.echo, "Prints the prompt before the new text")->excludes("--json");
  app.add_flag("--stats", options.stats, "Prints speeds on the standard error output");
}

void addScoreFlags(CLI::App &app, ScoreOptions &options) {
  addInputFlags(app, options.input, true);
  app.add_flag("--json", options.json, "One JSON object instead of a table");
}

void addSessionFlags(CLI::App &app, SessionOptions &options) {
  app.add_option("-t,--threads", options.threads,
                 "Threads; 0: what affinity and CPU quota allow, fewer for small models")
      ->capture_default_str()
      ->check(CLI::Range(0, LLC_MAX_THREADS));
  app.add_option("--context", options.context, "Tokens of the longest sequence; 0: as compiled")
      ->capture_default_str()
      ->check(wholeNumber());
}

void addBenchFlags(CLI::App &app, BenchOptions &options) {
  app.add_option("--prompt-tokens", options.promptTokens, "Length of the prompt")
      ->capture_default_str()
      ->check(positiveNumber());
  app.add_option("--gen-tokens", options.genTokens, "Tokens generated after it")
      ->capture_default_str()
      ->check(positiveNumber());
  app.add_option("--sequences", options.sequences,
                 "Sequences at once, each with its own prompt; speeds are those of all together")
      ->capture_default_str()
      ->check(positiveNumber());
  app.add_option("--repeats", options.repeats, "Measurements; the median counts")
      ->capture_default_str()
      ->check(positiveNumber());
  app.footer(
      "decode_bandwidth_share and prefill_flop_share are shares of what memory and arithmetic give here, measured in "
      "the same\n"
      "run. A token of decode reads the weights, and the keys and values of its context (bytes_per_token); operations "
      "are those of\n"
      "products with weights, without attention's, and the most are those of what multiplies fastest for the weights' "
      "type (f32,\n"
      "bf16 pairs, tiles). Of a model that the CPU's caches hold, decode reads little from memory: its share can then "
      "exceed 1,\n"
      "and says only that memory is no limit.\n" +
      app.get_footer());
}

}  // namespace llc
