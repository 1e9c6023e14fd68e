#include "runtime/text/unicode.h"

#include <utf8proc.h>

#include <algorithm>
#include <unordered_map>

#include "runtime/text/utf8.h"

namespace llc::text {

CodeSet::CodeSet(const CodeRange *ranges, std::size_t count) : ranges_(ranges, ranges + count) { index(); }

CodeSet::CodeSet(std::vector<CodeRange> ranges) {
  std::sort(ranges.begin(), ranges.end(), [](CodeRange a, CodeRange b) { return a.first < b.first; });
  for (CodeRange range : ranges) {
    if (!ranges_.empty() && range.first <= ranges_.back().last + 1)
      ranges_.back().last = std::max(ranges_.back().last, range.last);
    else
      ranges_.push_back(range);
  }
  index();
}

void CodeSet::index() {
  for (CodeRange range : ranges_)
    for (std::uint32_t c = range.first; c <= range.last && c < bitmapEnd; ++c) bitmap_[c >> 6] |= std::uint64_t{1} << (c & 63);
}

bool CodeSet::searched(std::uint32_t c) const {
  auto above = std::upper_bound(ranges_.begin(), ranges_.end(), c, [](std::uint32_t v, CodeRange r) { return v < r.first; });
  return above != ranges_.begin() && c <= std::prev(above)->last;
}

CodeSet CodeSet::unite(const CodeSet &other) const {
  std::vector<CodeRange> all = ranges_;
  all.insert(all.end(), other.ranges_.begin(), other.ranges_.end());
  return CodeSet(std::move(all));
}

CodeSet CodeSet::intersect(const CodeSet &other) const {
  return complement().unite(other.complement()).complement();
}

CodeSet CodeSet::complement() const {
  std::vector<CodeRange> gaps;
  std::uint32_t next = 0;
  for (CodeRange range : ranges_) {
    if (range.first > next) gaps.push_back({next, range.first - 1});
    next = range.last + 1;
  }
  if (next <= 0x10FFFF) gaps.push_back({next, 0x10FFFF});
  return CodeSet(std::move(gaps));
}

const CodeSet &wordSet() { static const CodeSet set(wordRanges, wordCount); return set; }
const CodeSet &numericSet() { static const CodeSet set(numericRanges, numericCount); return set; }
const CodeSet &punctuationSet() { static const CodeSet set(punctuationRanges, punctuationCount); return set; }
const CodeSet &accentSet() { static const CodeSet set(accentRanges, accentCount); return set; }
const CodeSet &bertAccentSet() { static const CodeSet set(bertAccentRanges, bertAccentCount); return set; }
const CodeSet &bertControlSet() { static const CodeSet set(bertControlRanges, bertControlCount); return set; }
const CodeSet &bertChineseSet() { static const CodeSet set(bertChineseRanges, bertChineseCount); return set; }

const CodeSet &classWordSet() {
  static const CodeSet set = wordSet().intersect(CodeSet({{0xB2, 0xB3}, {0xB9, 0xB9}, {0xBC, 0xBE}}).complement());
  return set;
}

const CodeSet &rustWordSet() {
  // Unicode's recommendation for \w has the two joiners as well.
  static const CodeSet set = classWordSet().unite(CodeSet(std::vector<CodeRange>{{0x200C, 0x200D}}));
  return set;
}

bool isWhitespace(std::uint32_t c) {
  if (c < 0x80) return c == ' ' || (c >= 9 && c <= 13);
  return c == 0x85 || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F ||
         c == 0x205F || c == 0x3000;
}

namespace {
std::uint8_t valueOf(const ValueRange *ranges, std::size_t count, std::uint32_t c) {
  auto above = std::upper_bound(ranges, ranges + count, c, [](std::uint32_t v, const ValueRange &r) { return v < r.first; });
  return above != ranges && c <= above[-1].last ? above[-1].value : 0;
}

std::string plainName(std::string_view name) {
  std::string plain;
  for (char c : name)
    if (c != '_' && c != '-' && c != ' ') plain.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c);
  return plain;
}

template <class Wanted> CodeSet rangesWhere(const ValueRange *ranges, std::size_t count, Wanted wanted) {
  std::vector<CodeRange> found;
  for (std::size_t i = 0; i < count; ++i)
    if (wanted(ranges[i].value)) found.push_back({ranges[i].first, ranges[i].last});
  return CodeSet(std::move(found));
}

// The set of a category by its one- or two-letter name, in lower case.
std::optional<CodeSet> categorySet(std::string_view plain) {
  if (plain.empty() || plain.size() > 2) return std::nullopt;
  bool known = false;
  auto wanted = [&](std::uint8_t value) {
    std::string name = plainName(categoryNames[value - 1]);
    return plain.size() == 1 ? name[0] == plain[0] : name == plain;
  };
  for (std::size_t i = 0; i < categoryNameCount; ++i) known |= wanted(static_cast<std::uint8_t>(i + 1));
  if (!known) return std::nullopt;
  CodeSet set = rangesWhere(categoryRanges, categoryCount, wanted);
  if (plain == "cs" || plain == "c") set = set.unite(CodeSet(std::vector<CodeRange>{{0xD800, 0xDFFF}}));
  if (plain == "cn" || plain == "c") {
    CodeSet assigned = rangesWhere(categoryRanges, categoryCount, [](std::uint8_t) { return true; });
    set = set.unite(assigned.unite(CodeSet(std::vector<CodeRange>{{0xD800, 0xDFFF}})).complement());
  }
  return set;
}

const std::unordered_map<std::string, std::string> &longCategoryNames() {
  static const std::unordered_map<std::string, std::string> names = {
      {"letter", "l"}, {"uppercaseletter", "lu"}, {"lowercaseletter", "ll"}, {"titlecaseletter", "lt"}, {"modifierletter", "lm"},
      {"otherletter", "lo"}, {"mark", "m"}, {"combiningmark", "m"}, {"nonspacingmark", "mn"}, {"spacingmark", "mc"},
      {"enclosingmark", "me"}, {"number", "n"}, {"decimalnumber", "nd"}, {"letternumber", "nl"}, {"othernumber", "no"},
      {"punctuation", "p"}, {"connectorpunctuation", "pc"}, {"dashpunctuation", "pd"}, {"openpunctuation", "ps"},
      {"closepunctuation", "pe"}, {"initialpunctuation", "pi"}, {"finalpunctuation", "pf"}, {"otherpunctuation", "po"},
      {"symbol", "s"}, {"mathsymbol", "sm"}, {"currencysymbol", "sc"}, {"modifiersymbol", "sk"}, {"othersymbol", "so"},
      {"separator", "z"}, {"spaceseparator", "zs"}, {"lineseparator", "zl"}, {"paragraphseparator", "zp"}, {"other", "c"},
      {"control", "cc"}, {"format", "cf"}, {"surrogate", "cs"}, {"privateuse", "co"}, {"unassigned", "cn"}};
  return names;
}

CodeSet whitespaceSet() {
  return CodeSet({{9, 13}, {32, 32}, {0x85, 0x85}, {0xA0, 0xA0}, {0x1680, 0x1680}, {0x2000, 0x200A}, {0x2028, 0x2029},
                  {0x202F, 0x202F}, {0x205F, 0x205F}, {0x3000, 0x3000}});
}

// POSIX classes with their Unicode meaning.
std::optional<CodeSet> posixSet(const std::string &plain) {
  if (plain == "alpha" || plain == "alphabetic") return CodeSet(alphabeticRanges, alphabeticCount);
  if (plain == "upper" || plain == "uppercase") return CodeSet(uppercaseRanges, uppercaseCount);
  if (plain == "lower" || plain == "lowercase") return CodeSet(lowercaseRanges, lowercaseCount);
  if (plain == "alnum") return CodeSet(alphabeticRanges, alphabeticCount).unite(*categorySet("nd"));
  if (plain == "digit") return categorySet("nd");
  if (plain == "word") return wordSet();
  if (plain == "space" || plain == "whitespace") return whitespaceSet();
  if (plain == "blank") return categorySet("zs")->unite(CodeSet(std::vector<CodeRange>{{9, 9}}));
  if (plain == "cntrl") return categorySet("cc");
  if (plain == "xdigit") return CodeSet({{'0', '9'}, {'A', 'F'}, {'a', 'f'}});
  if (plain == "ascii") return CodeSet(std::vector<CodeRange>{{0, 0x7F}});
  if (plain == "any") return CodeSet(std::vector<CodeRange>{{0, 0x10FFFF}});
  if (plain == "assigned") return categorySet("cn")->complement();
  if (plain == "punct") return categorySet("p")->unite(*categorySet("s"));
  if (plain == "graph") return whitespaceSet().unite(*categorySet("cc")).unite(*categorySet("cs")).unite(*categorySet("cn")).complement();
  if (plain == "print") return posixSet("graph")->unite(*categorySet("zs"));
  return std::nullopt;
}
}  // namespace

