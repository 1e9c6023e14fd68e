#include "runtime/base/status.h"

#include <algorithm>

namespace llc {

std::string Error::text() const {
  std::string line = where.empty() ? what : where + ": " + what;
  if (!remedy.empty()) line += "; to fix: " + remedy;
  return line;
}

int Error::exitCode() const {
  switch (kind) {
    case ErrorKind::invalidInput:
    case ErrorKind::notFound: return 2;
    case ErrorKind::unsupported: return 3;
    case ErrorKind::resource: return 4;
    case ErrorKind::internal: break;
  }
  return 70;
}

namespace {
size_t editDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0]++;
    for (size_t j = 1; j <= b.size(); ++j) {
      size_t above = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1])});
      diagonal = above;
    }
  }
  return row.back();
}
}  // namespace

std::string nearestNames(std::string_view name, const std::vector<std::string> &known) {
  std::vector<std::pair<size_t, std::string>> ranked;
  // Of one or two letters, any other name of that length would be near.
  size_t limit = name.size() < 3 ? std::max<size_t>(name.size(), 1) - 1 : std::max<size_t>(2, name.size() / 2);
  for (const std::string &candidate : known)
    if (size_t distance = editDistance(name, candidate); distance <= limit) ranked.emplace_back(distance, candidate);
  std::sort(ranked.begin(), ranked.end());
  if (ranked.size() > 3) ranked.resize(3);
  std::string text;
  for (size_t i = 0; i < ranked.size(); ++i) {
    if (i) text += i + 1 == ranked.size() ? " or " : ", ";
    text += "'" + ranked[i].second + "'";
  }
  return text;
}

}  // namespace llc
