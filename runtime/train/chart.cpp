#include "runtime/train/chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace llc::train {

namespace {
using Points = std::vector<std::pair<double, double>>;
constexpr const char *colours[] = {"#2563eb", "#dc2626", "#059669", "#9333ea"};
constexpr double left = 64, right = 16, top = 34, bottom = 38;
constexpr size_t stretches = 360;  // of which a line is made

Points thinned(const Points &points) {
  if (points.size() <= 4 * stretches) return points;
  Points kept;
  for (size_t s = 0; s < stretches; ++s) {
    size_t begin = s * points.size() / stretches, end = (s + 1) * points.size() / stretches;
    size_t least = begin, greatest = begin;
    for (size_t i = begin; i < end; ++i) {
      if (points[i].second < points[least].second) least = i;
      if (points[i].second > points[greatest].second) greatest = i;
    }
    std::vector<size_t> chosen = {begin, least, greatest, end - 1};
    std::sort(chosen.begin(), chosen.end());
    chosen.erase(std::unique(chosen.begin(), chosen.end()), chosen.end());
    for (size_t i : chosen) kept.push_back(points[i]);
  }
  return kept;
}

struct Range {
  double low = INFINITY, high = -INFINITY;
  void add(double value) { low = std::min(low, value), high = std::max(high, value); }
  bool empty() const { return low > high; }
  void widen() {
    if (high > low) return;
    double by = std::max(std::abs(high), 1e-9) * 0.1;
    low -= by, high += by;
  }
};

// 1, 2 or 5 times a power of ten, such that some five ticks are in the range.
std::vector<double> ticks(const Range &range) {
  double rough = (range.high - range.low) / 5, power = std::pow(10, std::floor(std::log10(rough)));
  double step = power * (rough / power < 1.5 ? 1 : rough / power < 3.5 ? 2 : rough / power < 7.5 ? 5 : 10);
  std::vector<double> values;
  for (double value = std::ceil(range.low / step) * step; value <= range.high + step * 1e-9; value += step)
    values.push_back(std::abs(value) < step * 1e-9 ? 0 : value);
  return values;
}

class Chart {
 public:
  Chart(const std::vector<Line> &lines, const ChartOptions &options) : options_(options) {
    for (const Line &line : lines) {
      lines_.push_back({line.label, {}});
      for (auto point : line.points)
        if (std::isfinite(point.first) && std::isfinite(point.second)) lines_.back().points.push_back(point);
    }
    logarithmic_ = options.logarithmic;
    for (const Line &line : lines_)
      for (auto [x, y] : line.points) logarithmic_ = logarithmic_ && y > 0;
    for (const Line &line : lines_)
      for (auto [x, y] : line.points) x_.add(x), y_.add(scaled(y));
  }

  std::string draw() {
    std::string out = fmt::format(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\" role=\"img\" font-family=\"sans-serif\" "
        "font-size=\"11\">\n<text x=\"{}\" y=\"18\" font-size=\"14\" font-weight=\"bold\">{}</text>\n",
        options_.width, options_.height, left, escapedText(options_.title));
    if (x_.empty()) return out + fmt::format("<text x=\"{}\" y=\"60\">no values</text>\n</svg>\n", left);
    x_.widen(), y_.widen();
    return out + axes() + curves() + legend() + "</svg>\n";
  }

 private:
  double scaled(double y) const { return logarithmic_ ? std::log10(y) : y; }
  double atX(double x) const { return left + (x - x_.low) / (x_.high - x_.low) * (options_.width - left - right); }
  double atY(double y) const { return top + (y_.high - y) / (y_.high - y_.low) * (options_.height - top - bottom); }

  std::string axes() const {
    std::string out = "<g stroke=\"#ddd\" fill=\"#555\">\n";
    double floor = options_.height - bottom;
    for (double y : ticks(y_))
      out += fmt::format(
          "<line x1=\"{}\" x2=\"{}\" y1=\"{:.1f}\" y2=\"{:.1f}\"/><text stroke=\"none\" x=\"{}\" y=\"{:.1f}\" "
          "text-anchor=\"end\">{:.4g}</text>\n",
          left, options_.width - right, atY(y), atY(y), left - 6, atY(y) + 4, logarithmic_ ? std::pow(10, y) : y);
    for (double x : ticks(x_))
      out += fmt::format("<text stroke=\"none\" x=\"{:.1f}\" y=\"{}\" text-anchor=\"middle\">{:g}</text>\n", atX(x),
                         floor + 15, x);
    return out + fmt::format("<text stroke=\"none\" x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>\n</g>\n",
                             options_.width - right, floor + 30, escapedText(options_.xLabel));
  }

  std::string curves() const {
    std::string out;
    for (size_t i = 0; i < lines_.size(); ++i) {
      out += fmt::format("<polyline fill=\"none\" stroke=\"{}\" stroke-width=\"1.5\" points=\"",
                         colours[i % std::size(colours)]);
      for (auto [x, y] : thinned(lines_[i].points)) out += fmt::format("{:.1f},{:.1f} ", atX(x), atY(scaled(y)));
      out += "\"/>\n";
    }
    return out;
  }

  std::string legend() const {
    std::string out;
    double x = options_.width - right;
    for (size_t i = lines_.size(); i-- > 0 && lines_.size() > 1;) {
      out += fmt::format("<text x=\"{}\" y=\"18\" text-anchor=\"end\" fill=\"{}\">{}</text>\n", x,
                         colours[i % std::size(colours)], escapedText(lines_[i].label));
      x -= 7 * double(lines_[i].label.size()) + 14;
    }
    return out;
  }

  const ChartOptions &options_;
  std::vector<Line> lines_;
  bool logarithmic_;
  Range x_, y_;
};
}  // namespace

std::string escapedText(const std::string &text) {
  std::string out;
  for (char c : text) out += c == '<' ? "&lt;" : c == '>' ? "&gt;" : c == '&' ? "&amp;" : std::string(1, c);
  return out;
}

std::string lineChart(const std::vector<Line> &lines, const ChartOptions &options) {
  return Chart(lines, options).draw();
}

}  // namespace llc::train