std::optional<CodeSet> propertySet(std::string_view name) {
  std::string plain = plainName(name);
  if (auto set = posixSet(plain)) return set;
  if (auto longName = longCategoryNames().find(plain); longName != longCategoryNames().end()) plain = longName->second;
  if (auto set = categorySet(plain)) return set;
  for (std::size_t i = 0; i < scriptNameCount; ++i)
    if (plainName(scriptNames[i]) == plain)
      return rangesWhere(scriptRanges, scriptCount, [&](std::uint8_t value) { return value == i + 1; });
  return std::nullopt;
}

std::uint8_t scriptOf(std::uint32_t c) {
  static const auto joined = [] {
    std::array<std::uint8_t, 3> found{};  // Hiragana, Katakana, Han
    const char *names[] = {"Hiragana", "Katakana", "Han"};
    for (int n = 0; n < 3; ++n)
      for (std::size_t i = 0; i < scriptNameCount; ++i)
        if (std::string_view(scriptNames[i]) == names[n]) found[n] = static_cast<std::uint8_t>(i + 1);
    return found;
  }();
  std::uint8_t script = valueOf(scriptExceptionRanges, scriptExceptionCount, c);
  if (script == 255) return 0;
  if (script == 0) script = valueOf(scriptRanges, scriptCount, c);
  return script == joined[0] || script == joined[1] ? joined[2] : script;
}

