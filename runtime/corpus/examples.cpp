#include "runtime/corpus/examples.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "runtime/corpus/conversation.h"
#include "runtime/corpus/templated.h"
#include "runtime/data/dataset.h"

namespace llc::corpus {

namespace {
using Json = nlohmann::json;

using OrderedMessages = std::vector<nlohmann::ordered_json>;

class Reader {
 public:
  Reader(const Json &object, const ExampleOptions &options) : object_(object), options_(options) {
    if (usesOwn()) ordered_ = object;
  }

  Result<Example> completions() const {
    const Json *prompt = find("prompt"), *completion = find("completion");
    if (!completion) completion = find("response");
    if (prompt && completion) return promptWithCompletion(*prompt, *completion);
    for (const char *name : {"messages", "conversations"})
      if (const Json *list = find(name)) return conversation(*list, name);
    if (const Json *text = find("text"); text && text->is_string())
      return Example{.parts = {{text->get<std::string>(), true}}};
    bool prefers = find("chosen") && find("rejected");
    return missing("'prompt' with 'completion', 'messages', or 'text'",
                   prefers ? ": preferences are for --trainer dpo and reward" : "");
  }

  Result<Example> preferences() const {
    const Json *prompt = find("prompt"), *chosen = find("chosen"), *rejected = find("rejected");
    if (!chosen || !rejected)
      return missing("'chosen' with 'rejected'",
                     find("completion") || find("messages") ? ": completions are for --trainer sft" : "");
    if (chosen->is_array() || rejected->is_array()) return preferredMessages(prompt, *chosen, *rejected);
    LLC_ASSIGN(std::string good, textOf(*chosen, "chosen"));
    LLC_ASSIGN(std::string bad, textOf(*rejected, "rejected"));
    if (prompt) {
      LLC_ASSIGN(std::string before, textOf(*prompt, "prompt"));
      return Example{.parts = {{before, false}, {good, true}, {bad, true}}};
    }
    size_t shared = sharedPrompt(good, bad);
    return Example{.parts = {{good.substr(0, shared), false}, {good.substr(shared), true}, {bad.substr(shared), true}}};
  }

  Result<Example> comparison() const {
    LLC_ASSIGN(Example example, preferences());
    LLC_ASSIGN(example.margin, margin());
    return example;
  }

 private:
  const Json *find(const char *name) const {
    auto found = object_.find(name);
    return found == object_.end() || found->is_null() ? nullptr : &*found;
  }

  Error missing(const std::string &wanted, const char *insteadFor) const {
    std::string names;
    for (const auto &entry : object_.items()) names += (names.empty() ? "'" : ", '") + entry.key() + "'";
    return diagnose(ErrorKind::invalidInput)
        .says("has no " + wanted + (names.empty() ? "" : ", but " + names) + insteadFor)
        .toFix("rename the columns");
  }

  static Result<std::string> textOf(const Json &value, const std::string &name) {
    if (value.is_string()) return value.get<std::string>();
    return diagnose(ErrorKind::invalidInput)
        .says("'" + name + "' is no text")
        .toFix("give all columns as texts, or all as lists of messages");
  }

  // The columns of .csv are texts.
  Result<float> margin() const {
    const Json *value = find("margin");
    if (!value) return 0.0f;
    double number = NAN;
    if (value->is_number()) number = value->get<double>();
    if (value->is_string()) {
      const auto &text = value->get_ref<const std::string &>();
      char *end = nullptr;
      number = std::strtod(text.c_str(), &end);
      if (text.empty() || *end) number = NAN;
    }
    if (std::isfinite(float(number))) return float(number);
    return diagnose(ErrorKind::invalidInput)
        .says("'margin' is no number")
        .toFix("give by how much more the chosen text is to score, or leave it out");
  }

  // How much of the two texts is the prompt: what they share, but for a blank at its end.
  static size_t sharedPrompt(const std::string &one, const std::string &other) {
    size_t shared = sharedBeginning(one, other);
    if (shared == one.size() && shared == other.size()) return shared;
    return shared && one[shared - 1] == ' ' ? shared - 1 : shared;
  }

  TemplatedChats templated() const { return {*options_.own, ordered_}; }
  bool usesOwn() const { return options_.chat == ChatFormat::own; }

  // The marks of chatml say where a conversation ends.
  Example rendered(std::vector<Example::Part> parts) const {
    return {std::move(parts), true, options_.chat != ChatFormat::chatml};
  }

  Result<Example> promptWithCompletion(const Json &prompt, const Json &completion) const {
    bool all = !options_.completionOnly;
    if (!prompt.is_array() && !completion.is_array()) {
      LLC_ASSIGN(std::string before, textOf(prompt, "prompt"));
      LLC_ASSIGN(std::string after, textOf(completion, "completion"));
      return Example{.parts = {{before, all}, {after, true}}};
    }
    if (usesOwn()) {
      LLC_ASSIGN(auto asked, normalizedMessages(prompt, "prompt"));
      LLC_ASSIGN(auto answer, normalizedMessages(completion, "completion"));
      return templated().promptWith(asked, OrderedMessages{answer}, all);
    }
    LLC_ASSIGN(std::vector<Message> before, readMessages(prompt, "prompt"));
    LLC_ASSIGN(std::vector<Message> after, readMessages(completion, "completion"));
    std::string opening = openingFor(after);
    return rendered({{render(before, false, options_.chat) + opening, all},
                     {render(after, false, options_.chat).substr(opening.size()), true}});
  }

