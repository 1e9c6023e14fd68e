#include "runtime/text/tokenizer_json.h"

#include "runtime/text/engine.h"

namespace llc::text {

namespace {
constexpr std::size_t maximumDepth = 64;

// Events of nlohmann's parser. A place is told by the depth and the names of the two outermost keys.
class Reader : public nlohmann::json_sax<Json> {
 public:
  enum class Shape { tokenizer, vocabulary, plain };
  Reader(TokenizerJson &out, Shape shape) : out_(out), shape_(shape) {}
  std::string problem;

  bool null() override { return value(Json()); }
  bool boolean(bool b) override { return value(Json(b)); }
  bool number_integer(number_integer_t n) override { return part_ == Part::rest ? value(Json(n)) : number(static_cast<double>(n), n); }
  bool number_unsigned(number_unsigned_t n) override {
    if (part_ == Part::rest) return value(Json(n));
    return number(static_cast<double>(n), n > maximumVocabulary ? -1 : static_cast<std::int64_t>(n));
  }
  bool number_float(number_float_t n, const string_t &) override { return part_ == Part::rest ? value(Json(n)) : number(n, -1); }
  bool binary(binary_t &) override { return fail("binary data"); }
  bool string(string_t &text) override {
    switch (part_) {
      case Part::rest: return value(Json(text));
      case Part::merges: return mergeText(text);
      case Part::scores:
        if (depth_ != partDepth_ + 1 || field_ != 0) return fail("model.vocab: expected [token, score]");
        token_ = text;
        ++field_;
        return true;
      case Part::tokens: break;
    }
    return fail("model.vocab: expected a number for each token");
  }

  bool start_object(std::size_t) override {
    if (!deeper()) return false;
    if (part_ == Part::rest && isVocabulary()) return enter(Part::tokens);
    if (part_ != Part::rest) return fail("model.vocab or model.merges: an object where none belongs");
    return open(Json::object());
  }
  bool key(string_t &name) override {
    if (part_ == Part::tokens) token_ = name;
    else key_ = name;
    if (part_ == Part::rest && depth_ <= 2) path_[depth_ - 1] = name;
    return true;
  }
  bool end_object() override { return close(); }
  bool start_array(std::size_t) override {
    if (!deeper()) return false;
    if (part_ == Part::rest && isVocabulary()) return enter(Part::scores);
    if (part_ == Part::rest && isMerges()) return enter(Part::merges);
    if (part_ == Part::rest) return open(Json::array());
    if (part_ == Part::tokens || depth_ != partDepth_ + 1) return fail("model.vocab or model.merges: a list where none belongs");
    field_ = 0;
    return true;
  }
  bool end_array() override {
    if (part_ != Part::rest && depth_ == partDepth_ + 1) {
      if (field_ != 2) return fail(part_ == Part::merges ? "model.merges: expected pairs" : "model.vocab: expected [token, score]");
      --depth_;
      return true;
    }
    return close();
  }
  bool parse_error(std::size_t position, const std::string &, const nlohmann::detail::exception &) override {
    return fail(fmt::format("not valid JSON at byte {}", position));
  }

 private:
  enum class Part { rest, tokens, scores, merges };

  bool fail(std::string text) {
    if (problem.empty()) problem = std::move(text);
    return false;
  }
  bool deeper() { return ++depth_ <= maximumDepth || fail(fmt::format("nested more than {} deep", maximumDepth)); }
  bool inModel(std::string_view name) const { return depth_ == 3 && path_[0] == "model" && path_[1] == name && stackIsObjects(); }
  bool stackIsObjects() const { return stack_.size() == 2 && stack_[0]->is_object() && stack_[1]->is_object(); }
  bool isVocabulary() const { return shape_ == Shape::tokenizer ? inModel("vocab") : shape_ == Shape::vocabulary && depth_ == 1; }
  bool isMerges() const { return shape_ == Shape::tokenizer && inModel("merges"); }

