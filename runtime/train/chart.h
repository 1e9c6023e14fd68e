// Line charts as SVG, for pages that need nothing else.
#pragma once
#include <string>
#include <vector>

namespace llc::train {

struct Line {
  std::string label;
  std::vector<std::pair<double, double>> points;  // by x; those that are not finite are left out
};

struct ChartOptions {
  std::string title, xLabel;
  bool logarithmic = false;  // the y axis, if all values are above 0
  int width = 720, height = 280;
};

// As it stands between the tags of a page or an <svg>.
std::string escapedText(const std::string &text);
// An <svg> element. Long lines are thinned to what the width can show: of each stretch first, least, greatest, last.
std::string lineChart(const std::vector<Line> &lines, const ChartOptions &options);

}  // namespace llc::train
