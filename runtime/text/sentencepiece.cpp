#include "runtime/text/sentencepiece.h"

#include <queue>

#include "runtime/text/json_fields.h"
#include "runtime/text/trie.h"

namespace llc::text {

namespace {
constexpr std::string_view spaceSymbol = "\xE2\x96\x81";  // ▁

class SentencePiece : public Engine {
 public:
  SentencePiece(SentencePieceModel model, const SideFiles &side) : model_(std::move(model)) {
    std::vector<ByteTrie::Key> ordinary, userDefined;
    bytes_.fill(-1);
    for (std::size_t i = 0; i < model_.pieces.size(); ++i) {
      const auto &piece = model_.pieces[i];
      auto id = static_cast<TokenId>(i);
      bool matched = piece.type == PieceType::normal || piece.type == PieceType::userDefined || piece.type == PieceType::unused;
      if (ids_.find(piece.text) < 0) ids_.add(piece.text, id);
      if (matched) {
        ordinary.push_back({piece.text, id});
        if (pieceIds_.find(piece.text) < 0) pieceIds_.add(piece.text, id);
      }
      if (piece.type == PieceType::userDefined) userDefined.push_back({piece.text, id});
      if (piece.type == PieceType::control) special_.add(piece.text, id);
      if (piece.type == PieceType::unknown && unknown_ < 0) unknown_ = id;
      if (piece.type == PieceType::byte)
        if (int byte = byteOf(piece.text); byte >= 0) bytes_[static_cast<std::size_t>(byte)] = id;
      if (piece.type == PieceType::normal) {
        lowest_ = std::min(lowest_, piece.score);
        highest_ = std::max(highest_, piece.score);
      }
    }
    for (const AddedToken &token : side.added)
      if (token.id >= static_cast<TokenId>(model_.pieces.size()))
        extra_.add(token.content, token.id), special_.add(token.content, token.id);
    special_.build();
    ordinary_ = ByteTrie(std::move(ordinary));
    userDefined_ = ByteTrie(std::move(userDefined));
    bool t5 = side.tokenizerClass.find("T5") != std::string::npos;
    addBos_ = side.addBos.value_or(!t5);
    addEos_ = side.addEos.value_or(t5);
  }

  Result<std::vector<TokenId>> encode(std::string_view text, const EncodeOptions &options) const override {
    std::vector<TokenId> ids;
    if (options.addSpecial && addBos_ && bosId()) ids.push_back(*bosId());
    auto plain = [&](std::string_view part) { return encodePlain(part, ids); };
    if (options.parseSpecial.value_or(false)) {
      LLC_TRY(special_.split(text, [&](TokenId id) { ids.push_back(id); }, plain));
    } else {
      LLC_TRY(plain(text));
    }
    if (options.addSpecial && addEos_ && eosId()) ids.push_back(*eosId());
    return ids;
  }

  std::string decode(std::span<const TokenId> ids, bool skipSpecial, bool more) const override {
    std::string out, run;
    bool first = true;  // nothing written yet: a leading space is the dummy prefix
    auto flush = [&] {
      appendBytes(run, out);
      run.clear();
    };
    for (TokenId id : ids) {
      if (auto extra = extra_.tokenOf(id)) {
        flush();
        if (!skipSpecial) out += *extra;
        continue;
      }
      if (id < 0 || static_cast<std::size_t>(id) >= model_.pieces.size()) continue;
      const auto &piece = model_.pieces[static_cast<std::size_t>(id)];
      if (int byte = piece.type == PieceType::byte ? byteOf(piece.text) : -1; byte >= 0) {
        run.push_back(static_cast<char>(byte));
        first = false;
        continue;
      }
      flush();
      if (piece.type == PieceType::control) continue;
      if (piece.type == PieceType::unknown) {
        out += lossyUtf8(model_.unknownSurface);
        first = false;
        continue;
      }
      appendPiece(piece.text, first, out);
    }
    if (more) run.resize(run.size() - incompleteTail(run));
    flush();
    return out;
  }

