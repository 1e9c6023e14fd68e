// Filters on lists and what can be looped over.
#include <algorithm>

#include "runtime/chat/builtin.h"
#include "runtime/chat/text.h"

namespace llc::chat {

namespace {
using Values = std::vector<Value>;

Value generator(Values items) { return Value::list(std::move(items), Flavour::generator); }

// What strings are compared by where case does not count.
Value folded(const Value &value, bool caseSensitive) {
  return caseSensitive || !value.isString() ? value : Value(lower(value.string()));
}

// Elements with what each is sorted or chosen by.
Result<std::vector<std::pair<Value, Value>>> keyed(Interpreter &run, const Value &value, const Value &attribute,
                                                   bool caseSensitive) {
  LLC_ASSIGN(Values elements, elementsOf(run, value));
  std::vector<std::pair<Value, Value>> result;
  for (Value &element : elements) {
    LLC_TRY(run.step());
    LLC_ASSIGN(Value key, byPath(run, element, attribute));
    result.emplace_back(folded(key, caseSensitive), std::move(element));
  }
  return std::move(result);
}

Status sortKeyed(Interpreter &run, std::vector<std::pair<Value, Value>> &pairs, bool reverse) {
  Status status;
  std::stable_sort(pairs.begin(), pairs.end(), [&](auto &a, auto &b) {
    if (!status) return false;
    Result<bool> smaller = reverse ? less(b.first, a.first) : less(a.first, b.first);
    if (!smaller) status = std::move(smaller.error());
    return smaller.ok() && *smaller;
  });
  LLC_TRY(run.step(int64_t(pairs.size()) * 16));
  return status;
}

Values secondsOf(const std::vector<std::pair<Value, Value>> &pairs) {
  Values values;
  for (auto &[key, value] : pairs) values.push_back(value);
  return values;
}

Result<Value> sorted(Interpreter &run, const Value &value, const Slots &slots, const Arguments &) {
  LLC_ASSIGN(auto pairs, keyed(run, value, slots.at(2), slots.truth(1, false)));
  LLC_TRY(sortKeyed(run, pairs, slots.truth(0, false)));
  return Value::list(secondsOf(pairs));
}

Result<Value> dictionarySorted(Interpreter &run, const Value &value, const Slots &slots, const Arguments &) {
  if (!value.isMap()) return failed("dictsort takes a dictionary, not " + value.typeName());
  LLC_ASSIGN(std::string by, slots.text(1, "key"));
  if (by != "key" && by != "value") return failed("dictsort sorts by 'key' or 'value'");
  std::vector<std::pair<Value, Value>> pairs;
  for (auto &[key, item] : value.map().entries)
    pairs.emplace_back(folded(by == "key" ? key : item, slots.truth(0, false)),
                       Value::list({key, item}, Flavour::tuple));
  LLC_TRY(sortKeyed(run, pairs, slots.truth(2, false)));
  return Value::list(secondsOf(pairs));
}

Result<Value> unique(Interpreter &run, const Value &value, const Slots &slots, const Arguments &) {
  LLC_ASSIGN(auto pairs, keyed(run, value, slots.at(1), slots.truth(0, false)));
  Values seen, kept;
  for (auto &[key, element] : pairs) {
    LLC_TRY(run.step(int64_t(seen.size()) / 8));
    if (std::any_of(seen.begin(), seen.end(), [&, &k = key](const Value &other) { return equal(other, k); })) continue;
    seen.push_back(key);
    kept.push_back(element);
  }
  return generator(std::move(kept));
}

Result<Value> extreme(Interpreter &run, const Value &value, const Slots &slots, bool largest) {
  LLC_ASSIGN(auto pairs, keyed(run, value, slots.at(1), slots.truth(0, false)));
  if (pairs.empty()) return Value::undefined("No aggregated item, sequence was empty.");
  auto *best = &pairs[0];
  for (auto &pair : pairs) {
    LLC_ASSIGN(bool better, largest ? less(best->first, pair.first) : less(pair.first, best->first));
    if (better) best = &pair;
  }
  return best->second;
}

Result<Value> grouped(Interpreter &run, const Value &value, const Slots &slots, const Arguments &) {
  LLC_ASSIGN(auto pairs, keyed(run, value, slots.at(0), slots.truth(2, false)));
  if (slots.has(1))
    for (auto &[key, element] : pairs)
      if (key.isUndefined()) key = slots.at(1);
  LLC_TRY(sortKeyed(run, pairs, false));
  Values groups, current;
  for (size_t i = 0; i < pairs.size(); ++i) {
    current.push_back(pairs[i].second);
    if (i + 1 < pairs.size() && equal(pairs[i + 1].first, pairs[i].first)) continue;
    // A group is a pair; its parts also have names.
    groups.push_back(Value::list({pairs[i].first, Value::list(std::exchange(current, {}))}, Flavour::tuple));
  }
  return Value::list(std::move(groups));
}

// map(attribute="a.b", default=...) or map("filter", arguments...).
Result<Value> mapped(Interpreter &run, const Value &value, const Slots &, const Arguments &arguments) {
  if (!value.isTrue()) return generator({});  // also of what can't be looped over, as jinja2
  LLC_ASSIGN(Values elements, elementsOf(run, value));
  Values results;
  Arguments rest = arguments;
  bool byAttribute =
      arguments.positional.empty() && !arguments.named.empty() && arguments.named[0].first == "attribute";
  if (!byAttribute && (rest.positional.empty() || !rest.positional[0].isString()))
    return failed("map takes the name of a filter, or attribute=");
  std::string filter = byAttribute ? "" : rest.positional[0].string();
  if (!byAttribute) rest.positional.erase(rest.positional.begin());
  for (const Value &element : elements) {
    LLC_TRY(run.step());
    LLC_ASSIGN(Value result,
               byAttribute ? byPath(run, element, arguments.named[0].second) : applyFilter(run, filter, element, rest));
    if (byAttribute && result.isUndefined() && arguments.named.size() > 1) result = arguments.named[1].second;
    results.push_back(std::move(result));
  }
  return generator(std::move(results));
}

// select, reject (by a test), selectattr, rejectattr (by an attribute's test); without a test: what is true.
Result<Value> selected(Interpreter &run, const Value &value, const Arguments &arguments, bool byAttribute, bool keeps) {
  if (!value.isTrue()) return generator({});
  LLC_ASSIGN(Values elements, elementsOf(run, value));
  Arguments rest = arguments;
  if (byAttribute && rest.positional.empty()) return failed("selectattr and rejectattr take the name of an attribute");
  Value attribute = byAttribute ? rest.positional[0] : Value();
  if (byAttribute) rest.positional.erase(rest.positional.begin());
  bool hasTest = !rest.positional.empty();
  if (hasTest && !rest.positional[0].isString()) return failed("a test is given by its name");
  std::string test = hasTest ? rest.positional[0].string() : "";
  if (hasTest) rest.positional.erase(rest.positional.begin());
  Values kept;
  for (const Value &element : elements) {
    LLC_TRY(run.step());
    LLC_ASSIGN(Value tested, byPath(run, element, attribute));
    LLC_ASSIGN(bool holds, hasTest ? applyTest(run, test, tested, rest) : Result<bool>(tested.isTrue()));
    if (holds == keeps) kept.push_back(element);
  }
  return generator(std::move(kept));
}

Result<Value> joinedText(Interpreter &run, const Value &value, const Slots &slots, const Arguments &) {
  LLC_ASSIGN(Values elements, elementsOf(run, value));
  LLC_ASSIGN(std::string between, slots.text(0, ""));
  std::string text;
  for (size_t i = 0; i < elements.size(); ++i) {
    LLC_ASSIGN(Value element, byPath(run, elements[i], slots.at(1)));
    LLC_ASSIGN(std::string part, toText(element));
    LLC_TRY(run.spendText(part.size() + between.size()));
    text += (i ? between : "") + part;
  }
  return Value(std::move(text));
}

Result<Value> summed(Interpreter &run, const Value &value, const Slots &slots, const Arguments &) {
  LLC_ASSIGN(Values elements, elementsOf(run, value));
  Value sum = slots.has(1) ? slots.at(1) : Value(int64_t(0));
  for (const Value &element : elements) {
    LLC_ASSIGN(Value term, byPath(run, element, slots.at(0)));
    LLC_ASSIGN(sum, arithmetic(run, "+", sum, term));
  }
  return std::move(sum);
}

// Lists of `count` elements each, the last one filled up if a filling is given.
Result<Value> batches(Interpreter &run, const Value &value, const Slots &slots, const Arguments &) {
  LLC_ASSIGN(Values elements, elementsOf(run, value));
  LLC_ASSIGN(int64_t count, slots.whole(0, 1));
  if (count < 1 || count > maxRange) return failed(fmt::format("batch takes a number from 1 to {}", maxRange));
  Values lists;
  for (size_t at = 0; at < elements.size(); at += size_t(count)) {
    Values part(elements.begin() + ptrdiff_t(at),
                elements.begin() + ptrdiff_t(std::min(elements.size(), at + size_t(count))));
    LLC_TRY(run.step(count));
    if (!slots.at(1).isNone()) part.resize(size_t(count), slots.at(1));
    lists.push_back(Value::list(std::move(part)));
  }
  return generator(std::move(lists));
}

// `count` lists, of lengths that differ by one at most.
Result<Value> slices(Interpreter &run, const Value &value, const Slots &slots, const Arguments &) {
  LLC_ASSIGN(Values elements, elementsOf(run, value));
  LLC_ASSIGN(int64_t count, slots.whole(0, 1));
  if (count < 1 || count > maxRange) return failed(fmt::format("slice takes a number from 1 to {}", maxRange));
  LLC_TRY(run.step(count));
  size_t each = elements.size() / size_t(count), longer = elements.size() % size_t(count), at = 0;
  Values lists;
  for (size_t i = 0; i < size_t(count); ++i) {
    size_t size = each + (i < longer);
    Values part(elements.begin() + ptrdiff_t(at), elements.begin() + ptrdiff_t(at + size));
    at += size;
    if (!slots.at(1).isNone() && i >= longer && longer > 0) part.push_back(slots.at(1));
    lists.push_back(Value::list(std::move(part)));
  }
  return generator(std::move(lists));
}

Result<Value> reversed(Interpreter &run, const Value &value, const Slots &, const Arguments &) {
  if (value.isString()) {
    Points points = pointsOf(value.string());
    std::reverse(points.begin(), points.end());
    return Value(textOf(points));
  }
  LLC_ASSIGN(Values elements, elementsOf(run, value));
  std::reverse(elements.begin(), elements.end());
  return generator(std::move(elements));
}

Result<Value> endOf(Interpreter &run, const Value &value, bool last) {
  LLC_ASSIGN(Values elements, elementsOf(run, value));
  if (elements.empty()) return Value::undefined("No first item, sequence was empty.");
  return last ? elements.back() : elements.front();
}

Result<Value> itemsOf(Interpreter &run, const Value &value, const Slots &, const Arguments &) {
  if (value.isUndefined()) return generator({});
  if (!value.isMap()) return failed("Can only get item pairs from a mapping.");
  LLC_ASSIGN(Value items, call(run, methodOf(value, "items"), {}));
  return generator(items.list().items);
}
}  // namespace

void addSequenceFilters(Builtins &table) {
  auto selects = [](bool byAttribute, bool keeps) {
    return Builtin{{},
                   [=](Interpreter &run, const Value &value, const Slots &, const Arguments &arguments) {
                     return selected(run, value, arguments, byAttribute, keeps);
                   },
                   true};
  };
  auto extremes = [](bool largest) {
    return Builtin{{"case_sensitive", "attribute"},
                   [=](Interpreter &run, const Value &value, const Slots &slots, const Arguments &) {
                     return extreme(run, value, slots, largest);
                   }};
  };
  auto ends = [](bool last) {
    return Builtin{{}, [=](Interpreter &run, const Value &value, const Slots &, const Arguments &) {
                     return endOf(run, value, last);
                   }};
  };
  table["list"] = {{}, [](Interpreter &run, const Value &value, const Slots &, const Arguments &) -> Result<Value> {
                     LLC_ASSIGN(Values elements, elementsOf(run, value));
                     return Value::list(std::move(elements));
                   }};
  table["sort"] = {{"reverse", "case_sensitive", "attribute"}, sorted};
  table["dictsort"] = {{"case_sensitive", "by", "reverse"}, dictionarySorted};
  table["unique"] = {{"case_sensitive", "attribute"}, unique};
  table["groupby"] = {{"attribute", "default", "case_sensitive"}, grouped};
  table["join"] = {{"d", "attribute"}, joinedText};
  table["sum"] = {{"attribute", "start"}, summed};
  table["batch"] = {{"linecount", "fill_with"}, batches};
  table["slice"] = {{"slices", "fill_with"}, slices};
  table["reverse"] = {{}, reversed};
  table["items"] = {{}, itemsOf};
  table["map"] = {{}, mapped, true};
  table["min"] = extremes(false), table["max"] = extremes(true);
  table["first"] = ends(false), table["last"] = ends(true);
  table["select"] = selects(false, true), table["reject"] = selects(false, false);
  table["selectattr"] = selects(true, true), table["rejectattr"] = selects(true, false);
}

}  // namespace llc::chat