  // The prompt ends with the beginning of the answer.
  std::string openingFor(std::span<const Message> answer) const {
    return answer.empty() ? std::string() : openingOf(answer.front().role, options_.chat);
  }

  Result<Example> conversation(const Json &list, const char *name) const {
    if (usesOwn()) {
      LLC_ASSIGN(auto all, normalizedMessages(list, name));
      return templated().conversation(all, options_.assistantOnly);
    }
    LLC_ASSIGN(std::vector<Message> messages, readMessages(list, name));
    if (!options_.assistantOnly) return rendered({{render(messages, false, options_.chat), true}});
    std::vector<Example::Part> parts;
    for (const Message &message : messages) {
      std::string closing = closingOf(options_.chat), content = message.content;
      // What ends the answer is part of it; the line break behind a mark is not.
      if (options_.chat == ChatFormat::chatml) content += closing.substr(0, closing.size() - 1), closing = "\n";
      bool learned = message.role == "assistant";
      parts.push_back({openingOf(message.role, options_.chat), false});
      parts.push_back({content + (options_.chat == ChatFormat::roles ? closing : ""), learned});
      if (options_.chat == ChatFormat::chatml) parts.push_back({closing, false});
    }
    return rendered(std::move(parts));
  }

  // Without a prompt it is what both begin with.
  template <class Messages>
  static void splitPrompt(Messages &prompt, Messages &good, Messages &bad) {
    auto split = std::mismatch(good.begin(), good.end(), bad.begin(), bad.end()).first;
    size_t shared = size_t(split - good.begin());
    prompt = Messages(good.begin(), split);
    good = Messages(good.begin() + ptrdiff_t(shared), good.end());
    bad = Messages(bad.begin() + ptrdiff_t(shared), bad.end());
  }

  static Error noDifference() {
    return diagnose(ErrorKind::invalidInput)
        .says("'chosen' and 'rejected' do not differ in a message that both have")
        .toFix("end both with an answer of their own");
  }

  static Result<OrderedMessages> ownMessages(const Json &list, const char *name) {
    LLC_ASSIGN(auto messages, normalizedMessages(list, name));
    return OrderedMessages(messages.begin(), messages.end());
  }

  Result<Example> preferredByTemplate(const Json *prompt, const Json &chosen, const Json &rejected) const {
    LLC_ASSIGN(OrderedMessages good, ownMessages(chosen, "chosen"));
    LLC_ASSIGN(OrderedMessages bad, ownMessages(rejected, "rejected"));
    OrderedMessages before;
    if (prompt) {
      LLC_ASSIGN(before, ownMessages(*prompt, "prompt"));
    } else {
      splitPrompt(before, good, bad);
    }
    if (good.empty() || bad.empty()) return noDifference();
    return templated().promptWith(before, OrderedMessages{good, bad}, false);
  }

  Result<Example> preferredMessages(const Json *prompt, const Json &chosen, const Json &rejected) const {
    if (usesOwn()) return preferredByTemplate(prompt, chosen, rejected);
    LLC_ASSIGN(std::vector<Message> good, readMessages(chosen, "chosen"));
    LLC_ASSIGN(std::vector<Message> bad, readMessages(rejected, "rejected"));
    std::vector<Message> before;
    if (prompt) {
      LLC_ASSIGN(before, readMessages(*prompt, "prompt"));
    } else {
      splitPrompt(before, good, bad);
    }
    if (good.empty() || bad.empty()) return noDifference();
    std::string opening = openingFor(good);
    auto answer = [&](const std::vector<Message> &messages) {
      return render(messages, false, options_.chat).substr(openingFor(messages).size());
    };
    return rendered(
        {{render(before, false, options_.chat) + opening, false}, {answer(good), true}, {answer(bad), true}});
  }

  const Json &object_;
  nlohmann::ordered_json ordered_;  // the same, for templates
  const ExampleOptions &options_;
};

class Encoder {
 public:
  Encoder(const Tokenizer &tokenizer, const ExampleOptions &options) : tokenizer_(tokenizer), options_(options) {}

  Result<std::vector<int32_t>> completion(const Example &example) const {
    std::string text;
    std::vector<int32_t> ids;
    std::vector<size_t> ends;  // tokens up to the end of each part
    for (const Example::Part &part : example.parts) {
      text += part.text;
      LLC_ASSIGN(ids, encode(text, example.addEnds));
      ends.push_back(ids.size());
      // The rest is cut off anyhow, and encoding it piece by piece would take long.
      if (int64_t(ids.size()) > options_.maxLength + 16) break;
    }
    if (example.addEnds && endsOpen(ids)) ids.push_back(*tokenizer_.eosId()), ends.back() = ids.size();
    size_t begin = 0;
    for (size_t part = 0; part < ends.size(); ++part) {
      if (!example.parts[part].learned) mark(ids, begin, ends[part]);
      begin = std::max(begin, ends[part]);
    }
    if (int64_t(ids.size()) > options_.maxLength) ids.resize(size_t(options_.maxLength));
    return ids;
  }