  std::size_t vocabularySize() const override { return std::max(model_.pieces.size(), extra_.idEnd()); }
  std::optional<TokenId> idOf(std::string_view token) const override {
    auto id = ids_.idOf(token);
    return id ? id : extra_.idOf(token);
  }
  std::optional<std::string> tokenOf(TokenId id) const override {
    if (id >= 0 && static_cast<std::size_t>(id) < model_.pieces.size()) return model_.pieces[static_cast<std::size_t>(id)].text;
    auto token = extra_.tokenOf(id);
    return token ? std::optional(std::string(*token)) : std::nullopt;
  }
  bool isSpecial(TokenId id) const override { return special_.vocabulary().tokenOf(id).has_value() || id == unknown_; }
  std::string_view kind() const override {
    constexpr std::string_view names[] = {"sentencepiece (unigram)", "sentencepiece (BPE)", "sentencepiece (word)",
                                          "sentencepiece (character)"};
    return names[static_cast<int>(model_.kind) - 1];
  }
  std::optional<TokenId> bosId() const override { return control(model_.bosId); }
  std::optional<TokenId> eosId() const override { return control(model_.eosId); }
  std::optional<TokenId> padId() const override { return control(model_.padId); }
  std::optional<TokenId> unknownId() const override { return unknown_ < 0 ? std::nullopt : std::optional(unknown_); }

 private:
  // A part of the normalized text and its id; -1: unknown.
  struct Part {
    std::size_t begin, end;
    TokenId id;
  };

  static int byteOf(std::string_view piece) {
    auto digit = [](char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1; };
    if (piece.size() != 6 || !piece.starts_with("<0x") || piece[5] != '>' || digit(piece[3]) < 0 || digit(piece[4]) < 0) return -1;
    return digit(piece[3]) * 16 + digit(piece[4]);
  }
  std::optional<TokenId> control(std::int64_t id) const {
    bool known = id >= 0 && static_cast<std::size_t>(id) < model_.pieces.size();
    return known ? std::optional(static_cast<TokenId>(id)) : std::nullopt;
  }
  PieceType typeOf(TokenId id) const { return model_.pieces[static_cast<std::size_t>(id)].type; }
  std::string_view space() const { return model_.escapeWhitespace ? spaceSymbol : std::string_view(" "); }

  // What the text at `at` normalizes to, and the bytes that it takes.
  std::pair<std::string_view, std::size_t> normalizedPrefix(std::string_view text, std::size_t at) const {
    std::int32_t id = 0;
    if (std::size_t length = userDefined_.longest(text, at, id)) return {text.substr(at, length), length};
    if (model_.charsMap)
      if (auto match = model_.charsMap->longest(text.substr(at))) return {match->replacement, match->length};
    std::size_t length = characterLength(text[at]);
    return {text.substr(at, length), length};
  }

  std::string normalized(std::string_view text) const {
    std::string out;
    std::size_t at = 0;
    const bool remove = model_.removeExtraWhitespace;
    while (remove && at < text.size()) {
      auto [prefix, length] = normalizedPrefix(text, at);
      if (prefix != " ") break;
      at += length;
    }
    if (at >= text.size()) return out;
    if (!model_.whitespaceSuffix && model_.dummyPrefix) out += space();
    bool afterSpace = remove;
    while (at < text.size()) {
      auto [part, length] = normalizedPrefix(text, at);
      at += length;
      while (afterSpace && part.starts_with(' ')) part.remove_prefix(1);
      if (!part.empty()) {
        for (char byte : part) {
          if (byte == ' ') out += space();
          else out.push_back(byte);
        }
        afterSpace = part.ends_with(' ');
      }
      if (!remove) afterSpace = false;
    }
    while (remove && out.ends_with(space())) out.resize(out.size() - space().size());
    if (model_.whitespaceSuffix && model_.dummyPrefix) out += space();
    return validUtf8(out) ? out : lossyUtf8(out);  // a character map may hold anything
  }

  Status encodePlain(std::string_view text, std::vector<TokenId> &ids) const {
    std::string input = normalized(text);
    std::vector<Part> parts;
    switch (model_.kind) {
      case SentencePieceModel::Kind::unigram: viterbi(input, parts); break;
      case SentencePieceModel::Kind::bpe: mergePairs(input, parts); break;
      case SentencePieceModel::Kind::word: words(input, parts); break;
      case SentencePieceModel::Kind::character:
        for (std::size_t at = 0; at < input.size();) {
          std::size_t length = symbolLength(input, at).first;
          parts.push_back({at, at + length, pieceId(std::string_view(input).substr(at, length))});
          at += length;
        }
        break;
    }
    return emit(input, parts, ids);
  }