  bool enter(Part part) {
    part_ = part;
    partDepth_ = depth_;
    if (part == Part::merges) return out_.model.merges.clear(), true;
    out_.model.scores.clear();
    out_.model.vocabulary = Vocabulary();
    out_.model.vocabulary.reserve(1 << 16, 1 << 19);
    return true;
  }

  bool number(double value, std::int64_t whole) {
    if (part_ == Part::tokens) {
      if (out_.model.vocabulary.add(token_, whole)) return true;
      return fail(fmt::format("model.vocab: token '{}' has no id from 0 to {}", token_, maximumVocabulary - 1));
    }
    if (part_ != Part::scores || depth_ != partDepth_ + 1 || field_ != 1) return fail("model.merges: a number where none belongs");
    ++field_;
    if (!out_.model.vocabulary.add(token_, static_cast<std::int64_t>(out_.model.scores.size())))
      return fail("model.vocab: too many tokens");
    out_.model.scores.push_back(value);
    return true;
  }

  bool mergeText(std::string &text) {
    if (depth_ == partDepth_) {  // "left right"
      std::size_t space = text.find(' ');
      if (space == std::string::npos || text.find(' ', space + 1) != std::string::npos)
        return fail(fmt::format("model.merges: '{}' is not two tokens with a space between", text));
      out_.model.merges.emplace_back(text.substr(0, space), text.substr(space + 1));
      return true;
    }
    if (field_ == 0) token_ = std::move(text);
    else if (field_ == 1) out_.model.merges.emplace_back(std::move(token_), std::move(text));
    else return fail("model.merges: expected pairs");
    ++field_;
    return true;
  }

  // Ordinary values: appended to the innermost open container.
  Json *place(Json json) {
    if (stack_.empty()) {
      out_.rest = std::move(json);
      return &out_.rest;
    }
    Json &parent = *stack_.back();
    if (parent.is_array()) {
      parent.push_back(std::move(json));
      return &parent.back();
    }
    Json &slot = parent[key_];
    slot = std::move(json);
    return &slot;
  }
  bool value(Json json) {
    if (part_ != Part::rest) return fail("model.vocab or model.merges: a value where none belongs");
    place(std::move(json));
    return true;
  }
  bool open(Json json) {
    stack_.push_back(place(std::move(json)));
    return true;
  }
  bool close() {
    if (part_ != Part::rest) part_ = Part::rest;
    else stack_.pop_back();
    --depth_;
    return true;
  }

  TokenizerJson &out_;
  Shape shape_;
  std::vector<Json *> stack_;  // the parents don't move while a child is open: it is their last element
  std::string key_, token_;
  std::string path_[2];
  std::size_t depth_ = 0, partDepth_ = 0;
  int field_ = 0;
  Part part_ = Part::rest;
};

Status parse(std::string_view bytes, const std::string &where, TokenizerJson &out, Reader::Shape shape) {
  Reader reader(out, shape);
  if (Json::sax_parse(bytes.begin(), bytes.end(), &reader)) return success();
  return badField(where, reader.problem.empty() ? "not valid JSON" : reader.problem);
}
}  // namespace

Result<TokenizerJson> readTokenizerJson(std::string_view bytes, const std::string &where) {
  TokenizerJson out;
  LLC_TRY(parse(bytes, where, out, Reader::Shape::tokenizer));
  if (!out.rest.is_object()) return badField(where, "expected an object");
  return out;
}

Result<Json> readJson(std::string_view bytes, const std::string &where) {
  TokenizerJson out;
  LLC_TRY(parse(bytes, where, out, Reader::Shape::plain));
  return std::move(out.rest);
}

Result<Vocabulary> readVocabularyJson(std::string_view bytes, const std::string &where) {
  TokenizerJson out;
  LLC_TRY(parse(bytes, where, out, Reader::Shape::vocabulary));
  if (!out.model.scores.empty() || out.model.vocabulary.count() == 0) return badField(where, "expected an object of tokens and ids");
  return std::move(out.model.vocabulary);
}

}  // namespace llc::text
