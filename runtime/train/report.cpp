#include "runtime/train/report.h"

#include <algorithm>

#include "runtime/train/chart.h"
#include "runtime/train/gradient_flow.h"

namespace llc::train {

namespace {
constexpr const char *style =
    "body{font-family:sans-serif;max-width:760px;margin:2em auto;padding:0 1em;color:#222}svg{width:100%;margin:0.8em "
    "0}td{padding:2px 1em 2px 0;vertical-align:top}pre{white-space:pre-wrap;background:#f4f4f4;padding:0.6em}";

Line lineOf(const std::vector<Record> &records, const std::string &label, const std::string &key) {
  Line line{label, {}};
  for (const Record &record : records)
    if (auto value = record.find(key); value != record.end() && value->is_number())
      line.points.emplace_back(record["step"].get<double>(), value->get<double>());
  return line;
}

// Norms by layer, at the beginning, in the middle and at the end.
std::vector<Line> gradientFlow(const std::vector<Record> &records) {
  const std::string prefix = "train/" + std::string(gradientNorms);
  std::vector<Line> all;
  for (const Record &record : records) {
    Line line{"step " + record["step"].dump(), {}};
    for (const auto &[key, value] : record.items())
      if (key.starts_with(prefix) && value.is_number())
        if (int64_t layer = layerOfPlace(std::string_view(key).substr(prefix.size())); layer >= 0)
          line.points.emplace_back(double(layer), value.get<double>());
    std::ranges::sort(line.points);
    if (line.points.size() > 1) all.push_back(std::move(line));
  }
  std::vector<Line> chosen;
  for (size_t i : {size_t(0), all.size() / 2, all.size() - 1})
    if (i < all.size() && (chosen.empty() || chosen.back().label != all[i].label)) chosen.push_back(all[i]);
  return chosen;
}

std::string charts(const std::vector<Record> &records) {
  auto chart = [&](const std::string &title, std::vector<Line> lines, bool logarithmic = false,
                   const char *along = "step") {
    std::erase_if(lines, [](const Line &line) { return line.points.empty(); });
    return lines.empty() ? std::string() : lineChart(lines, {title, along, logarithmic});
  };
  return chart("Loss", {lineOf(records, "training", "train/loss"), lineOf(records, "evaluation", "eval/loss")}) +
         chart("Norm of the gradient",
               {lineOf(records, "mean", "train/grad_norm"), lineOf(records, "largest", "train/max_grad_norm")}, true) +
         chart("Gradient flow: its norm by layer", gradientFlow(records), true, "layer") +
         chart("Learning rate", {lineOf(records, "", "train/learning_rate")}) +
         chart("Tokens a second", {lineOf(records, "", "train/tokens_per_second")});
}

std::string texts(const std::vector<Record> &records, const char *event, const char *key, const char *title) {
  std::string out;
  for (const Record &record : records)
    if (record.value("event", "") == event && record.contains(key) && record[key].is_string())
      out += fmt::format("<p>step {}</p><pre>{}</pre>\n", record["step"].dump(),
                         escapedText(record[key].get<std::string>()));
  return out.empty() ? out : fmt::format("<h2>{}</h2>\n{}", title, out);
}
}  // namespace

std::string trainingReport(const std::string &title, const std::vector<std::pair<std::string, std::string>> &facts,
                           const std::vector<Record> &records) {
  std::string page = fmt::format(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{0}</title><style>{1}</style></head>\n"
      "<body><h1>{0}</h1>\n<table>\n",
      escapedText(title), style);
  for (const auto &[name, value] : facts)
    page += fmt::format("<tr><td>{}</td><td>{}</td></tr>\n", escapedText(name), escapedText(value));
  page += "</table>\n" + charts(records) + texts(records, "sample", "text", "Texts") +
          texts(records, "warning", "message", "Warnings");
  return page + "</body></html>\n";
}

}  // namespace llc::train