  // Unknown parts become bytes; without byte fallback, one unknown token per run.
  Status emit(std::string_view input, const std::vector<Part> &parts, std::vector<TokenId> &ids) const {
    bool unknownBefore = false;
    for (const Part &part : parts) {
      bool unknown = part.id < 0;
      if (unknown && model_.byteFallback) {
        for (std::size_t i = part.begin; i < part.end; ++i) {
          TokenId id = bytes_[static_cast<unsigned char>(input[i])];
          if (id < 0 && unknown_ < 0) return noToken(input.substr(part.begin, part.end - part.begin));
          ids.push_back(id >= 0 ? id : unknown_);
        }
      } else if (unknown) {
        if (unknown_ < 0) return noToken(input.substr(part.begin, part.end - part.begin));
        if (!unknownBefore) ids.push_back(unknown_);
      } else if (typeOf(part.id) != PieceType::control) {
        ids.push_back(part.id);
      }
      unknownBefore = unknown;
    }
    return success();
  }
  static Error noToken(std::string_view text) {
    return badField("tokenizer.model", fmt::format("'{}' has no token, and the model has no unknown token", text.substr(0, 80)));
  }

  TokenId pieceId(std::string_view text) const {
    TokenId id = pieceIds_.find(text);
    return id >= 0 && typeOf(id) != PieceType::unknown ? id : -1;
  }

  void viterbi(std::string_view input, std::vector<Part> &parts) const {
    struct Node {
      float score = 0;
      std::size_t start = static_cast<std::size_t>(-1);
      TokenId id = -1;
      void offer(double candidate, std::size_t from, TokenId piece) {
        if (start != static_cast<std::size_t>(-1) && !(candidate > score)) return;
        *this = {static_cast<float>(candidate), from, piece};
      }
    };
    std::vector<Node> best(input.size() + 1);
    const float unknownScore = lowest_ - 10.0f;
    for (std::size_t at = 0; at < input.size();) {
      const float here = best[at].score;
      std::size_t length = characterLength(input[at]);
      bool single = false;
      ordinary_.prefixes(input, at, [&](std::size_t bytes, std::int32_t id) {
        if (typeOf(id) == PieceType::unused) return;
        // A user-defined piece gets a bonus, so that it always wins.
        double score = typeOf(id) == PieceType::userDefined ? static_cast<double>(static_cast<float>(bytes) * highest_) - 0.1
                                                            : static_cast<double>(model_.pieces[static_cast<std::size_t>(id)].score);
        best[at + bytes].offer(score + static_cast<double>(here), at, id);
        single |= bytes == length;
      });
      if (!single) best[at + length].offer(unknownScore + here, at, -1);
      at += length;
    }
    for (std::size_t end = input.size(); end > 0; end = best[end].start) parts.push_back({best[end].start, end, best[end].id});
    std::reverse(parts.begin(), parts.end());
  }

  // The next symbol: a user-defined piece (which is never merged) or one character.
  std::pair<std::size_t, bool> symbolLength(std::string_view input, std::size_t at) const {
    std::int32_t id = 0;
    if (std::size_t length = userDefined_.longest(input, at, id)) return {length, true};
    return {characterLength(input[at]), false};
  }

  struct Symbol {
    std::size_t begin, end;  // equal: merged into another
    std::int64_t previous, next;
    bool frozen;
  };
  struct Pair {
    float score;
    std::int64_t left, right;
    std::size_t bytes;
    bool operator<(const Pair &other) const { return score != other.score ? score < other.score : left > other.left; }
  };

