#include "compiler/memory/plan.h"

#include <fmt/format.h>

#include <algorithm>

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
}  // namespace

void assignPlaces(FramePlan &plan) {
  std::vector<size_t> order(plan.temporaries.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return plan.temporaries[a].bytes > plan.temporaries[b].bytes; });
  plan.bytes = plan.withoutReuse = 0;
  std::vector<const Temporary *> placed;
  for (size_t i : order) {
    Temporary &temporary = plan.temporaries[i];
    std::vector<const Temporary *> taken;
    for (const Temporary *other : placed)
      if (aliveTogether(temporary, *other)) taken.push_back(other);
    std::sort(taken.begin(), taken.end(), [](auto *a, auto *b) { return a->offset < b->offset; });
    temporary.offset = lowestGap(taken, aligned(temporary.bytes));
    plan.bytes = std::max(plan.bytes, temporary.offset + aligned(temporary.bytes));
    plan.withoutReuse += aligned(temporary.bytes);
    placed.push_back(&temporary);
  }
  plan.lowerBound = mostAlive(plan.temporaries);
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