std::string lowercase(std::string_view valid) {
  std::string out;
  out.reserve(valid.size());
  for (CodePoint c : CodePoints(valid)) {
    if (c.value < 0x80) {
      out.push_back(static_cast<char>(c.value >= 'A' && c.value <= 'Z' ? c.value + 32 : c.value));
      continue;
    }
    const LowerException *end = lowerExceptions + lowerExceptionCount;
    const LowerException *found =
        std::lower_bound(lowerExceptions, end, c.value, [](const LowerException &e, std::uint32_t v) { return e.from < v; });
    if (found != end && found->from == c.value) {
      appendUtf8(out, found->to);
      if (found->then) appendUtf8(out, found->then);
    } else {
      appendUtf8(out, static_cast<std::uint32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c.value))));
    }
  }
  return out;
}

namespace {
std::uint32_t simpleFold(std::uint32_t c) {
  utf8proc_int32_t folded[4];
  int boundary = 0;
  auto count = utf8proc_decompose_char(static_cast<utf8proc_int32_t>(c), folded, 4, UTF8PROC_CASEFOLD, &boundary);
  return count == 1 ? static_cast<std::uint32_t>(folded[0]) : c;
}

const std::unordered_map<std::uint32_t, std::vector<std::uint32_t>> &foldClasses() {
  static const auto classes = [] {
    std::unordered_map<std::uint32_t, std::vector<std::uint32_t>> found;
    for (std::uint32_t c = 0; c <= 0x1E943; ++c)  // the last cased letter of Unicode
      if (c < 0xD800 || c > 0xDFFF)
        if (std::uint32_t folded = simpleFold(c); folded != c) found[folded].push_back(c);
    return found;
  }();
  return classes;
}
}  // namespace