  void mergePairs(std::string_view input, std::vector<Part> &parts) const {
    std::vector<Symbol> symbols;
    for (std::size_t at = 0; at < input.size();) {
      auto [length, frozen] = symbolLength(input, at);
      auto index = static_cast<std::int64_t>(symbols.size());
      symbols.push_back({at, at + length, index - 1, at + length < input.size() ? index + 1 : -1, frozen});
      at += length;
    }
    std::priority_queue<Pair> agenda;
    std::unordered_map<std::string_view, std::size_t> unusedSplits;  // text of an unused piece → where it was put together
    auto propose = [&](std::int64_t left, std::int64_t right) {
      if (left < 0 || right < 0 || symbols[left].frozen || symbols[right].frozen) return;
      std::string_view text = input.substr(symbols[left].begin, symbols[right].end - symbols[left].begin);
      TokenId id = pieceIds_.find(text);
      if (id < 0) return;
      agenda.push({model_.pieces[static_cast<std::size_t>(id)].score, left, right, text.size()});
      if (typeOf(id) == PieceType::unused) unusedSplits[text] = symbols[left].end - symbols[left].begin;
    };
    for (std::int64_t i = 1; i < static_cast<std::int64_t>(symbols.size()); ++i) propose(i - 1, i);
    while (!agenda.empty()) {
      Pair top = agenda.top();
      agenda.pop();
      Symbol &left = symbols[top.left], &right = symbols[top.right];
      if (left.begin == left.end || right.begin == right.end || right.end - left.begin != top.bytes || left.next != top.right) continue;
      left.end = right.end;
      left.next = right.next;
      if (right.next >= 0) symbols[right.next].previous = top.left;
      right.begin = right.end;
      propose(left.previous, top.left);
      propose(top.left, left.next);
    }
    for (std::int64_t i = symbols.empty() ? -1 : 0; i >= 0; i = symbols[i].next)
      resegment(input, symbols[i].begin, symbols[i].end, unusedSplits, parts);
  }

  // Takes pieces apart again that only served as a step.
  void resegment(std::string_view input, std::size_t begin, std::size_t end,
                 const std::unordered_map<std::string_view, std::size_t> &splits, std::vector<Part> &parts) const {
    std::vector<std::pair<std::size_t, std::size_t>> work = {{begin, end}};
    while (!work.empty()) {
      auto [from, to] = work.back();
      work.pop_back();
      std::string_view text = input.substr(from, to - from);
      TokenId id = pieceId(text);
      auto split = id >= 0 && typeOf(id) == PieceType::unused ? splits.find(text) : splits.end();
      if (split == splits.end()) {
        parts.push_back({from, to, id});
        continue;
      }
      work.emplace_back(from + split->second, to);
      work.emplace_back(from, from + split->second);
    }
  }

  void words(std::string_view input, std::vector<Part> &parts) const {
    std::size_t begin = 0;
    auto put = [&](std::size_t end) {
      if (end > begin) parts.push_back({begin, end, pieceId(input.substr(begin, end - begin))});
      begin = end;
    };
    for (std::size_t at = 0; at < input.size(); at += characterLength(input[at])) {
      if (!input.substr(at).starts_with(spaceSymbol)) continue;
      put(at);  // whitespace begins a word even where it is a suffix: so does the library
    }
    put(input.size());
  }

  static void appendBytes(std::string_view run, std::string &out) {
    // One U+FFFD for each byte that belongs to no character, unlike lossyUtf8.
    for (std::size_t at = 0; at < run.size();) {
      std::size_t length = characterLength(run[at]);
      bool valid = static_cast<unsigned char>(run[at]) < 0x80 ||
                   (length > 1 && at + length <= run.size() && validUtf8(run.substr(at, length)));
      if (valid) out.append(run.substr(at, length));
      else out.append("\xEF\xBF\xBD");
      at += valid ? length : 1;
    }
  }

  void appendPiece(std::string_view text, bool &first, std::string &out) const {
    if (first && (model_.dummyPrefix || model_.removeExtraWhitespace) && text.starts_with(spaceSymbol)) {
      text.remove_prefix(spaceSymbol.size());
      // With extra whitespace removed, spaces at the start never mean anything.
      first = model_.removeExtraWhitespace && text.empty();
    } else {
      first = false;
    }
    for (std::size_t at = 0; at < text.size();) {
      if (text.substr(at).starts_with(spaceSymbol)) {
        out.push_back(' ');
        at += spaceSymbol.size();
      } else {
        out.push_back(text[at++]);
      }
    }
  }

  SentencePieceModel model_;
  Vocabulary ids_, pieceIds_, extra_;
  SpecialTokens special_;
  ByteTrie ordinary_, userDefined_;
  std::array<TokenId, 256> bytes_;
  TokenId unknown_ = -1;
  float lowest_ = std::numeric_limits<float>::max(), highest_ = std::numeric_limits<float>::lowest();
  bool addBos_ = true, addEos_ = false;
};
}  // namespace

Result<std::unique_ptr<Engine>> loadSentencePiece(std::string_view bytes, const std::string &where, const SideFiles &side) {
  LLC_ASSIGN(SentencePieceModel model, readSentencePiece(bytes, where));
  return std::unique_ptr<Engine>(std::make_unique<SentencePiece>(std::move(model), side));
}

}  // namespace llc::text