  // Prompt and completions are encoded apart, so that both completions begin behind the same tokens.
  Result<std::vector<std::vector<int32_t>>> preference(const Example &example) const {
    LLC_ASSIGN(std::vector<int32_t> prompt, encode(example.parts[0].text, false));
    keepLast(prompt, options_.maxPromptLength);
    mark(prompt, 0, prompt.size());
    std::vector<std::vector<int32_t>> rows;
    for (size_t i : {1, 2}) {
      LLC_ASSIGN(std::vector<int32_t> ids, encode(example.parts[i].text, false));
      if (example.addEnds && endsOpen(ids)) ids.push_back(*tokenizer_.eosId());
      int64_t room = std::min(options_.maxCompletionLength, options_.maxLength - int64_t(prompt.size()));
      if (int64_t(ids.size()) > room) ids.resize(size_t(std::max<int64_t>(room, 0)));
      ids.insert(ids.begin(), prompt.begin(), prompt.end());
      rows.push_back(std::move(ids));
    }
    return rows;
  }

  Result<std::vector<std::vector<int32_t>>> comparison(const Example &example) const {
    std::vector<std::vector<int32_t>> rows;
    for (size_t i : {1, 2}) {
      Example whole{.parts = {{example.parts[0].text + example.parts[i].text, true}}, .addEnds = example.addEnds};
      LLC_ASSIGN(std::vector<int32_t> ids, completion(whole));
      rows.push_back(std::move(ids));
    }
    if (rows[0] == rows[1] || rows[0].empty() || rows[1].empty()) rows.clear();
    return rows;
  }

 private:
  Result<std::vector<int32_t>> encode(const std::string &text, bool addSpecial) const {
    EncodeOptions options;
    options.addSpecial = addSpecial;
    options.parseSpecial = true;  // texts may be rendered ones, whose marks are tokens
    LLC_ASSIGN(std::vector<int32_t> ids, tokenizer_.encode(text, options));
    // What follows belongs to the same sequence.
    if (addSpecial && tokenizer_.eosId() && !ids.empty() && ids.back() == *tokenizer_.eosId() && !spellsEnd(text))
      ids.pop_back();
    return ids;
  }
  bool spellsEnd(const std::string &text) const {
    auto spelled = tokenizer_.tokenOf(*tokenizer_.eosId());
    return spelled && text.ends_with(*spelled);
  }
  bool endsOpen(const std::vector<int32_t> &ids) const {
    return tokenizer_.eosId() && (ids.empty() || ids.back() != *tokenizer_.eosId());
  }
  static void mark(std::vector<int32_t> &ids, size_t begin, size_t end) {
    for (size_t i = begin; i < std::min(end, ids.size()); ++i) ids[i] = data::unlearned(ids[i]);
  }
  static void keepLast(std::vector<int32_t> &ids, int64_t most) {
    if (int64_t(ids.size()) > most) ids.erase(ids.begin(), ids.end() - most);
  }

  const Tokenizer &tokenizer_;
  const ExampleOptions &options_;
};

// The first token is predicted by none.
bool hasTarget(const std::vector<int32_t> &ids) {
  return std::any_of(ids.begin() + (ids.empty() ? 0 : 1), ids.end(), [](int32_t id) { return id >= 0; });
}
}  // namespace

Result<Example> readExample(const Json &object, const ExampleOptions &options) {
  if (!object.is_object())
    return diagnose(ErrorKind::invalidInput).says("expected a JSON object").toFix("write {\"prompt\": ...}");
  Reader reader(object, options);
  switch (options.kind) {
    case ExampleOptions::Kind::completions:
      return reader.completions();
    case ExampleOptions::Kind::preferences:
      return reader.preferences();
    case ExampleOptions::Kind::comparisons:
      return reader.comparison();
  }
  return reader.completions();
}

Result<std::vector<std::vector<int32_t>>> encodeExample(const Example &example, const Tokenizer &tokenizer,
                                                        const ExampleOptions &options) {
  Encoder encoder(tokenizer, options);
  if (options.kind == ExampleOptions::Kind::comparisons) return encoder.comparison(example);
  std::vector<std::vector<int32_t>> sequences;
  if (options.kind == ExampleOptions::Kind::completions) {
    LLC_ASSIGN(std::vector<int32_t> ids, encoder.completion(example));
    sequences.push_back(std::move(ids));
  } else {
    LLC_ASSIGN(sequences, encoder.preference(example));
  }
  if (!std::all_of(sequences.begin(), sequences.end(), hasTarget)) sequences.clear();
  return sequences;
}

}  // namespace llc::corpus
