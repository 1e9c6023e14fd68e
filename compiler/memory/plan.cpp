#include "compiler/memory/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace llc::compiler {
namespace {
int64_t aligned(int64_t bytes) { return (bytes + placeAlignment - 1) / placeAlignment * placeAlignment; }
bool aliveTogether(const Temporary &a, const Temporary &b) { return a.first <= b.last && b.first <= a.last; }

int64_t mostAlive(const std::vector<Temporary> &temporaries) {
  int64_t most = 0;
  for (const Temporary &at : temporaries) {  // the maximum is reached where some temporary begins
    int64_t alive = 0;
    for (const Temporary &other : temporaries)
      if (other.first <= at.first && at.first <= other.last) alive += aligned(other.bytes);
    most = std::max(most, alive);
  }
  return most;
}

// The lowest offset at which `bytes` fit between the places taken (sorted by offset).
int64_t lowestGap(const std::vector<const Temporary *> &taken, int64_t bytes) {
  int64_t offset = 0;
  for (const Temporary *other : taken) {
    if (offset + bytes <= other->offset) break;
    offset = std::max(offset, other->offset + aligned(other->bytes));
  }
  return offset;
}

// Places in this order, each at the lowest gap that fits. The bytes that are needed.
int64_t placeInOrder(std::vector<Temporary> &temporaries, const std::vector<size_t> &order) {
  int64_t bytes = 0;
  std::vector<const Temporary *> placed;
  for (size_t i : order) {
    Temporary &temporary = temporaries[i];
    std::vector<const Temporary *> taken;
    for (const Temporary *other : placed)
      if (aliveTogether(temporary, *other)) taken.push_back(other);
    std::sort(taken.begin(), taken.end(), [](auto *a, auto *b) { return a->offset < b->offset; });
    temporary.offset = lowestGap(taken, aligned(temporary.bytes));
    bytes = std::max(bytes, temporary.offset + aligned(temporary.bytes));
    placed.push_back(&temporary);
  }
  return bytes;
}

double area(const Temporary &t) { return double(t.bytes) * double(t.last - t.first + 1); }

using Before = bool (*)(const Temporary &, const Temporary &);
// Largest first is best for most functions. Where many layers keep values of some sizes between forward and backward,
// it leaves gaps between their times; what is needed until late, for long, or is large for long fills the frame from
// below better.
constexpr Before orders[] = {
    [](const Temporary &a, const Temporary &b) { return a.bytes > b.bytes; },
    [](const Temporary &a, const Temporary &b) { return a.last != b.last ? a.last > b.last : a.first < b.first; },
    [](const Temporary &a, const Temporary &b) { return a.last - a.first > b.last - b.first; },
    [](const Temporary &a, const Temporary &b) { return area(a) > area(b); }};
}  // namespace

void assignPlaces(FramePlan &plan) {
  plan.lowerBound = mostAlive(plan.temporaries);
  plan.bytes = plan.withoutReuse = 0;
  for (const Temporary &temporary : plan.temporaries) plan.withoutReuse += aligned(temporary.bytes);
  std::vector<Temporary> trial = plan.temporaries;
  std::vector<size_t> order(trial.size());
  for (Before before : orders) {
    std::iota(order.begin(), order.end(), size_t(0));
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return before(trial[a], trial[b]); });
    int64_t bytes = placeInOrder(trial, order);
    if (before != orders[0] && bytes >= plan.bytes) continue;
    plan.temporaries = trial, plan.bytes = bytes;
    if (bytes == plan.lowerBound) return;
  }
}

bool isSound(const FramePlan &plan) {
  for (size_t i = 0; i < plan.temporaries.size(); ++i) {
    const Temporary &a = plan.temporaries[i];
    if (a.offset < 0 || a.offset % placeAlignment || a.offset + a.bytes > plan.bytes) return false;
    for (size_t j = 0; j < i; ++j) {
      const Temporary &b = plan.temporaries[j];
      if (aliveTogether(a, b) && a.offset < b.offset + b.bytes && b.offset < a.offset + a.bytes) return false;
    }
  }
  return true;
}

nlohmann::json toJson(const FramePlan &plan) {
  auto values = nlohmann::json::array();
  for (const Temporary &t : plan.temporaries)
    values.push_back(
        {{"name", t.name}, {"bytes", t.bytes}, {"offset", t.offset}, {"first", t.first}, {"last", t.last}});
  return {{"name", plan.function},
          {"bytes", plan.bytes},
          {"lower_bound", plan.lowerBound},
          {"without_reuse", plan.withoutReuse},
          {"values", values}};
}

std::string humanBytes(int64_t bytes) {
  if (bytes < 1024) return fmt::format("{} B", bytes);
  double value = static_cast<double>(bytes);
  const char *unit = "B";
  for (const char *next : {"KiB", "MiB", "GiB", "TiB"}) {
    if (value < 1024) break;
    value /= 1024, unit = next;
  }
  return fmt::format("{:.1f} {}", value, unit);
}

std::string report(const FramePlan &plan) {
  std::string text = fmt::format("{}: {} (at least {}, without reuse {})\n", plan.function, humanBytes(plan.bytes),
                                 humanBytes(plan.lowerBound), humanBytes(plan.withoutReuse));
  std::vector<const Temporary *> sorted;
  for (const Temporary &t : plan.temporaries) sorted.push_back(&t);
  std::stable_sort(sorted.begin(), sorted.end(), [](auto *a, auto *b) { return a->first < b->first; });
  for (const Temporary *t : sorted)
    text += fmt::format("  {:>10}  {:>12}  steps {:>3}..{:<3}  {}\n", t->offset, humanBytes(t->bytes), t->first,
                        t->last, t->name);
  return text;
}

}  // namespace llc::compiler
