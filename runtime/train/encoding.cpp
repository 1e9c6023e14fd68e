#include "runtime/train/encoding.h"

#include "runtime/base/json_read.h"

namespace llc::train {

namespace {
corpus::ExampleOptions exampleOptions(const RunConfig &config, Examples examples, int64_t length) {
  corpus::ExampleOptions options;
  if (examples == Examples::preferences) options.kind = corpus::ExampleOptions::Kind::preferences;
  options.maxLength = length;
  options.completionOnly = config.flag("data.completion_only_loss");
  options.assistantOnly = config.flag("data.assistant_only_loss");
  if (config.find("data.chat_format") && config.text("data.chat_format") == "chatml")
    options.chat = corpus::ChatFormat::chatml;
  options.maxPromptLength = std::min(config.integer("data.max_prompt_length"), length - 1);
  options.maxCompletionLength = length;
  if (config.find("data.max_completion_length"))
    options.maxCompletionLength = config.integer("data.max_completion_length");
  return options;
}

std::string describe(const corpus::ExampleOptions &o) {
  return fmt::format("{} {} {} {} {} {} {}", int(o.kind), int(o.chat), o.maxLength, o.completionOnly, o.assistantOnly,
                     o.maxPromptLength, o.maxCompletionLength);
}

Result<std::vector<std::vector<int32_t>>> encodeDocument(const std::string &document, const Tokenizer &tokenizer,
                                                         const corpus::ExampleOptions &options, bool refuseChats) {
  LLC_ASSIGN(Json json, parseJson(document, "example"));
  LLC_ASSIGN(corpus::Example example, corpus::readExample(json, options));
  if (example.isConversation && refuseChats)
    return diagnose(ErrorKind::unsupported, "data")
        .says("holds conversations, and the model's own chat template can't be rendered yet")
        .toFix("choose a format: --chat-format chatml or roles; or give prompts with completions as texts");
  return corpus::encodeExample(example, tokenizer, options);
}
}  // namespace

Encoding encodingOf(const RunConfig &config, Examples examples, const corpus::TokenizerWithHash &tokenizer,
                    int64_t length, Progress &progress) {
  Encoding encoding{
      .examples = examples, .options = exampleOptions(config, examples, length), .prepare = {}, .about = {}};
  encoding.prepare.corpus.skipBroken = config.text("data.on_bad_record") == "skip";
  encoding.prepare.corpus.onBroken = corpus::brokenRecordWarnings(progress);
  encoding.prepare.threads = int(std::max<int64_t>(1, config.integer("data.num_workers")));
  encoding.about = fmt::format("{} {}", tokenizer.hash, encoding.prepare.maxLength);
  if (examples == Examples::text) return encoding;
  bool refuseChats = !config.find("data.chat_format") && tokenizer.hasChatTemplate;
  encoding.about = fmt::format("{} {}", tokenizer.hash, describe(encoding.options));
  encoding.prepare.marked = true;
  encoding.prepare.paired = examples == Examples::preferences;
  encoding.prepare.corpus.records.accepts = [options = encoding.options](const nlohmann::json &object) -> Status {
    auto example = corpus::readExample(object, options);
    return example ? success() : Status(std::move(example.error()));
  };
  encoding.prepare.encode = [options = encoding.options, refuseChats,
                             encoder = tokenizer.tokenizer.get()](const std::string &document) {
    return encodeDocument(document, *encoder, options, refuseChats);
  };
  return encoding;
}

}  // namespace llc::train