std::vector<std::uint32_t> caseVariants(std::uint32_t c) {
  std::uint32_t folded = simpleFold(c);
  std::vector<std::uint32_t> variants = {folded};
  if (auto found = foldClasses().find(folded); found != foldClasses().end())
    variants.insert(variants.end(), found->second.begin(), found->second.end());
  return variants;
}

namespace {
const CodeSet &inertSet() { static const CodeSet set(inertRanges, inertCount); return set; }

// Normalizes code points without inert ones among them and appends the result.
void appendNormalized(const std::vector<utf8proc_int32_t> &codes, int options, std::string &out) {
  std::vector<utf8proc_int32_t> buffer(codes.size() * 4 + 32);
  int boundary = 0;
  std::size_t filled = 0;
  for (utf8proc_int32_t c : codes) {
    if (buffer.size() - filled < 32) buffer.resize(buffer.size() * 2);
    filled += static_cast<std::size_t>(
        utf8proc_decompose_char(c, buffer.data() + filled, 32, static_cast<utf8proc_option_t>(options), &boundary));
  }
  // Canonical order: stable within each run of non-starters.
  auto combining = [](utf8proc_int32_t c) { return utf8proc_get_property(c)->combining_class; };
  for (std::size_t begin = 0; begin < filled;) {
    if (combining(buffer[begin]) == 0) { ++begin; continue; }
    std::size_t end = begin;
    while (end < filled && combining(buffer[end]) != 0) ++end;
    std::stable_sort(buffer.begin() + static_cast<std::ptrdiff_t>(begin), buffer.begin() + static_cast<std::ptrdiff_t>(end),
                     [&](auto a, auto b) { return combining(a) < combining(b); });
    begin = end;
  }
  if (options & UTF8PROC_COMPOSE)
    filled = static_cast<std::size_t>(utf8proc_normalize_utf32(buffer.data(), static_cast<utf8proc_ssize_t>(filled),
                                                               static_cast<utf8proc_option_t>(UTF8PROC_COMPOSE | UTF8PROC_STABLE)));
  for (std::size_t i = 0; i < filled; ++i) appendUtf8(out, static_cast<std::uint32_t>(buffer[i]));
}
}  // namespace

std::string normalize(std::string_view valid, NormalForm form) {
  // Nothing below these code points changes.
  std::uint32_t quiet = form == NormalForm::nfc ? 0x300 : form == NormalForm::nfd ? 0xC0 : 0xA0;
  bool changes = false;
  for (CodePoint c : CodePoints(valid)) changes |= c.value >= quiet;
  if (!changes) return std::string(valid);
  int options = UTF8PROC_STABLE;
  options |= form == NormalForm::nfc || form == NormalForm::nfkc ? UTF8PROC_COMPOSE : UTF8PROC_DECOMPOSE;
  if (form == NormalForm::nfkc || form == NormalForm::nfkd) options |= UTF8PROC_COMPAT;
  std::string out;
  std::vector<utf8proc_int32_t> segment;
  for (CodePoint c : CodePoints(valid)) {
    if (!inertSet().contains(c.value)) {
      segment.push_back(static_cast<utf8proc_int32_t>(c.value));
      continue;
    }
    appendNormalized(segment, options, out);
    segment.clear();
    out.append(valid.substr(c.begin, c.end - c.begin));
  }
  appendNormalized(segment, options, out);
  return out;
}

std::vector<std::size_t> graphemeEnds(std::string_view valid) {
  std::vector<std::size_t> ends;
  utf8proc_int32_t previous = -1, state = 0;
  for (CodePoint c : CodePoints(valid)) {
    auto code = static_cast<utf8proc_int32_t>(c.value);
    if (previous >= 0 && utf8proc_grapheme_break_stateful(previous, code, &state)) ends.push_back(c.begin);
    previous = code;
  }
  if (!valid.empty()) ends.push_back(valid.size());
  return ends;
}

}  // namespace llc::text
