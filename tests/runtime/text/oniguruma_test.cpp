// The regular expression engine against oniguruma on generated texts (only where that library is installed: it is not linked into
// anything else).
#include <gtest/gtest.h>

#ifdef LLC_HAVE_ONIGURUMA
#define re_registers oniguruma_registers  // <regex.h>, which gtest includes, has one of the same name
#include <oniguruma.h>
#undef re_registers

#include <random>

#include "runtime/text/regex.h"
#include "runtime/text/utf8.h"

namespace llc::text {
namespace {
using Spans = std::vector<std::pair<std::size_t, std::size_t>>;

// All matches, as the iterator of the Rust binding gives them: no empty match right behind a match.
Spans oniguruma(const std::string &pattern, const std::string &text) {
  auto bytes = [](const std::string &s) { return reinterpret_cast<const OnigUChar *>(s.data()); };
  OnigErrorInfo info;
  regex_t *compiled = nullptr;
  if (onig_new(&compiled, bytes(pattern), bytes(pattern) + pattern.size(), ONIG_OPTION_NONE, ONIG_ENCODING_UTF8, ONIG_SYNTAX_RUBY,
               &info) != ONIG_NORMAL)
    return {{1, 0}};
  OnigRegion *region = onig_region_new();
  Spans spans;
  std::size_t from = 0, lastEnd = text.size() + 1;
  while (from <= text.size()) {
    const OnigUChar *end = bytes(text) + text.size();
    if (onig_search(compiled, bytes(text), end, bytes(text) + from, end, region, ONIG_OPTION_NONE) < 0) break;
    auto begin = static_cast<std::size_t>(region->beg[0]), stop = static_cast<std::size_t>(region->end[0]);
    if (begin == stop && stop == lastEnd) {
      from += from < text.size() ? characterLength(text[from]) : 1;
      continue;
    }
    spans.emplace_back(begin, stop);
    from = lastEnd = stop;
  }
  onig_region_free(region, 1);
  onig_free(compiled);
  return spans;
}

TEST(Oniguruma, FindsTheSameMatches) {
  OnigEncoding encoding = ONIG_ENCODING_UTF8;
  ASSERT_EQ(onig_initialize(&encoding, 1), ONIG_NORMAL);
  const char *patterns[] = {
      R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
      R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s+(?!\S)|\s+)",
      R"(\w+|[^\w\s]+)",
      R"([[:alpha:]]+|\h)",
      R"((?<=a)b|(?<!\d)1\b)",
      R"((a|b)*?c|x?)",
      R"([^a-c&&\p{Ll}]++.)",
      R"(^.|.$|\Z)",
      R"((?>a+|b)a?|\B.)",
      R"([\p{Han}\p{Hiragana}]+|\p{^L})",
      R"((?:a|ab)(?:c|bcd)*)",
      R"(\R|(?m:.){2,3}?)",
      R"(\p{Greek}|\p{Cyrillic}+|[α-ω]{2})"};
  const char *atoms[] = {"a",   "b", "c", "x", "A", "1", "23", " ",  "  ", "\n", "\r\n", "\t",     "'s",
                         "'LL", ".", "/", "!", "é", "ß", "½",  "日", "あ", "Ω",  "ж",    "\u0301", "🙂"};
  std::mt19937 random(11);
  for (const char *pattern : patterns) {
    auto ours = Regex::compile(pattern);
    ASSERT_TRUE(ours.ok()) << ours.error().text();
    for (int i = 0; i < 400; ++i) {
      std::string text;
      for (auto length = random() % 14; length > 0; --length) text += atoms[random() % std::size(atoms)];
      auto found = ours->findAll(text);
      ASSERT_TRUE(found.ok());
      Spans spans;
      for (RegexMatch match : *found) spans.emplace_back(match.begin, match.end);
      EXPECT_EQ(spans, oniguruma(pattern, text)) << pattern << " on " << testing::PrintToString(text);
    }
  }
}
}  // namespace
}  // namespace llc::text
#else
TEST(Oniguruma, FindsTheSameMatches) { GTEST_SKIP() << "oniguruma is not installed"; }
#endif
