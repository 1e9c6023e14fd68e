#include "runtime/train/gradient_flow.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace llc::train {

namespace {
// The end of the first part of a name that is a number; npos: it has none.
size_t endOfNumber(std::string_view name, int64_t *number = nullptr) {
  for (size_t begin = 0; begin < name.size();) {
    size_t end = std::min(name.find('.', begin), name.size());
    int64_t value = 0;
    auto [rest, error] = std::from_chars(name.data() + begin, name.data() + end, value);
    if (error == std::errc() && rest == name.data() + end) {
      if (number) *number = value;
      return end;
    }
    begin = end + 1;
  }
  return name.npos;
}

struct WeightRange {
  bool finite = true;
  double largest = 0;
};

WeightRange rangeOf(const TensorState &tensor) {
  WeightRange range;
  for (size_t i = 0, count = tensor.data.size() / byteSize(tensor.type); i < count; ++i) {
    double magnitude = std::abs(loadElement(tensor.data.data(), tensor.type, i));
    range.finite = range.finite && std::isfinite(magnitude);
    range.largest = std::max(range.largest, magnitude);
  }
  return range;
}

// Nothing but weights goes into a loss that was finite before.
std::string whereInForward(std::span<const TensorState> state) {
  double largest = 0;
  std::string name;
  for (const TensorState &tensor : state) {
    if (!tensor.isWeight) continue;
    WeightRange range = rangeOf(tensor);
    if (!range.finite) return "the weight " + tensor.name + " holds numbers that are not finite";
    if (range.largest >= largest) largest = range.largest, name = tensor.name;
  }
  return fmt::format("it arose in the forward pass, with finite weights (the largest is {:.3g}, in {})", largest, name);
}

// Gradients go from the last layer to the first one, and take what is not finite along.
std::string whereInBackward(const Metrics &metrics) {
  std::string place;
  int64_t count = 0, layer = -1, layers = 0;
  for (const auto &[name, norm] : metrics) {
    if (!name.starts_with(gradientNorms)) continue;
    int64_t number = layerOfPlace(std::string_view(name).substr(gradientNorms.size()));
    layers = std::max(layers, number + 1);
    if (std::isfinite(norm)) continue;
    if (++count; place.empty() || number > layer) place = name.substr(gradientNorms.size()), layer = number;
  }
  if (!count) return "it arose when the squares of gradients were added";
  std::string where = "it arose in the backward pass, in " + place;
  if (layer >= 0 && layer + 1 == layers) where += " or behind it";
  if (count > 1) where += fmt::format(" ({} more places have gradients that are not finite)", count - 1);
  return where;
}
}  // namespace

std::string placeOfWeight(std::string_view weight) {
  size_t end = endOfNumber(weight);
  if (end != weight.npos) return std::string(weight.substr(0, end));
  constexpr std::string_view ending = ".weight";
  if (weight.ends_with(ending)) weight.remove_suffix(ending.size());
  return std::string(weight);
}

int64_t layerOfPlace(std::string_view place) {
  int64_t number = -1;
  return endOfNumber(place, &number) == place.size() ? number : -1;
}

void GradientFlow::add(std::string_view weight, const float *squares) {
  std::string name = std::string(gradientNorms) + placeOfWeight(weight);
  auto place = std::ranges::find(places_, name, &decltype(places_)::value_type::first);
  if (place == places_.end()) place = places_.insert(places_.end(), {name, {}});
  place->second.push_back(squares);
}

void GradientFlow::addTo(Metrics &metrics, double lossScale) const {
  for (const auto &[name, squares] : places_) {
    double sum = 0;
    for (const float *one : squares) sum += double(*one);
    metrics[name] = std::sqrt(sum) / lossScale;
  }
}

std::string whereNotFinite(const StepResult &result, std::span<const TensorState> state) {
  return std::isfinite(result.loss) ? whereInBackward(result.metrics) : whereInForward(state);
}

}  // namespace llc::train
